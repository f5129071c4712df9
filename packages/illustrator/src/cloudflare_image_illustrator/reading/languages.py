"""Other languages: a prompt is glossed into English words that the reader knows, in English order."""

import re
from functools import lru_cache

from cloudflare_image_illustrator.reading import everyday, glosses, lexicon
from cloudflare_image_illustrator.reading.place_names import place_names
from cloudflare_image_illustrator.reading.vocabulary import Vocabulary

QUOTES = re.compile(r'"[^"]*"|“[^”]*”|„[^“”]*[“”]|«[^»]*»|「[^」]*」')
WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*['’]?|[,.;:!?、。，]")
SCRIPTS = (
    ("ja", re.compile(r"[\u3040-\u30ff]")),
    ("zh", re.compile(r"[\u4e00-\u9fff]")),
    ("ko", re.compile(r"[\uac00-\ud7af]")),
    ("th", re.compile(r"[\u0e00-\u0e7f]")),
    ("ar", re.compile(r"[\u0600-\u06ff]")),
    ("ru", re.compile(r"[\u0400-\u04ff]")),
)
LISTED = frozenset(
    ["de", "es", "fr", "it", "ja", "ko", "nl", "pl", "pt", "ru", "th", "zh", "zh-hant"]
)  # languages with words of emojibase's
NEAR = 0.55  # cosine from which an unglossed word is taken for the nearest label
ADJECTIVES = frozenset(glosses.COLOURS) | frozenset(glosses.SIZES) | {"old"}
LINKS = frozenset(glosses.LINKS)
LINKING = LINKS | frozenset(glosses.COUNTS)
PLACING = frozenset({"on", "under", "next to", "in front of", "behind", "over"})
POSTPOSITIONAL = frozenset({"ja", "zh", "zh-hant", "ko"})
PLAIN = re.compile(r"[a-z][a-z' -]*$")


@lru_cache(maxsize=4)
def table(language: str) -> tuple[dict[str, str], tuple[tuple[str, str], ...]]:
    """Whole words, and stems longest first, each with its English."""
    source = glosses.GLOSSES["zh" if language == "zh-hant" else language]
    whole: dict[str, str] = {}
    stems: list[tuple[str, str]] = []
    for line, english in zip(source, glosses.GROUPS, strict=True):
        for entry, word in zip(line.split("|"), english, strict=True):
            for variant in entry.split("/"):
                text = variant.translate(glosses.TRADITIONAL) if language == "zh-hant" else variant
                if text.endswith("*"):
                    stems.append((text[:-1], word))
                else:
                    whole.setdefault(text, word)
    whole |= {**place_names(language), **glosses.EXTRAS.get(language, {})}
    return whole, tuple(sorted(stems, key=lambda s: -len(s[0])))


def language_of(prompt: str) -> str:
    """The prompt's language by script, else by its small words and colours; English unless another clearly fits better."""
    for language, script in SCRIPTS:
        if script.search(prompt):
            traditional = language == "zh" and any(
                ord(c) in glosses.TRADITIONAL.values() and chr(ord(c)) not in _simplified() for c in prompt
            )
            return "zh-hant" if traditional else language
    words = re.findall(r"[^\W\d_]+(?:['’-][^\W\d_]+)*", prompt.lower().replace("’", "'"))
    scores = {"en": sum(_english(w) for w in words) + 0.1}
    for language in ("de", "fr", "es", "it", "pt", "nl", "pl", "tr"):
        whole, stems = table(language)
        stops = set(glosses.STOPWORDS[language].split())
        scores[language] = sum(
            1.0 if w in stops or w in whole else 0.8 if any(w.startswith(s) for s, _ in stems) else 0.0 for w in words
        )
    return max(scores, key=lambda name: scores[name])


@lru_cache(maxsize=1)
def _simplified() -> frozenset[str]:
    return frozenset(chr(c) for c in glosses.TRADITIONAL)


def _english(word: str) -> float:
    known = (
        word in lexicon.COLOURS
        or word in lexicon.COUNTS
        or word in lexicon.SCENERY
        or word in everyday.ALIASES
        or word in lexicon.RELATIONS
    )
    return 1.0 if word in lexicon.FILLER or known else 0.0


def translate(vocabulary: Vocabulary, prompt: str) -> tuple[str, list[str]]:
    """The prompt in English words, and what could not be translated, a sentence each. English comes back as it is."""
    language = language_of(QUOTES.sub(" ", prompt)) if prompt.strip() else "en"
    if language == "en":
        return prompt, []
    quoted = QUOTES.findall(prompt)
    text = QUOTES.sub(" , ", prompt).lower().replace("’", "'")
    glosser = Glosser(vocabulary, language)
    words = glosser.unspaced(text) if language in glosses.UNSPACED else glosser.spaced(text)
    if language in glosses.POSTPOSED:
        words = _reordered(words)
    if language in POSTPOSITIONAL:
        words = _turned(words)
    return " ".join([*words, *quoted]), glosser.notes


def _turned(words: list[str]) -> list[str]:
    """Places said after their noun put before it: "tree under samurai", as Chinese and Japanese have it, is a samurai
    under a tree; "cat in table on" is a cat on a table."""
    result = list(words)
    for link in [w for w in words if w in PLACING]:
        at = result.index(link)
        start = at
        while start and result[start - 1] not in LINKS and result[start - 1] != ",":
            start -= 1
        end = at + 1
        while end < len(result) and result[end] not in LINKS and result[end] != ",":
            end += 1
        before, after = result[start:at], result[at + 1 : end]
        if before and after:
            result[start:end] = [*after, link, *before]
        elif before and start and result[start - 1] == "in":
            result[start - 1 : end] = [link, *before]
    return result


def _reordered(words: list[str]) -> list[str]:
    """Adjectives moved before the noun they follow."""
    result: list[str] = []
    for word in words:
        noun = bool(result) and result[-1] not in ADJECTIVES | LINKING and result[-1] != ","
        if word in ADJECTIVES and noun:
            result.insert(len(result) - 1, word)
        else:
            result.append(word)
    return result


class Glosser:
    """The glossing of one prompt."""

    def __init__(self, vocabulary: Vocabulary, language: str) -> None:
        self.vocabulary, self.language = vocabulary, language
        self.whole, self.stems = table(language)
        self.listed = vocabulary.artwork.words(language) if language in LISTED else {}
        self.stops = set(glosses.STOPWORDS.get(language, "").split())
        self.notes: list[str] = []

    def spaced(self, text: str) -> list[str]:
        """Words between spaces: longest phrase first, then stems, then the language's own labels, then the encoder."""
        text = re.sub(r"\b([ldnsc]|un|dell|nell|sull|all)'", r"\1' ", text) if self.language in {"fr", "it"} else text
        pieces = WORD.findall(text)
        words: list[str] = []
        unknown: list[tuple[int, str]] = []
        position = 0
        while position < len(pieces):
            english, length = self._phrase(pieces, position)
            if english is None:
                piece = pieces[position]
                if piece not in self.stops and len(piece) > 3:
                    unknown.append((len(words), piece))
                    words.append("")
                length = 1
            elif english:
                words.append(english)
            position += length
        self._guess(words, unknown)
        return [w for w in words if w]

    def _phrase(self, pieces: list[str], position: int) -> tuple[str | None, int]:
        if pieces[position] in ",.;:!?、。，":
            return ",", 1
        for length in range(min(4, len(pieces) - position), 0, -1):
            phrase = " ".join(pieces[position : position + length])
            if phrase in self.whole:
                return self.whole[phrase], length
            label = self._label(phrase) if phrase not in self.stops else None
            if label is not None and length > 1:
                return label, length
        word = pieces[position]
        if word in self.stops:
            return "", 1
        for stem, english in self.stems:
            if word.startswith(stem) and len(word) - len(stem) <= 4:
                return english, 1
        return self._label(word) or self._inflected(word), 1

    def _label(self, phrase: str) -> str | None:
        """The English label of a term that emojibase lists in this language."""
        for number in self.listed.get(phrase, ()):
            concept = self.vocabulary.concept(number)
            if PLAIN.match(concept.label) and concept.kind != "country-flag":
                return everyday.PLAINER.get(concept.label, concept.label)
        return None

    def _inflected(self, word: str) -> str | None:
        """A label whose only difference is its ending."""
        if len(word) < 5:
            return None
        stem = word[: max(4, len(word) - 2)]
        near = [
            term
            for term in self.listed
            if term.startswith(stem) and abs(len(term) - len(word)) <= 2 and " " not in term
        ]
        return self._label(min(near, key=lambda t: (abs(len(t) - len(word)), t))) if near else None

    def unspaced(self, text: str) -> list[str]:
        """Text without spaces: the longest known piece at each place; the rest is guessed run by run."""
        terms = {**{t: None for t in self.listed if len(t) > 1 or ord(t[0]) > 0x2E80}, **self.whole}
        longest = max((len(t) for t in terms), default=1)
        words: list[str] = []
        unknown: list[tuple[int, str]] = []
        run, position = "", 0
        while position < len(text):
            match = next(
                (
                    text[position : position + n]
                    for n in range(min(longest, len(text) - position), 0, -1)
                    if text[position : position + n] in terms
                ),
                None,
            )
            english = None if match is None else self.whole.get(match) or self._label(match)
            if match is None or english is None:
                run += text[position]
                position += 1
                continue
            self._run(run, words, unknown)
            run = ""
            words.append(english)
            position += len(match)
        self._run(run, words, unknown)
        self._guess(words, unknown)
        return [w for w in words if w]

    def _run(self, run: str, words: list[str], unknown: list[tuple[int, str]]) -> None:
        for piece in re.split(r"[\s、。，,.的のがはをにでいるた은는이가을를의에]+", run):
            if len(piece) > (3 if self.language == "th" else 1):
                unknown.append((len(words), piece))
                words.append("")
        if "," in run or "、" in run or "，" in run:
            words.append(",")

    def _guess(self, words: list[str], unknown: list[tuple[int, str]]) -> None:
        """Words in no table, by their sentence embedding, which is multilingual."""
        for (place, piece), (number, cosine) in zip(
            unknown, self.vocabulary.nearest([u for _, u in unknown]), strict=True
        ):
            label = self.vocabulary.concept(number).label
            if cosine >= NEAR and PLAIN.match(label):
                words[place] = label
                self.notes.append(f'"{piece}" was taken for "{label}"')
            else:
                self.notes.append(f'nothing in the artwork matches "{piece}"; it was left out')
