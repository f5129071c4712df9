"""Quoted text: painted on a sign board, or set as a title over the picture."""

from io import BytesIO

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from cloudflare_image_illustrator.colour import hexed, oklch, shade
from cloudflare_image_illustrator.raster import blurred, rasterise

LONGEST_LINE = 14  # characters of a sign's line before it is broken


class Typeface:
    """The packed typeface, at any size."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._missing = self._shape("\uffff")

    def _shape(self, character: str) -> bytes:
        return bytes(self.at(24).getmask(character))

    def at(self, size: float) -> ImageFont.FreeTypeFont:
        """The face at a size in pixels."""
        return ImageFont.truetype(BytesIO(self._data), max(6, round(size)), layout_engine=ImageFont.Layout.BASIC)

    def spelled(self, text: str) -> str:
        """The text without the characters that the face lacks."""
        return "".join(c for c in text if c == " " or self._shape(c) != self._missing).strip()


def broken(text: str) -> list[str]:
    """Lines of about equal length."""
    words = text.split()
    wanted = max(1, min(4, round(len(text) / LONGEST_LINE + 0.3), len(words) or 1))
    lines: list[str] = [""]
    for word in words:
        if len(lines[-1]) + len(word) > len(text) / wanted and lines[-1] and len(lines) < wanted:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def _set(face: Typeface, lines: list[str], width: float, height: float) -> tuple[ImageFont.FreeTypeFont, float]:
    """The largest size at which the lines fit a box, and the line height."""
    probe = face.at(100)
    widest = max(probe.getlength(line) for line in lines)
    size = min(width / max(widest, 1) * 100, height / (len(lines) * 1.08))
    return face.at(size), size * 1.08


def _write(mask: Image.Image, face: Typeface, lines: list[str], box: tuple[float, float, float, float]) -> None:
    """Writes the lines centred in a box (left, top, right, bottom) of an "L" image."""
    font, leading = _set(face, lines, box[2] - box[0], box[3] - box[1])
    pen = ImageDraw.Draw(mask)
    y = (box[1] + box[3]) / 2 - leading * (len(lines) - 1) / 2
    for line in lines:
        pen.text(((box[0] + box[2]) / 2, y), line, font=font, fill=255, anchor="mm")
        y += leading


def sign(
    face: Typeface, text: str, height: int, neon: bool, rng: np.random.Generator, standing: bool = True
) -> Image.Image:
    """A board with the text, on a post when it stands; RGBA, the given height."""
    lines = broken(text) if text else []
    longest = max((len(line) for line in lines), default=4)
    aspect = float(np.clip(0.42 * longest / max(len(lines), 1) ** 0.6, 1.15, 3.2))
    board_h = height * (0.56 if standing else 0.98)
    board_w = board_h * aspect
    width = round(board_w * 1.04)
    hue = float(rng.uniform(50, 70))
    wood = oklch(0.55, 0.085, hue) if not neon else oklch(0.22, 0.03, 290)
    left, top, radius = (width - board_w) / 2, height * 0.01, board_h * 0.12
    post = f'<rect x="{width / 2 - height * 0.045:.1f}" y="{board_h * 0.6:.1f}" width="{height * 0.09:.1f}" height="{height - board_h * 0.6:.1f}" rx="{height * 0.02:.1f}" fill="{hexed(shade(wood, -0.13))}"/>'
    grain = "".join(
        f'<path d="M{left + board_w * 0.04:.1f} {top + board_h * t:.1f}q{board_w * 0.4:.1f} {board_h * float(rng.uniform(-0.04, 0.04)):.1f} {board_w * 0.9:.1f} 0" stroke="{hexed(shade(wood, -0.07))}" fill="none" stroke-width="{board_h * 0.012:.1f}" opacity=".7"/>'
        for t in np.linspace(0.12, 0.9, 6)
    )
    body = (
        f'{post if standing else ""}<rect x="{left:.1f}" y="{top:.1f}" width="{board_w:.1f}" height="{board_h:.1f}" rx="{radius:.1f}" fill="{hexed(shade(wood, -0.14))}"/>'
        f'<rect x="{left + board_h * 0.035:.1f}" y="{top + board_h * 0.035:.1f}" width="{board_w - board_h * 0.07:.1f}" height="{board_h * 0.93:.1f}" rx="{radius * 0.8:.1f}" fill="{hexed(wood)}"/>{"" if neon else grain}'
    )
    image = rasterise(body, width, height)
    if not lines:
        return image
    mask = Image.new("L", image.size)
    _write(
        mask,
        face,
        lines,
        (left + board_w * 0.08, top + board_h * 0.14, left + board_w * 0.92, top + board_h * 0.86),
    )
    base = image.convert("RGB")
    if neon:
        tube = oklch(0.78, 0.22, float(rng.choice([350, 200, 140, 30])))
        base.paste(
            tuple(int(255 * c) for c in tube),
            (0, 0),
            blurred(mask, height * 0.03).point(lambda v: min(255, v * 2)),
        )
        base.paste(tuple(int(255 * c) for c in shade(tube, 0.16, 0.4)), (0, 0), mask)
    else:
        base.paste((70, 40, 26), (round(height * 0.008), round(height * 0.010)), mask)
        base.paste((255, 249, 232), (0, 0), mask)
    base.putalpha(image.getchannel("A"))
    return base


def title(canvas: Image.Image, face: Typeface, text: str, top: bool = True) -> None:
    """Sets the text large across the upper (or lower) part of an RGB picture, with an outline that keeps it legible."""
    w, h = canvas.size
    lines = broken(text)
    box = (w * 0.07, h * 0.045, w * 0.93, h * (0.17 + 0.07 * (len(lines) - 1)))
    if not top:
        box = (box[0], h - box[3], box[2], h - box[1])
    mask = Image.new("L", canvas.size)
    _write(mask, face, lines, box)
    unit = min(w, h) / 1000
    canvas.paste(
        (22, 16, 40),
        (round(3 * unit), round(5 * unit)),
        blurred(mask, max(5 * unit, 0.8)).point(lambda v: min(255, v * 2)),
    )
    canvas.paste((255, 251, 238), (0, 0), mask)
