"""What a prompt implies after its words are read: things for an emblem of a place, people in a market, colours of some of several."""

import re
from typing import Final

from cloudflare_image_illustrator.reading import lexicon
from cloudflare_image_illustrator.reading.mention import Mention, Reading
from cloudflare_image_illustrator.reading.vocabulary import Vocabulary

# "three cats, one of them black".
SOME_OF_THEM: Final = re.compile(
    r",?\s*(?:and |with )?\b(one|two|three|half) of (?:them|which|these|those)(?: is| are| being| in)?\s+(\w+)\b"
)
NUMBERS: Final = {"one": 1, "two": 2, "three": 3}
# The thing that stands for a place, or for what is in the sky, in a picture on plain ground.
EMBLEM_THINGS: Final[dict[str, str]] = {
    "mountains": "snow-capped mountain", "ocean": "water wave", "beach": "beach with umbrella", "city": "cityscape", "forest": "evergreen tree",
    "desert": "cactus", "meadow": "tulip", "snow": "snowflake", "lake": "water wave", "sky": "cloud", "sun": "sun", "moon": "full moon",
    "crescent": "crescent moon", "stars": "star", "rainbow": "rainbow", "fireworks": "fireworks", "space": "ringed planet", "interior": "house",
}  # fmt: skip
# What is seen in a place of which the prompt names nothing: words for it, its scenery, and labels with numbers.
FURNISHED: Final[tuple[tuple[str, str, tuple[tuple[str, int], ...]], ...]] = (
    (r"market|bazaar|souk|fair", "city", (("circus tent", 2), ("woman", 1), ("man", 1), ("basket", 2))),
    (r"kitchen", "interior", (("cook", 1), ("pot of food", 1))),
    (r"library|study", "interior", (("books", 3), ("chair", 1))),
    (r"office", "interior", (("desktop computer", 1), ("office worker", 1))),
    (r"classroom", "interior", (("teacher", 1), ("student", 2))),
    (r"ballroom", "interior", (("woman dancing", 1), ("man dancing", 1))),
)
# Shops that are seen from a street when the prompt names one.
SHOPS: Final = r"\b(?:\w*shop|\w*store|cafe|café|restaurant|bakery)\b"


def take_some_of_them(text: str) -> tuple[str, tuple[str, str] | None]:
    """The text without "one of them black", and what it said: ("one", "black")."""
    match = SOME_OF_THEM.search(text)
    if match is None or match[2] not in lexicon.COLOURS:
        return text, None
    return text[: match.start()] + text[match.end() :], (match[1], lexicon.COLOURS[match[2]])


def complete(reading: Reading, vocabulary: Vocabulary, some: tuple[str, str] | None, text: str) -> None:
    """Adds to a reading what its words imply."""
    if some is not None:
        _colour_some(reading, *some)
    if {"city", "interior"} <= set(reading.scenery):  # a bookshop on a street is seen from the street
        reading.scenery.remove("interior")
        if re.search(SHOPS, text):
            _add(reading, vocabulary, "convenience store", 1)
    if reading.mentions:
        return
    if reading.emblem:
        for name in [*reading.scenery, *reading.sky]:
            _add(reading, vocabulary, EMBLEM_THINGS.get(name), 1)
        return
    for words, scenery, things in FURNISHED:
        if scenery in reading.scenery and re.search(rf"\b(?:{words})\b", text):
            for label, count in things:
                _add(reading, vocabulary, label, count)
            return


def _add(reading: Reading, vocabulary: Vocabulary, label: str | None, count: int) -> None:
    number = vocabulary.label(label) if label else None
    if label is not None and number is not None:
        reading.mentions.append(Mention(label, [number], count))


def _colour_some(reading: Reading, share: str, colour: str) -> None:
    """Gives the colour to some of the first thing that there are several of; the others keep theirs."""
    several = next((m for m in reading.mentions if m.count > 1), None)
    if several is None:
        return
    some = min(NUMBERS.get(share, several.count // 2), several.count)
    others = several.colours or [""]
    several.colours = [colour] * some + [others[i % len(others)] for i in range(several.count - some)]
