"""Tokens that are no things: counts, sizes, colours, relations, places, hours, weather, style."""

from abc import ABC, abstractmethod

from cloudflare_image_illustrator.reading import lexicon
from cloudflare_image_illustrator.reading.belonging import (
    EMBLEMS,
    FLYING,
    MANY,
    ROOM_PARTS,
    SETTLEMENTS,
)
from cloudflare_image_illustrator.reading.mention import Mention, Reading
from cloudflare_image_illustrator.reading.tokens import Token
from cloudflare_image_illustrator.reading.vocabulary import Vocabulary, singulars


class ModifierParser(ABC):
    """The state of a pass over tokens, and the tokens that are no things: modifiers, places, hours, weather, style."""

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
        self.field = False

    def _clear(self) -> None:
        self.count: int | None = None
        self.colours: list[str] = []
        self.material: str | None = None
        self.size = 1.0
        self.flying = False

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
            if self.colours:
                self.reading.tints["rug" if token.phrase in {"rug", "carpet"} else "interior"] = self.colours[0]
            self.reading.room_part = True
            self._clear()
            return
        kind = next((lexicon.PLACE_KINDS[f] for f in singulars(token.phrase) if f in lexicon.PLACE_KINDS), None)
        if kind is not None:
            self.reading.kinds.setdefault(token.value, kind)
        # By the sea, not in it.
        self._place("beach" if token.value == "ocean" and self.relation == "beside" else token.value)
        if self.colours:
            self.reading.tints[token.value] = self.colours[0]
        if token.value == "gradient" and len(self.colours) > 1:
            self.reading.tints["gradient end"] = self.colours[1]
        self._clear()
        if token.phrase in SETTLEMENTS:
            self._settle(*SETTLEMENTS[token.phrase])
        if token.value == "meadow" and following is not None and following.phrase == "of":
            self.count, self.field = MANY, True  # "a field of tulips"
        if self.relation != "beside":
            self.relation = None

    def _settle(self, building: str, count: int) -> None:
        """The buildings of a place that has them."""
        number = self.vocabulary.label(building)
        if number is not None:
            self.reading.mentions.append(Mention(building, [number], count, size=0.8))
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

    @abstractmethod
    def _on_thing(self, token: Token, following: Token | None) -> None:
        """A thing that is drawn, with the modifiers before it."""
