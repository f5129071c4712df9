"""Reading an English prompt: tokens, then one pass that hangs modifiers and relations on the things they belong to."""

import re
from dataclasses import dataclass, field

from cloudflare_image_mcp.illustrator import lexicon
from cloudflare_image_mcp.illustrator.tokens import Token, Tokeniser
from cloudflare_image_mcp.illustrator.vocabulary import Vocabulary

MOST = 12  # instances of one thing
WEARABLE = ("clothing",)
ON_THE_BODY = ("wearing", "holding", "riding")
# Scenery that is a thing when counted or described ("a palm tree on an island", "two mountains" stay scenery).
QUOTED = re.compile(
    r'"([^"]{1,60})"|“([^”]{1,60})”|„([^“”]{1,60})[“”]|«([^»]{1,60})»|「([^」]{1,60})」|(?<!\w)\'([^\']{1,60})\'(?!\w)'
)


TOGETHER = {"family": ("man", "woman", "child"), "couple": ("woman", "man"), "parents": ("woman", "man")}
# Places that a noun before them describes: "a tulip field".
GROUNDS = {
    "field",
    "forest",
    "garden",
    "beach",
    "farm",
    "park",
    "island",
    "shop",
    "cafe",
    "street",
    "grove",
    "jungle",
    "swamp",
}
FLYING = {"flying", "floating", "hovering", "soaring", "falling", "levitating", "airborne"}


@dataclass(slots=True)
class Mention:
    """A thing in the prompt with what the prompt says of it."""

    phrase: str
    concepts: list[int]
    count: int = 1
    colours: list[str] = field(default_factory=list)
    material: str | None = None
    size: float = 1.0
    relation: tuple[str, int] | None = None
    lettering: str | None = None
    flying: bool = False


@dataclass(slots=True)
class Reading:
    """Everything that was understood, in canonical words."""

    mentions: list[Mention] = field(default_factory=list)
    scenery: list[str] = field(default_factory=list)
    tints: dict[str, str] = field(default_factory=dict)
    time: str | None = None
    weather: list[str] = field(default_factory=list)
    season: str | None = None
    sky: list[str] = field(default_factory=list)
    style: str | None = None
    mood: str | None = None
    composition: str | None = None
    lettering: list[str] = field(default_factory=list)
    titles: list[str] = field(default_factory=list)
    colours: list[str] = field(default_factory=list)
    refused: str = ""
    warnings: list[str] = field(default_factory=list)


