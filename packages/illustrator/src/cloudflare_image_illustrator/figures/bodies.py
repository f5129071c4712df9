"""Bodies for drawings that show only a head or a bust, so that a fox can sit in a forest and a wizard can stand.

Everything is SVG in the drawing's own 32-unit space; a completed drawing has the view box 0 0 32 height.
"""

import numpy as np
from PIL import Image

from cloudflare_image_illustrator.artwork import Artwork, Concept
from cloudflare_image_illustrator.colour import Rgb, hexed, parse, shade
from cloudflare_image_illustrator.raster import rasterise

# Fur, belly, paws, and the kind of tail.
ANIMALS: dict[str, tuple[str, str, str, str]] = {
    "fox": ("#ff822d", "#fdf1e6", "#46303a", "bushy"),
    "wolf": ("#8d8894", "#e4e0ea", "#6d6875", "bushy"),
    "raccoon": ("#8f8a96", "#d8d4de", "#4a4552", "bushy"),
    "lion": ("#f3b25a", "#fbdcae", "#d98f45", "tuft"),
    "bear": ("#a56953", "#d9a27e", "#7d4a3c", "none"),
    "polar bear": ("#f1eef6", "#ffffff", "#d9d3e4", "none"),
    "koala": ("#9a95a3", "#e9e5ef", "#7a7583", "none"),
    "panda": ("#f3f0f7", "#ffffff", "#433b4d", "none"),
    "hamster": ("#f4a66a", "#fff1e2", "#ffb8a8", "none"),
    "frog": ("#3fb977", "#d5f59a", "#2f9a63", "none"),
    "monkey face": ("#8a5645", "#e8b08c", "#7a4a3c", "curl"),
    "cat face": ("#ffb84a", "#ffe6b0", "#f7993d", "curl"),
    "tiger face": ("#ff9c3a", "#fff0de", "#f08030", "curl"),
}  # fmt: skip
MACHINES = {"robot": ("#d6cbe6", "#f8312f", "#5d5470"), "alien": ("#c9bfd8", "#8d65c5", "#8f86a0")}
HEADS_OF_PEOPLE = {
    "santa claus",
    "mrs. claus",
    "mx claus",
    "clown face",
    "cowboy hat face",
    "baby angel",
    "man wearing turban",
    "woman wearing turban",
    "person wearing turban",
}
ROBED = (
    "mage",
    "princess",
    "genie",
    "elf",
    "judge",
    "student",
    "vampire",
    "veil",
    "headscarf",
    "breast-feeding",
    "villain",
)
SHIRTS = ("#3f7fd9", "#d94f5c", "#35a56b", "#d9603f", "#8a5cc7", "#2fa6b8")
SHIRT_OF = {
    "santa claus": "#d8262f",
    "mrs. claus": "#d8262f",
    "mx claus": "#d8262f",
    "cowboy hat face": "#9a5b35",
    "clown face": "#e8c23a",
    "baby angel": "#eef2fb",
}
SKIN = "#ffb92e"


def completed(artwork: Artwork, concept: Concept, artwork_set: str) -> tuple[str, float, float]:
    """A concept's SVG body with its view box's width and height, with a body added where it had none."""
    body, view = artwork.drawing(concept, artwork_set)
    scale = 32 / view
    inner = body if scale == 1 else f'<g transform="scale({scale:g})">{body}</g>'
    if concept.label in ANIMALS:
        return _sitting(inner, *ANIMALS[concept.label]), 32, 36
    if concept.label in MACHINES:
        return _machine(inner, *MACHINES[concept.label]), 32, 42
    if concept.label == "unicorn":
        horse = next(c for c in artwork.concepts if c.label == "horse")
        if artwork_set == "fluent":
            return artwork.drawing(horse, artwork_set)[0] + _horn(), 32, 32
    if concept.kind == "person" or concept.label in HEADS_OF_PEOPLE:
        return _torso(inner, _shirt(concept)), 32, 45
    if concept.kind in {"person-role", "person-fantasy"}:
        return _standing(inner, concept.label)
    return inner, 32, 32


def bust(artwork: Artwork, concept: Concept, artwork_set: str) -> tuple[str, float, float]:
    """A concept's SVG body for a portrait, with its view box: a head gets shoulders, which the lower edge cuts off."""
    body, view = artwork.drawing(concept, artwork_set)
    scale = 32 / view
    inner = body if scale == 1 else f'<g transform="scale({scale:g})">{body}</g>'
    if concept.label in ANIMALS:
        return _sitting(inner, *ANIMALS[concept.label]), 32, 29
    if concept.label in MACHINES:
        return _machine(inner, *MACHINES[concept.label]), 32, 32
    if concept.kind == "person" or concept.label in HEADS_OF_PEOPLE:
        return _torso(inner, _shirt(concept)), 32, 31
    return inner, 32, 32


