"""Words of a prompt to tokens: the longest phrase that a table or the artwork knows, at each place."""

import re
from dataclasses import dataclass

from cloudflare_image_illustrator.reading import ideas, lexicon
from cloudflare_image_illustrator.reading.vocabulary import FAINT, NEAREST, Vocabulary, singulars

LONGEST = 5  # words in the longest phrase that is looked up
TABLES: dict[str, dict[str, str]] = {
    "time": lexicon.TIMES,
    "weather": lexicon.WEATHER,
    "sky": lexicon.SKY,
    "scenery": lexicon.SCENERY,
    "style": lexicon.STYLES,
    "mood": lexicon.MOODS,
    "composition": lexicon.COMPOSITIONS,
    "season": lexicon.SEASONS,
    "material": lexicon.MATERIALS,
    "colour": lexicon.COLOURS,
    "relation": lexicon.RELATIONS,
    "idea": ideas.IDEAS,
}
# Words that are a thing when nothing they could describe follows them.
THINGS_TOO = {
    "orange",
    "rose",
    "gold",
    "silver",
    "coral",
    "plum",
    "peach",
    "lavender",
    "ivory",
    "icon",
    "pencil",
    "ink",
    "fire",
    "lightning",
    "plate",
    "crystal",
    "salmon",
    "baby",
}
WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*|[,.;:!?]")
SIGNS = {
    "sign",
    "signs",
    "wooden sign",
    "signpost",
    "billboard",
    "banner",
    "signboard",
    "neon sign",
    "street sign",
    "placard",
    "shop sign",
}


@dataclass(frozen=True, slots=True)
class Token:
    kind: str
    value: str
    phrase: str
    plural: bool = False
    concepts: tuple[int, ...] = ()


class Tokeniser:
    """Cuts prompts into tokens."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary

    def tokens(self, text: str) -> list[Token]:
        """The tokens of a lower-case text."""
        words = WORD.findall(text.replace("’", "'"))
        tokens: list[Token] = []
        position = 0
        while position < len(words):
            token, length = self._longest(words, position)
            tokens.append(token)
            position += length
        return self._resolved(tokens)

    def _longest(self, words: list[str], position: int) -> tuple[Token, int]:
        """The token for the longest phrase known at a position."""
        if words[position] in ",.;:!?":
            return Token("break", words[position], words[position]), 1
        for length in range(min(LONGEST, len(words) - position), 0, -1):
            part = words[position : position + length]
            token = self._known(part)
            if token is not None:
                return token, length
        word = words[position]
        if "-" in word and not word.startswith("-"):
            words[position : position + 1] = [piece for piece in word.split("-") if piece]
            return self._longest(words, position)
        return Token("filler" if word in lexicon.FILLER else "unknown", word, word), 1

    def _known(self, part: list[str]) -> Token | None:
        """The token of one phrase, if any table or the artwork knows it."""
        phrase = " ".join(part)
        number = self._number(phrase)
        if number is not None:
            return number
        forms = [" ".join([*part[:-1], form]) for form in singulars(part[-1])]
        return self._listed(phrase, forms) or self._thing(phrase, forms, len(part))

    @staticmethod
    def _number(phrase: str) -> Token | None:
        if phrase in lexicon.COUNTS:
            return Token("count", str(lexicon.COUNTS[phrase]), phrase)
        if phrase.isdecimal():
            return Token("count" if len(phrase) < 4 else "filler", phrase, phrase)
        if phrase in SIGNS:
            return Token("thing", "sign", phrase, phrase.endswith("s"), ())
        if phrase in lexicon.SIZES:
            return Token("size", str(lexicon.SIZES[phrase]), phrase)
        return None

    @staticmethod
    def _listed(phrase: str, forms: list[str]) -> Token | None:
        """A word of the lexicon; colours, relations, moods and materials have no plural."""
        for form in forms:
            for kind, table in TABLES.items():
                if form in table and (form == phrase or kind not in {"colour", "relation", "mood", "material"}):
                    return Token(kind, table[form], phrase, form != phrase)
        return None

    def _thing(self, phrase: str, forms: list[str], length: int) -> Token | None:
        """A label of the artwork, else a tag."""
        for form in forms:
            if form in lexicon.FILLER and length == 1:
                break
            number = self.vocabulary.label(form)
            if number is not None:
                return Token("thing", form, phrase, form != phrase, (number,))
        if length == 1 and phrase.endswith("ing") and phrase not in lexicon.FILLER:
            return Token("action", phrase, phrase)
        for form in forms:
            if form not in lexicon.FILLER and (tagged := self.vocabulary.tagged(form)):
                return Token("thing", form, phrase, form != phrase, tuple(tagged[:8]))
        return None

    def _resolved(self, tokens: list[Token]) -> list[Token]:
        """Words that are colours or things by position, and unknown words by their embedding."""
        for i, token in enumerate(tokens):
            following = next(
                (t for t in tokens[i + 1 :] if t.kind not in {"filler", "colour", "size", "material"}), None
            )
            describes = following is not None and following.kind in {"thing", "scenery", "unknown", "sky"}
            if token.value in THINGS_TOO or token.phrase in THINGS_TOO:
                number = self.vocabulary.label(token.phrase)
                if not describes and number is not None and token.kind != "thing":
                    tokens[i] = Token("thing", token.phrase, token.phrase, token.plural, (number,))
        unknown = [i for i, t in enumerate(tokens) if t.kind == "unknown" and len(t.phrase) > 2]
        lost = not any(token.kind in {"thing", "scenery", "idea"} for token in tokens)
        for i, (number, cosine) in zip(
            unknown, self.vocabulary.nearest([tokens[i].phrase for i in unknown]), strict=True
        ):
            if cosine >= (FAINT if lost else NEAREST):
                tokens[i] = Token("guess", tokens[i].phrase, tokens[i].phrase, False, (number,))
        return tokens
