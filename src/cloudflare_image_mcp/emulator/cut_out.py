"""Cuts the subject out of a picture, as far as the emulator can: it is what lies in an ellipse."""

from __future__ import annotations

import io


def cut_out(data: bytes) -> bytes:
    """The picture as a PNG, transparent outside of the ellipse."""
    from PIL import Image, ImageDraw

    with Image.open(io.BytesIO(data)) as picture:
        cut = picture.convert("RGBA")
    alpha = Image.new("L", cut.size)
    ImageDraw.Draw(alpha).ellipse((0, 0, cut.width - 1, cut.height - 1), fill=255)
    cut.putalpha(alpha)
    file = io.BytesIO()
    cut.save(file, "PNG", compress_level=1)
    return file.getvalue()
