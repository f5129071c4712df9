"""One pass over a prompt's tokens, which hangs modifiers and relations on the things that they belong to."""

from cloudflare_image_illustrator.reading import everyday, lexicon
from cloudflare_image_illustrator.reading.belonging import (
    CARRIED,
    CONTAINERS,
    COVERING,
    EQUIPPED,
    FLOWER_FIELDS,
    GROUNDS,
    HANDY,
    INTERIORS,
    MOST,
    MOUNTS,
    ON_THE_BODY,
    OPENED,
    PARTS,
    SEATS,
    SERVED,
    TOGETHER,
    WEARABLE,
)
from cloudflare_image_illustrator.reading.mention import Mention
from cloudflare_image_illustrator.reading.modifiers import ModifierParser
from cloudflare_image_illustrator.reading.relatives import RELATIVES
from cloudflare_image_illustrator.reading.tokens import Token


class MentionParser(ModifierParser):
    """The pass over the tokens."""

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
            or self._is_room(token)
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
        self._fill_field(token)
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
        nearest = RELATIVES.get(token.value)
        drawn = self.vocabulary.label(token.value)
        if nearest is not None and drawn is not None and self.vocabulary.concept(drawn).label == nearest:
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

    def _grows_in_a_field(self, token: Token) -> None:
        label = self.vocabulary.concept(token.concepts[0]).label if token.concepts else ""
        crop = "wheat" if label == "sheaf of rice" else label if label in FLOWER_FIELDS else "flower"
        self.reading.kinds["meadow"] = f"{crop} field"

    def _fill_field(self, token: Token) -> None:
        """ "a field of tulips": a plant after "field of" is what grows in it."""
        if self.field and token.concepts and self.vocabulary.concept(token.concepts[0]).kind.startswith("plant"):
            self._grows_in_a_field(token)
        self.field = False

    def _is_room(self, token: Token) -> bool:
        """ "a doctor in a hospital": a building that someone is in is the room around them."""
        if self.relation != "inside" or self.link not in {"in", "inside"} or self.last is None or not token.concepts:
            return False
        kind = INTERIORS.get(self.vocabulary.concept(token.concepts[0]).label)
        occupant = self.reading.mentions[self.last].concepts
        if (
            kind is None
            or not occupant
            or not self.vocabulary.concept(occupant[0]).kind.startswith(("person", "animal"))
        ):
            return False
        self._place("interior")
        self.reading.kinds.setdefault("interior", kind)
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
        if self.relation == "inside" and kind.startswith(("place-building", "place-religious")):
            return "front"  # buildings are drawn from outside
        rider = self.reading.mentions[self.last or 0].concepts
        if self.relation == "on" and label in MOUNTS and rider:
            return "riding" if self.vocabulary.concept(rider[0]).kind.startswith("person") else "on"
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
            if kind == "plant-flower" and following.phrase == "field":
                self._grows_in_a_field(token)
            if kind.startswith("plant"):
                # The article is the field's, not the plant's.
                self.count = 5 if self.count in {None, 1} else self.count
                self.size, self.relation = 0.5, "beside" if self.last is not None else None
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
