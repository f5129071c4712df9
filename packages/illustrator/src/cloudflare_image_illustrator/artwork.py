"""The packed artwork: concepts, their words and embeddings, and the drawings themselves, each decoded on use."""

import json
import threading
import zipfile
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloudflare_image_illustrator.errors import ArtworkMissing
from cloudflare_image_illustrator.location import PACKED


@dataclass(frozen=True, slots=True)
class Concept:
    """Something that can be drawn: its label and tags (English, lower case), kind, and its drawing's name in each set."""

    number: int
    label: str
    tags: tuple[str, ...]
    kind: str
    drawings: dict[str, str]


class Artwork:
    """The opened artwork file. Raises ArtworkMissing when it is not there."""

    def __init__(self, path: Path = PACKED) -> None:
        try:
            self._zip = zipfile.ZipFile(path)
        except FileNotFoundError:
            raise ArtworkMissing(path.name) from None
        self._lock = threading.Lock()

    def _read(self, name: str) -> bytes:
        with self._lock:
            return self._zip.read(name)

    @cached_property
    def _catalogue(self) -> dict[str, Any]:
        catalogue: dict[str, Any] = json.loads(self._read("catalogue.json"))
        return catalogue

    @cached_property
    def concepts(self) -> tuple[Concept, ...]:
        """Every concept, by number."""
        return tuple(
            Concept(number, c["label"], tuple(c["tags"]), c["kind"], c["drawings"])
            for number, c in enumerate(self._catalogue["concepts"])
        )

    @cached_property
    def embeddings(self) -> NDArray[np.float32]:
        """Concepts x 512, unit length: the sentence embedding of each label."""
        vectors: NDArray[np.float32] = np.load(BytesIO(self._read("embeddings.npy"))).astype(np.float32)
        return vectors

    @cached_property
    def typeface(self) -> bytes:
        """The TrueType file for lettering."""
        return self._read("lettering.ttf")

    def words(self, language: str) -> dict[str, list[int]]:
        """Term -> numbers of concepts, best first, in a language of emojibase's ("de", "zh-hant")."""
        terms: dict[str, list[int]] = json.loads(self._read(f"words/{language}.json"))
        return terms

    def drawing(self, concept: Concept, artwork_set: str) -> tuple[str, int]:
        """A concept's SVG body and the side of its square view box; another set's where the wanted one lacks it."""
        chosen = artwork_set if artwork_set in concept.drawings else next(iter(concept.drawings))
        body = self._read(f"{chosen}/{concept.drawings[chosen]}.svg").decode()
        return body, self._catalogue["sizes"][chosen]