def ends_below(concept: Concept, image: Image.Image) -> bool:
    """Whether a trimmed drawing is a bust, as broad at its lower edge as one is there."""
    if not concept.kind.startswith("person") and concept.label not in {*ANIMALS, *MACHINES, *HEADS_OF_PEOPLE}:
        return False
    alpha = np.asarray(image.getchannel("A")) > 120
    return bool(alpha[-2].mean() > 0.42)


def _shirt(concept: Concept) -> str:
    return SHIRT_OF.get(concept.label) or SHIRTS[sum(map(ord, concept.label)) % len(SHIRTS)]


def _ball(name: str, colour: str) -> str:
    """A soft three-dimensional fill."""
    light, dark = hexed(shade(parse(colour), 0.06)), hexed(shade(parse(colour), -0.10, 1.05))
    return f'<radialGradient id="{name}" cx=".36" cy=".28" r=".9"><stop offset="0" stop-color="{light}"/><stop offset=".5" stop-color="{colour}"/><stop offset="1" stop-color="{dark}"/></radialGradient>'


def _sitting(head: str, fur: str, belly: str, paw: str, tail: str) -> str:
    fills = _ball("bodyfur", fur) + _ball("bodybelly", belly) + _ball("bodypaw", paw)
    tails = {
        "bushy": '<path d="M20 33C29 34.5 33 27 29.5 19.5C28.5 24 24 25 20.5 28z" fill="url(#bodyfur)"/><path d="M31 25.5C31.3 22.8 30.6 21 29.5 19.5C29 21.6 27.8 23 26.4 24C28 23.6 29.8 24.2 31 25.5z" fill="url(#bodybelly)"/>',
        "tuft": '<path d="M21 33C27 33.5 29 29 28 24.5" fill="none" stroke="url(#bodyfur)" stroke-width="1.7" stroke-linecap="round"/><circle cx="28" cy="23.6" r="2.1" fill="#a5603a"/>',
        "curl": '<path d="M21 32.6C28 34 30 28 27.6 25.5C26.4 24.3 24.8 25 25 26.6" fill="none" stroke="url(#bodyfur)" stroke-width="2" stroke-linecap="round"/>',
        "none": "",
    }
    return (
        f"<defs>{fills}</defs>{tails[tail]}"
        '<ellipse cx="16" cy="26.4" rx="8" ry="8.6" fill="url(#bodyfur)"/><ellipse cx="16" cy="27.4" rx="4.9" ry="6.4" fill="url(#bodybelly)"/>'
        '<ellipse cx="9.4" cy="33" rx="3.9" ry="2.5" fill="url(#bodypaw)"/><ellipse cx="22.6" cy="33" rx="3.9" ry="2.5" fill="url(#bodypaw)"/>'
        '<rect x="11.2" y="23.5" width="3.9" height="10.6" rx="1.95" fill="url(#bodyfur)"/><rect x="16.9" y="23.5" width="3.9" height="10.6" rx="1.95" fill="url(#bodyfur)"/>'
        '<ellipse cx="13.1" cy="34" rx="2.3" ry="1.5" fill="url(#bodypaw)"/><ellipse cx="18.9" cy="34" rx="2.3" ry="1.5" fill="url(#bodypaw)"/>'
        f'<ellipse cx="16" cy="20.6" rx="6.4" ry="2" fill="#000" opacity=".14"/><g transform="translate(4.2 -.6) scale(.74)">{head}</g>'
    )


def _machine(head: str, shell: str, accent: str, joint: str) -> str:
    fills = _ball("bodyshell", shell) + _ball("bodyjoint", joint) + _ball("bodyaccent", accent)
    return (
        f"<defs>{fills}</defs>"
        '<rect x="14" y="20" width="4" height="4" fill="url(#bodyjoint)"/>'
        '<rect x="11" y="33" width="3.6" height="6" fill="url(#bodyjoint)"/><rect x="17.4" y="33" width="3.6" height="6" fill="url(#bodyjoint)"/>'
        '<rect x="9.4" y="37.6" width="6" height="3.9" rx="1.7" fill="url(#bodyaccent)"/><rect x="16.6" y="37.6" width="6" height="3.9" rx="1.7" fill="url(#bodyaccent)"/>'
        '<rect x="5.2" y="24.4" width="3.4" height="8" rx="1.7" fill="url(#bodyjoint)"/><rect x="23.4" y="24.4" width="3.4" height="8" rx="1.7" fill="url(#bodyjoint)"/>'
        '<circle cx="6.9" cy="33" r="2.3" fill="url(#bodyaccent)"/><circle cx="25.1" cy="33" r="2.3" fill="url(#bodyaccent)"/>'
        '<rect x="8" y="22.6" width="16" height="12" rx="3.6" fill="url(#bodyshell)"/><rect x="11.6" y="25.6" width="8.8" height="5.6" rx="1.6" fill="#4b3f72"/>'
        '<circle cx="14" cy="28.4" r="1.1" fill="#35d0ff"/><circle cx="18" cy="28.4" r="1.1" fill="#ffd33d"/>'
        f'<g transform="translate(4.8 -.4) scale(.70)">{head}</g>'
    )


