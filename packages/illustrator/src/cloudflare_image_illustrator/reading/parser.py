"""One pass over a prompt's tokens, which hangs modifiers and relations on the things that they belong to."""

from cloudflare_image_illustrator.reading import everyday, lexicon
from cloudflare_image_illustrator.reading.belonging import (
    CARRIED,
    CONTAINERS,
    COVERING,
    EMBLEMS,
    EQUIPPED,
    FLYING,
    GROUNDS,
    HANDY,
    MANY,
    MOST,
    ON_THE_BODY,
    OPENED,
    PARTS,
    ROOM_PARTS,
    SEATS,
    SERVED,
    SETTLEMENTS,
    TOGETHER,
    WEARABLE,
)
from cloudflare_image_illustrator.reading.mention import Mention, Reading
from cloudflare_image_illustrator.reading.tokens import Token
from cloudflare_image_illustrator.reading.vocabulary import Vocabulary


class MentionParser:
    """The pass over the tokens."""

    def __init__(self, reading: Reading, vocabulary: Vocabulary) -> None:
        self.reading = reading
        self.vocabulary = vocabulary
        self._clear()
        self.relation: str | None = None
        self.joined = False
        self.link = ""
        self.last: int | None = None
        self.holder: tuple[str, int] | None = None
        self.adjacent = False

    def _clear(self) -> None:
        self.count: int | None = None
        self.colours: list[str] = []
        self.material: str | None = None
        self.size = 1.0
        self.flying = False

    def run(self, tokens: list[Token]) -> None:
        for position, token in enumerate(tokens):
            following = tokens[position + 1] if position + 1 < len(tokens) else None
            handler = getattr(self, f"_on_{token.kind}")
            handler(token, following)
            if token.kind not in {"filler", "colour", "size", "material"} or token.phrase in {
                "of",
                "in",
                "at",
                "the",
            }:
                self.adjacent = token.kind in {"thing", "guess"}
        self._leftovers()
        if self.reading.room_part and not self.reading.scenery and not self._has_building():
            self._place("interior")

    def _on_break(self, token: Token, _: Token | None) -> None:
        self._leftovers()
        self.holder = None
        self.relation = "beside" if self.last is not None else None

    def _leftovers(self) -> None:
        """Colours with no noun after them belong to the last thing, or to the whole picture."""
        if self.colours:
            if self.last is not None and not self.reading.mentions[self.last].colours:
                self.reading.mentions[self.last].colours = self.colours
            else:
                self.reading.colours += self.colours
        self._clear()

    def _on_filler(self, token: Token, following: Token | None) -> None:
        """ "flying" says something of the thing beside it; who flies a thing stays on the ground."""
        if token.phrase in FLYING:
            if following is not None and following.kind == "count":
                self.relation, self.flying = "beside" if self.last is not None else None, True
            elif self.last is not None and self.count is None:
                self.reading.mentions[self.last].flying = True
            else:
                self.flying = True

    def _on_unknown(self, token: Token, _: Token | None) -> None:
        if len(token.phrase) > 2:
            self.reading.warnings.append(f'nothing in the artwork matches "{token.phrase}"; it was left out')

    def _on_action(self, token: Token, _: Token | None) -> None:
        """What is done cannot be drawn; who does it to whom stands side by side."""
        self.relation = "beside" if self.last is not None else None
        self.reading.warnings.append(f'the action "{token.phrase}" is not drawn')

    def _on_count(self, token: Token, following: Token | None) -> None:
        count = int(token.value)
        if token.phrase in {"a", "an"} and self.holder is not None and self.holder[1] != self.last:
            self.holder = None  # "a plate of cookies and a glass"
        if not (token.phrase in {"a", "an"} and self.count):
            self.count = count

    def _on_size(self, token: Token, _: Token | None) -> None:
        self.size = float(token.value)

    def _on_material(self, token: Token, _: Token | None) -> None:
        self.material = token.value

    def _on_colour(self, token: Token, _: Token | None) -> None:
        self.colours.append(token.value)

    def _on_relation(self, token: Token, _: Token | None) -> None:
        if token.phrase == "and" and self.colours:
            return
        self.relation = token.value
        self.joined, self.link = token.phrase == "and", token.phrase
        if token.phrase not in {"and", "with"}:
            self.holder = None

    def _on_scenery(self, token: Token, following: Token | None) -> None:
        if token.phrase in ROOM_PARTS:
            self.reading.room_part = True
            self._clear()
            return
        # By the sea, not in it.
        self._place("beach" if token.value == "ocean" and self.relation == "beside" else token.value)
        if self.colours:
            self.reading.tints[token.value] = self.colours[0]
        if token.value == "gradient" and len(self.colours) > 1:
            self.reading.tints["gradient end"] = self.colours[1]
        self._clear()
        if token.phrase in SETTLEMENTS:
            self._settle()
        if token.value == "meadow" and following is not None and following.phrase == "of":
            self.count = MANY  # "a field of tulips"
        if self.relation != "beside":
            self.relation = None

    def _settle(self) -> None:
        """Houses for a place that has them."""
        number = self.vocabulary.label("house")
        if number is not None:
            self.reading.mentions.append(Mention("house", [number], 3, size=0.8))
            self.last = len(self.reading.mentions) - 1

    def _has_building(self) -> bool:
        return any(
            m.concepts and self.vocabulary.concept(m.concepts[0]).kind.startswith("place")
            for m in self.reading.mentions
        )

    def _place(self, scenery: str) -> None:
        if scenery not in self.reading.scenery:
            self.reading.scenery.append(scenery)

    def _on_sky(self, token: Token, following: Token | None) -> None:
        """Stars and suns that are counted or sized are things; otherwise they belong to the sky."""
        number = self.vocabulary.label(token.phrase.rstrip("s"))
        if token.value == "stars" and number is not None and (self.count or 0) > 1:
            self._on_thing(Token("thing", token.value, token.phrase, True, (number,)), following)
            return
        if self.colours:
            self.reading.tints[token.value] = self.colours[0]
        self.reading.sky.append(token.value)
        self._clear()
        self.relation = None

    def _on_time(self, token: Token, _: Token | None) -> None:
        self.reading.time = self.reading.time or token.value
        if "star" in token.phrase:
            self.reading.sky.append("stars")
        if "moon" in token.phrase:
            self.reading.sky.append("moon")

    def _on_weather(self, token: Token, _: Token | None) -> None:
        if token.value not in self.reading.weather:
            self.reading.weather.append(token.value)
        if self.relation in {"inside", "on"}:
            self.relation = None

    def _on_idea(self, token: Token, _: Token | None) -> None:
        self.reading.ideas.append(token.phrase)

    def _on_season(self, token: Token, _: Token | None) -> None:
        self.reading.season = self.reading.season or token.value

    def _on_mood(self, token: Token, _: Token | None) -> None:
        self.reading.mood = self.reading.mood or token.value

    def _on_composition(self, token: Token, _: Token | None) -> None:
        self.reading.composition = self.reading.composition or token.value

    def _on_style(self, token: Token, _: Token | None) -> None:
        self.reading.emblem = self.reading.emblem or token.phrase in EMBLEMS
        self.reading.style = self.reading.style or token.value
        self.relation = None

    def _on_guess(self, token: Token, following: Token | None) -> None:
        """A word known only by its embedding is a thing unless it stands before one."""
        if following is not None and following.kind in {"thing", "guess", "scenery"}:
            return
        label = self.vocabulary.concept(token.concepts[0]).label
        if self._is_there(token):
            return
        self.reading.warnings.append(f'"{token.phrase}" is not in the artwork; the nearest, "{label}", was drawn')
        self._on_thing(token, following)

    def _is_there(self, token: Token) -> bool:
        """A word that only resembles a thing which the prompt names already is not drawn a second time."""
        there = any(m.concepts[:1] == list(token.concepts[:1]) for m in self.reading.mentions)
        if there:
            self.reading.warnings.append(
                f'"{token.phrase}" was left out: the artwork has nothing nearer than what is drawn already'
            )
        return there

    def _on_thing(self, token: Token, following: Token | None) -> None:
        token = self._opened(token)
        if (
            self._is_road(token)
            or self._is_part(token)
            or self._is_equipped(token)
            or self._is_measure(token, following)
        ):
            return
        if token.value in TOGETHER:
            self._on_group(token)
            return
        if token.concepts and self.vocabulary.label(token.value) is None and self._is_there(token):
            return
        if following is not None and not token.plural and self._describes(token, following):
            return
        if self._comes_served(token):
            self._clear()
            return
        count = self._number_of(token)
        mention = Mention(
            token.phrase,
            list(token.concepts),
            count,
            self.colours or self._implied(token),
            self.material,
            self.size,
            flying=self.flying,
        )
        if token.value == "sign":
            mention.lettering = ""
        if self.holder is not None:
            mention.relation = self.holder
        elif self.relation is not None and self.last is not None:
            relation = self._relation_to(token)
            mention.relation = (relation, self._bearer())
            mention.joined = self.joined and relation == "beside"
        self._warn_of_stand_in(token)
        self.reading.mentions.append(mention)
        self.last = len(self.reading.mentions) - 1
        if self.holder is None and token.value in CONTAINERS and following is not None and following.phrase == "of":
            self.holder = (CONTAINERS[token.value], self.last)
        self._clear()
        self.relation = None

    def _warn_of_stand_in(self, token: Token) -> None:
        nearest = everyday.STAND_INS.get(token.phrase)
        if nearest is not None:
            self.reading.warnings.append(f'"{token.phrase}" is not in the artwork; the nearest, "{nearest}", was drawn')

    def _number_of(self, token: Token) -> int:
        """How many are drawn."""
        if self.count and self.count > MOST:
            self.reading.warnings.append(f"{self.count} of {token.phrase} were asked for; {MOST} were drawn")
        if token.plural and self.count in {None, 1}:
            return 1 if token.value == "glasses" and self.count else 3
        return min(self.count or 1, MOST)

    def _is_road(self, token: Token) -> bool:
        """A road is scenery, not a thing in it."""
        if not token.concepts or self.vocabulary.concept(token.concepts[0]).label != "motorway":
            return False
        self.reading.road = True
        self._clear()
        self.relation = None
        return True

    def _is_part(self, token: Token) -> bool:
        """ "a tree with pink leaves": a part of the last thing is not drawn apart from it; it may colour it."""
        if self.last is None or self.link not in {"with", "and"} or token.phrase not in PARTS:
            return False
        if token.phrase in COVERING and self.colours and not self.reading.mentions[self.last].colours:
            self.reading.mentions[self.last].colours = self.colours
        self._clear()
        return True

    def _is_equipped(self, token: Token) -> bool:
        """Whether who would hold the thing has it in the hand as drawn."""
        if self.relation not in {"holding", "beside"} or self.last is None or not token.concepts:
            return False
        bearer = self.reading.mentions[self._bearer()].concepts
        has = EQUIPPED.get(self.vocabulary.concept(bearer[0]).label, ()) if bearer else ()
        if self.vocabulary.concept(token.concepts[0]).label not in has:
            return False
        self._clear()
        return True

    def _is_measure(self, token: Token, following: Token | None) -> bool:
        """A cup of something is that thing; "building" between a thing and an article is what it does."""
        if following is None:
            return False
        if token.phrase in {"cup", "mug"} and following.phrase == "of":
            return True
        if token.phrase.endswith("ing") and following.kind == "count" and self.adjacent:
            self.relation = "beside"
            return True
        return False

    def _opened(self, token: Token) -> Token:
        """The open form of a thing that something is put into."""
        label = self.vocabulary.concept(token.concepts[0]).label if token.concepts else ""
        number = self.vocabulary.label(OPENED.get(label, ""))
        if self.relation == "inside" and number is not None:
            return Token(token.kind, token.value, token.phrase, token.plural, (number,))
        return token

    def _implied(self, token: Token) -> list[str]:
        """The colour that a thing's name says: "black cat", "goldfish"."""
        first = token.phrase.split()[0]
        label = self.vocabulary.concept(token.concepts[0]).label if token.concepts else ""
        if first in lexicon.COLOURS and label.startswith(f"{first} "):
            return [lexicon.COLOURS[first]]
        return [everyday.COATS[token.value]] if token.value in everyday.COATS else []

    def _comes_served(self, token: Token) -> bool:
        """Whether container and content are one drawing: the dish's, or the container's."""
        if self.holder is None:
            return False
        label = self.vocabulary.concept(token.concepts[0]).label if token.concepts else ""
        container = self.reading.mentions[self.holder[1]]
        if container.phrase in SERVED:
            return True
        if label in SERVED and container is self.reading.mentions[-1]:
            self.reading.mentions.pop()
            self.last = len(self.reading.mentions) - 1 if self.reading.mentions else None
            if container.relation is not None:
                self.relation = container.relation[0]
            self.holder = None
        return False

    def _on_group(self, token: Token) -> None:
        """A family is drawn as its members."""
        self._clear()
        for label in TOGETHER[token.value]:
            number = self.vocabulary.label(label)
            if number is not None:
                self._on_thing(Token("thing", label, label, False, (number,)), None)
                self.relation, self.joined = "beside", True
        self.relation = None

    def _bearer(self) -> int:
        """Who wears, holds or rides: what is worn or held already does none of it."""
        index = self.last or 0
        while (relation := self.reading.mentions[index].relation) is not None and relation[0] in ON_THE_BODY:
            index = relation[1]
        return index

    def _relation_to(self, token: Token) -> str:
        kind = self.vocabulary.concept(token.concepts[0]).kind if token.concepts else ""
        label = self.vocabulary.concept(token.concepts[0]).label if token.concepts else ""
        if self.relation == "inside" and label in SEATS:
            return "on"
        carried = label in CARRIED or (kind.startswith(HANDY) and self.link == "with")
        bearer = self.reading.mentions[self._bearer()].concepts
        if carried and bearer and self.vocabulary.concept(bearer[0]).kind.startswith("person"):
            return "holding"
        if self.relation in {"beside", "inside"} and kind in WEARABLE and label not in CARRIED:
            return "wearing"
        return self.relation or "beside"

    def _describes(self, token: Token, following: Token) -> bool:
        """A noun before a noun describes it: "clown car" is a car. Before a place it is what one finds there."""
        if following.phrase in GROUNDS:
            kind = self.vocabulary.concept(token.concepts[0]).kind if token.concepts else ""
            if kind.startswith("plant"):
                self.count = self.count or 5
            if kind.startswith(("food", "drink")) and following.value == "interior":
                self._place("table")
            return False
        if following.kind != "thing":
            return False
        if token.concepts[:1] == following.concepts[:1]:  # "corgi puppy"
            self.colours = self.colours or self._implied(token)
        elif token.phrase not in {"cup", "mug"} and self.vocabulary.label(token.value) is not None:
            self.reading.warnings.append(
                f'"{token.phrase}" was read as describing the next word; it was not drawn itself'
            )
        return True
