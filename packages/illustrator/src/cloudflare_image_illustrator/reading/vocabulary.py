"""Words to concepts: exact labels first, then tags, then the nearest sentence embedding."""

import threading
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cloudflare_image_illustrator.artwork import Artwork, Concept
from cloudflare_image_illustrator.reading.everyday import ALIASES
from cloudflare_image_illustrator.reading.lexicon import IRREGULAR
from cloudflare_image_illustrator.reading.relatives import RELATIVES

if TYPE_CHECKING:
    from cloudflare_image_illustrator.reading.encoder import Encoder

NEAREST = 0.62  # cosine below which the nearest label is no match (facts measured on single words)
FAINT = 0.45  # the same where the prompt has nothing else to draw: a loose association beats an empty picture
DRAWABLE = (
    "person", "animal", "plant", "food", "drink", "dishware", "place", "transport-ground", "transport-water", "transport-air", "hotel",
    "sky-weather", "event", "award", "sport", "game", "arts", "clothing", "sound", "musical", "music", "phone", "computer", "light",
    "book", "money", "mail", "writing", "office", "lock", "tool", "science", "medical", "household", "other-object", "heart", "face",
    "cat-face", "monkey-face", "emotion", "body-parts", "time", "family", "flag", "country-flag", "hand",
)  # fmt: skip


def singulars(word: str) -> list[str]:
    """The forms a word may be listed under, itself first."""
    forms = [word]
    if word in IRREGULAR:
        forms.append(IRREGULAR[word])
    if word.endswith("ies") and len(word) > 4:
        forms.append(word[:-3] + "y")
    if word.endswith(("ches", "shes", "xes", "ses", "oes", "zes")):
        forms.append(word[:-2])
    if word.endswith("ves"):
        forms.append(word[:-3] + "f")
    if word.endswith("s") and not word.endswith("ss") and len(word) > 3:
        forms.append(word[:-1])
    return forms


class Vocabulary:
    """Looks phrases up in the artwork's labels and tags; loads the sentence encoder only for words found in neither."""

    def __init__(self, artwork: Artwork) -> None:
        self.artwork = artwork
        self._lock = threading.Lock()

    @cached_property
    def _labels(self) -> dict[str, int]:
        table: dict[str, int] = {}
        for concept in self.artwork.concepts:
            table.setdefault(concept.label, concept.number)
        for phrase, label in {**ALIASES, **RELATIVES}.items():
            if label in table and (phrase not in table or phrase not in RELATIVES):
                table[phrase] = table[label]
        return table

    @cached_property
    def _tags(self) -> dict[str, list[int]]:
        table: dict[str, list[int]] = {}
        for concept in self.artwork.concepts:
            if concept.kind.startswith(DRAWABLE):
                for tag in concept.tags:
                    table.setdefault(tag, []).append(concept.number)
        return table

    @cached_property
    def _encoder(self) -> "Encoder":
        from cloudflare_image_illustrator.reading.encoder import Encoder

        return Encoder()

    def concept(self, number: int) -> Concept:
        return self.artwork.concepts[number]

    def label(self, phrase: str) -> int | None:
        """The concept whose label (or everyday name) this is."""
        return self._labels.get(phrase)

    def tagged(self, phrase: str) -> list[int]:
        """Concepts with this tag, the ones whose label holds the phrase first."""
        found = self._tags.get(phrase, [])
        return sorted(found, key=lambda n: (phrase not in self.concept(n).label.split(), len(self.concept(n).label)))

    def encode(self, phrases: Sequence[str]) -> NDArray[np.float32]:
        """Phrases x 512, unit length."""
        with self._lock:
            vectors = self._encoder.encode(list(phrases))
        lengths: NDArray[np.float32] = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
        return lengths

    @cached_property
    def _drawable(self) -> NDArray[np.bool_]:
        return np.array([c.kind.startswith(DRAWABLE) and "flag" not in c.kind for c in self.artwork.concepts])

    def nearest(self, phrases: Sequence[str]) -> list[tuple[int, float]]:
        """For each phrase the nearest drawable concept and its cosine."""
        if not phrases:
            return []
        cosines = self.encode(phrases) @ self.artwork.embeddings.T
        cosines[:, ~self._drawable] = -1
        best = cosines.argmax(axis=1)
        return [(int(b), float(cosines[i, b])) for i, b in enumerate(best)]

    def alike(self, number: int, others: int = 12) -> list[tuple[int, float]]:
        """The concept itself and the drawable ones most like it, with cosines, best first."""
        vectors = self.artwork.embeddings
        cosines = vectors @ vectors[number]
        cosines[~self._drawable] = -1
        cosines[number] = 1
        order = np.argsort(-cosines, kind="stable")[:others]
        return [(int(n), float(cosines[n])) for n in order]