def _horn() -> str:
    return '<defs><linearGradient id="bodyhorn" x1="0" y1="0" x2="1" y2="1"><stop offset="0" stop-color="#ffe27a"/><stop offset="1" stop-color="#f2a33a"/></linearGradient></defs><path d="M6.9 4.9L3.2 .3L9.2 3.6z" fill="url(#bodyhorn)"/>'


def _legs(top: float, cloth: str, shoe: str, reach: float = 9.0) -> str:
    dark = hexed(shade(parse(cloth), -0.07))
    return (
        f'<rect x="10.6" y="{top:g}" width="5.1" height="{reach:g}" fill="{cloth}"/><rect x="16.3" y="{top:g}" width="5.1" height="{reach:g}" fill="{dark}"/><rect x="10.6" y="{top:g}" width="10.8" height="2.6" fill="{cloth}"/>'
        f'<path d="M9 {top + reach + 1.6:g}q0-2.6 3-2.6h3.8v2.6z" fill="{shoe}"/><path d="M16.3 {top + reach + 1.6:g}v-2.6h3.8q3 0 3 2.6z" fill="{shoe}"/>'
    )


def _torso(head: str, shirt: str) -> str:
    """A body under a person's head."""
    return (
        f"<defs>{_ball('bodyshirt', shirt)}{_ball('bodyskin', SKIN)}</defs>{_legs(33, '#4a5478', '#3a2f3c')}"
        '<path d="M9.6 22.5Q5.6 24.5 5.2 32.5h3.6L11.5 26zM22.4 22.5Q26.4 24.5 26.8 32.5h-3.6L20.5 26z" fill="url(#bodyshirt)"/>'
        '<circle cx="7" cy="33.4" r="2" fill="url(#bodyskin)"/><circle cx="25" cy="33.4" r="2" fill="url(#bodyskin)"/>'
        '<path d="M9.4 24Q10.4 20.6 16 20.6Q21.6 20.6 22.6 24L22.4 35H9.6z" fill="url(#bodyshirt)"/><rect x="14" y="18.6" width="4" height="4" rx="1.6" fill="url(#bodyskin)"/>'
        f'<g transform="translate(4.6 -.4) scale(.71)">{head}</g>'
    )


def _standing(bust: str, label: str) -> tuple[str, float, float]:
    """Legs or a robe under a bust; full figures are left as they are."""
    pixels = np.asarray(rasterise(bust, 64, 64, (0, 0, 32, 32)))
    rows = np.flatnonzero((pixels[..., 3] > 200).sum(axis=1) > 2)
    if len(rows) == 0:
        return bust, 32, 32
    last = int(rows[-1])
    columns = np.flatnonzero(pixels[last - 1, :, 3] > 120)
    if len(columns) < 2 or columns[-1] - columns[0] < 30:
        return bust, 32, 32
    quarter = (columns[0] + columns[-1]) // 2 - (columns[-1] - columns[0]) // 4
    middle = pixels[last - 3 : last, quarter - 3 : quarter + 4].reshape(-1, 4)
    middle = middle[middle[:, 3] > 200]
    colour: Rgb = tuple((np.median(middle[:, :3], axis=0) / 255).tolist()) if len(middle) else (0.3, 0.33, 0.45)
    cloth = hexed(shade(colour, -0.03))
    top, left, right = last / 2, columns[0] / 2, columns[-1] / 2
    if any(word in label for word in ROBED):
        hem = top + 11
        fill = f'<linearGradient id="bodyrobe" x1="0" y1="0" x2="1" y2="0"><stop offset="0" stop-color="{hexed(shade(colour, 0.03))}"/><stop offset=".6" stop-color="{cloth}"/><stop offset="1" stop-color="{hexed(shade(colour, -0.12))}"/></linearGradient>'
        skirt = f'<path d="M{left + 1.5:g} {top - 1:g}H{right - 1.5:g}L{right + 1:g} {hem:g}Q16 {hem + 2.2:g} {left - 1:g} {hem:g}z" fill="url(#bodyrobe)"/>'
        return f"<defs>{fill}</defs>{skirt}{bust}", 32, hem + 2.5
    hands = f'<circle cx="{left + 2.2:g}" cy="{top + 0.5:g}" r="2" fill="{SKIN}"/><circle cx="{right - 2.2:g}" cy="{top + 0.5:g}" r="2" fill="{SKIN}"/>'
    if "astronaut" in label:
        hands = hands.replace(SKIN, "#cfc6dd")
    shoe = hexed(shade(colour, -0.25))
    return _legs(top - 0.5, cloth, shoe) + hands + bust, 32, top + 10.6
