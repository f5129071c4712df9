"""Percent-encoded text (RFC 3986), decoded in bounded memory."""

from __future__ import annotations

from typing import Final
from urllib.parse import unquote_to_bytes

_PIECE: Final = 64 * 1024


def percent_decoded(text: bytes) -> bytes:
    """What ``unquote_to_bytes`` makes of it, a piece at a time: at once, hostile text takes it 40 times its length."""
    pieces, start = [], 0
    while start < len(text):
        stop = start + _PIECE
        cut = text.rfind(b"%", stop - 2, stop)  # an escape is not cut in two
        stop = stop if cut < 0 else cut
        pieces.append(unquote_to_bytes(text[start:stop]))
        start = stop
    return b"".join(pieces)
