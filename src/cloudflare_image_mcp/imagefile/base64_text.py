"""base64 text (RFC 4648, standard alphabet, padded, no line breaks), by the fastest means at hand.

pybase64 is compiled and uses the processor's vector instructions: 1 MB takes it 0.1 ms where the standard library
takes 1 to 4 ms. A Worker has no such extension and makes do.
"""

from __future__ import annotations

import binascii

try:
    import pybase64
except ImportError:
    _vectorised = False
else:
    _vectorised = True


def encode(data: bytes) -> bytes:
    """Raw bytes as ASCII text."""
    return pybase64.b64encode(data) if _vectorised else binascii.b2a_base64(data, newline=False)


def decode(text: bytes | memoryview) -> bytes:
    """ASCII text as raw bytes. Raises ``ValueError`` at the first character that does not belong."""
    return pybase64.b64decode(text, validate=True) if _vectorised else binascii.a2b_base64(text, strict_mode=True)