class Reader:
    """Turns prompts into readings."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.tokeniser = Tokeniser(vocabulary)

    def read(self, prompt: str) -> Reading:
        """A reading of an English prompt."""
        reading = Reading()
        text = QUOTED.sub(lambda m: self._quote(m, reading), prompt)
        text, reading.refused = split_refusals(text)
        tokens = self.tokeniser.tokens(text.lower())
        Assembly(reading, self.vocabulary).run(tokens)
        for mention in reading.mentions:
            if mention.lettering is not None and reading.lettering:
                mention.lettering, *rest = reading.lettering
                reading.titles = rest
                break
        else:
            reading.titles = list(reading.lettering)
        return reading

    def _quote(self, match: re.Match[str], reading: Reading) -> str:
        reading.lettering.append(next(group for group in match.groups() if group))
        return " , "


def split_refusals(text: str) -> tuple[str, str]:
    """ "a park without trees" as ("a park", "trees"): what the prompt says is absent joins the negative prompt."""
    refused: list[str] = []

    def take(match: re.Match[str]) -> str:
        refused.append(match.group(1))
        return " "

    kept = re.sub(
        r"\b(?:without(?: any)?|no|not a|not any)\s+([\w' -]+?)(?=,|\.|;|$| in | on | at | under | but | with )",
        take,
        text,
        flags=re.IGNORECASE,
    )
    return kept, ", ".join(refused)


class Assembly:
    """The pass over the tokens."""

    def __init__(self, reading: Reading, vocabulary: Vocabulary) -> None:
        self.reading = reading
        self.vocabulary = vocabulary
        self._clear()
        self.relation: str | None = None
        self.last: int | None = None
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

    def _on_break(self, token: Token, _: Token | None) -> None:
        self._leftovers()
        self.relation = "beside" if self.last is not None else None

    def _leftovers(self) -> None:
        """Colours with no noun after them belong to the last thing, or to the whole picture."""
        if self.colours:
            if self.last is not None and not self.reading.mentions[self.last].colours:
                self.reading.mentions[self.last].colours = self.colours
            else:
                self.reading.colours += self.colours
        self._clear()

    def _on_filler(self, token: Token, _: Token | None) -> None:
        """ "flying" says something of the thing beside it."""
        if token.phrase in FLYING:
            if self.last is not None and self.count is None:
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

    def _on_scenery(self, token: Token, following: Token | None) -> None:
        self._place(token.value)
        if self.colours:
            self.reading.tints[token.value] = self.colours[0]
        self._clear()
        if self.relation != "beside":
            self.relation = None

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

    def _on_season(self, token: Token, _: Token | None) -> None:
        self.reading.season = self.reading.season or token.value

    def _on_mood(self, token: Token, _: Token | None) -> None:
        self.reading.mood = self.reading.mood or token.value

    def _on_composition(self, token: Token, _: Token | None) -> None:
        self.reading.composition = self.reading.composition or token.value

    def _on_style(self, token: Token, _: Token | None) -> None:
        self.reading.style = self.reading.style or token.value
        self.relation = None

    def _on_guess(self, token: Token, following: Token | None) -> None:
        """A word known only by its embedding is a thing unless it stands before one."""
        if following is not None and following.kind in {"thing", "guess", "scenery"}:
            return
        label = self.vocabulary.concept(token.concepts[0]).label
        self.reading.warnings.append(f'"{token.phrase}" is not in the artwork; the nearest, "{label}", was drawn')
        self._on_thing(token, following)

    def _on_thing(self, token: Token, following: Token | None) -> None:
        if token.value in TOGETHER and token.concepts:
            self._on_group(token)
            return
        if following is not None and not token.plural and (following.kind == "thing" or following.phrase in GROUNDS):
            if token.phrase not in {"cup", "mug"}:
                self._describe(token)
            return
        count = min(self.count or (3 if token.plural else 1), MOST)
        if self.count and self.count > MOST:
            self.reading.warnings.append(f"{self.count} of {token.phrase} were asked for; {MOST} were drawn")
        if self.count == 1 and token.plural:
            count = 1 if token.value == "glasses" else 3
        mention = Mention(
            token.phrase,
            list(token.concepts),
            count,
            self.colours,
            self.material,
            self.size,
            flying=self.flying,
        )
        if token.value == "sign":
            mention.lettering = ""
        first = token.phrase.split()[0]
        label = self.vocabulary.concept(token.concepts[0]).label if token.concepts else ""
        if not mention.colours and first in lexicon.COLOURS and label.startswith(f"{first} "):
            mention.colours = [lexicon.COLOURS[first]]
        if self.relation is not None and self.last is not None:
            relation = self._relation_to(token)
            mention.relation = (relation, self._bearer())
        self.reading.mentions.append(mention)
        self.last = len(self.reading.mentions) - 1
        self._clear()
        self.relation = None

    def _on_group(self, token: Token) -> None:
        """A family is drawn as its members."""
        self._clear()
        for label in TOGETHER[token.value]:
            number = self.vocabulary.label(label)
            if number is not None:
                self._on_thing(Token("thing", label, label, False, (number,)), None)
                self.relation = "beside"
        self.relation = None

    def _bearer(self) -> int:
        """Who wears, holds or rides: what is worn or held already does none of it."""
        index = self.last or 0
        while (relation := self.reading.mentions[index].relation) is not None and relation[0] in ON_THE_BODY:
            index = relation[1]
        return index

    def _relation_to(self, token: Token) -> str:
        kind = self.vocabulary.concept(token.concepts[0]).kind if token.concepts else ""
        if self.relation in {"beside", "inside"} and kind in WEARABLE and token.phrase != "umbrella":
            return "wearing"
        return self.relation or "beside"

    def _describe(self, token: Token) -> None:
        """A noun before a noun describes it: "clown car" is a car."""
        if self.vocabulary.label(token.value) is not None:
            self.reading.warnings.append(
                f'"{token.phrase}" was read as describing the next word; it was not drawn itself'
            )
