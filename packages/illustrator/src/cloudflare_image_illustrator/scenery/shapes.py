"""Plain SVG shapes in pixels: rectangles, polygons, ellipses, lines."""

from cloudflare_image_illustrator.colour import Rgb, hexed


def _paint(fill: Rgb | str) -> str:
    return fill if isinstance(fill, str) else hexed(fill)


def rect(x: float, y: float, w: float, h: float, fill: Rgb | str, round_by: float = 0.0, opacity: float = 1.0) -> str:
    """A rectangle with its left upper corner at x, y."""
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}" rx="{round_by:.1f}" fill="{_paint(fill)}" opacity="{opacity:g}"/>'


def ellipse(x: float, y: float, rx: float, ry: float, fill: Rgb | str, opacity: float = 1.0) -> str:
    """An ellipse around x, y."""
    return (
        f'<ellipse cx="{x:.1f}" cy="{y:.1f}" rx="{rx:.1f}" ry="{ry:.1f}" fill="{_paint(fill)}" opacity="{opacity:g}"/>'
    )


def polygon(points: list[tuple[float, float]], fill: Rgb | str, opacity: float = 1.0) -> str:
    """A closed polygon."""
    inner = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return f'<path d="M{inner}z" fill="{_paint(fill)}" opacity="{opacity:g}"/>'


def strokes(data: str, colour: Rgb | str, width: float, opacity: float = 1.0) -> str:
    """Path data drawn as lines with round ends."""
    return f'<path d="{data}" fill="none" stroke="{_paint(colour)}" stroke-width="{width:.1f}" stroke-linecap="round" stroke-linejoin="round" opacity="{opacity:g}"/>'
