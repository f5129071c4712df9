"""Working on a finished picture: finding what stands out, filling a hole, moving palettes, changing hour and weather."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageEnhance, ImageFilter

from cloudflare_image_illustrator.colour import from_oklab, to_oklab
from cloudflare_image_illustrator.pixels import Array
from cloudflare_image_illustrator.raster import bands, enlarge, noise, smooth
from cloudflare_image_illustrator.seeds import seeded

STANDS_OUT = 0.15  # certainty from which what stands out is taken for the subject
SIDE = 96  # pixels of the longer side at which a picture is searched


def standing_out(image: Image.Image) -> tuple[Array, float]:
    """How much each pixel differs from the picture's border, 0..1, H x W; and how compact the result is, 0..1."""
    scale = SIDE / max(image.size)
    size = (max(12, round(image.width * scale)), max(12, round(image.height * scale)))
    lab = to_oklab(np.asarray(image.resize(size, Image.Resampling.BOX), np.float32) / 255)
    h, w = lab.shape[:2]
    away = _unlike_border(lab)
    y, x = np.mgrid[0:h, 0:w].astype(np.float32)
    centre = np.exp(-(((x / w - 0.5) / 0.36) ** 2) - (((y / h - 0.55) / 0.40) ** 2))
    likely = np.clip(away * 1.4, 0, 1) * (0.25 + 0.75 * centre)
    bins = (np.clip(lab * np.array([9, 16, 16]) + np.array([0, 8, 8]), 0, 15)).astype(int)
    index = bins[..., 0] * 256 + bins[..., 1] * 16 + bins[..., 2]
    # Two colour histograms, for the part and for the rest, sharpen each other (the idea of GrabCut, Rother et al., 2004).
    for _ in range(4):
        inside = np.bincount(index.ravel(), likely.ravel(), 4096) / max(float(likely.sum()), 1e-6)
        outside = np.bincount(index.ravel(), 1 - likely.ravel(), 4096) / max(float((1 - likely).sum()), 1e-6)
        odds = inside[index] / np.maximum(inside[index] + outside[index], 1e-9)
        likely = np.clip(odds * 1.1, 0, 1) * (0.35 + 0.65 * centre) * np.clip(0.35 + away * 2, 0, 1)
        likely = (
            np.asarray(
                Image.fromarray((np.clip(likely, 0, 1) * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(0.9)),
                np.float32,
            )
            / 255
        )
    chosen = _component(likely > 0.32)
    share = float(chosen.mean())
    compact = 1.0 if 0.015 < share < 0.6 else 0.0
    soft = Image.fromarray((chosen * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(0.8))
    mask = np.asarray(soft.resize(image.size, Image.Resampling.BICUBIC), np.float32) / 255
    return smooth(0.3, 0.7, mask), compact * float(away[chosen].mean() if chosen.any() else 0)


def of_one_colour(image: Image.Image, part: Array) -> Array:
    """How near each pixel is to the usual colour of a part, 0 to 1, H x W: its shadow on the ground is not."""
    inside = part > 0.9
    usual: Array
    if inside.any():
        usual = np.median(np.concatenate([lab[inside[rows]] for rows, lab in _oklab_bands(image)]), axis=0)
    else:
        usual = _statistics(image)[0]
    near = np.empty(part.shape, np.float32)
    for rows, lab in _oklab_bands(image):
        near[rows] = 1 - smooth(0.30, 0.42, np.linalg.norm(lab - usual, axis=-1))
    return near


def _unlike_border(lab: Array) -> Array:
    """Each pixel's distance from the colours of the border, 0..1; colours that are rare there do not count."""
    h, w = lab.shape[:2]
    band = max(2, min(h, w) // 16)
    border = np.concatenate(
        [
            lab[:band].reshape(-1, 3),
            lab[-band:].reshape(-1, 3),
            lab[:, :band].reshape(-1, 3),
            lab[:, -band:].reshape(-1, 3),
        ]
    )
    centres = border[np.linspace(0, len(border) - 1, 14).astype(int)].copy()
    for _ in range(6):
        nearest = np.linalg.norm(border[:, None] - centres, axis=-1).argmin(1)
        for k in range(len(centres)):
            if (nearest == k).any():
                centres[k] = border[nearest == k].mean(0)
    support = np.bincount(nearest, minlength=len(centres)) / len(border)
    frequent = centres[support > 0.035]
    away = np.linalg.norm(lab[:, :, None] - frequent, axis=-1).min(-1)
    smoothed = Image.fromarray((np.clip(away / 0.25, 0, 1) * 255).astype(np.uint8)).filter(ImageFilter.MedianFilter(3))
    return np.asarray(smoothed, np.float32) / 255


def _component(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The largest connected part and those an eighth as large, holes filled."""
    label = np.where(mask, np.arange(mask.size).reshape(mask.shape) + 1, 0)
    for _ in range(mask.shape[0] + mask.shape[1]):
        grown = label.copy()
        grown[1:] = np.maximum(grown[1:], label[:-1])
        grown[:-1] = np.maximum(grown[:-1], label[1:])
        grown[:, 1:] = np.maximum(grown[:, 1:], label[:, :-1])
        grown[:, :-1] = np.maximum(grown[:, :-1], label[:, 1:])
        grown = np.where(mask, grown, 0)
        if np.array_equal(grown, label):
            break
        label = grown
    counts = np.bincount(label.ravel())
    counts[0] = 0
    largest = np.isin(label, np.flatnonzero(counts >= max(counts.max() * 0.12, 1)))
    image = (
        Image.fromarray((largest * 255).astype(np.uint8))
        .filter(ImageFilter.MaxFilter(5))
        .filter(ImageFilter.MinFilter(3))
    )
    return _closed(np.asarray(image) > 127)


def _closed(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Bays and holes taken in: a pixel with the part on its left, right, above and below belongs to it."""

    def seen(part: NDArray[np.bool_], axis: int) -> NDArray[np.bool_]:
        before = np.maximum.accumulate(part, axis)
        after = np.flip(np.maximum.accumulate(np.flip(part, axis), axis), axis)
        both: NDArray[np.bool_] = before & after
        return both

    closed = mask | (seen(mask, 0) & seen(mask, 1))
    return closed | (seen(closed, 0) & seen(closed, 1))


def hull(mask: Array, margin: int) -> Array:
    """A generous outline of a part: widened by a margin in pixels, and further down, where its shadow lies; feathered."""
    part = Image.fromarray(((mask > 0.3) * 255).astype(np.uint8))
    small = part.resize((max(mask.shape[1] // 4, 8), max(mask.shape[0] // 4, 8)), Image.Resampling.BOX)
    wide = small.filter(ImageFilter.MaxFilter(max(3, margin // 2) | 1))
    wide = ImageChops.lighter(wide, ImageChops.offset(wide, 0, margin // 8)).resize(
        (mask.shape[1], mask.shape[0]), Image.Resampling.BILINEAR
    )
    return np.asarray(wide.filter(ImageFilter.GaussianBlur(max(margin / 4, 1))), np.float32) / 255


def palette_moved(image: Image.Image, reference: Image.Image, share: float) -> Image.Image:
    """The picture with the reference's colour balance: mean and spread matched in OKLab (Reinhard et al., 2001)."""
    other = to_oklab(np.asarray(reference.resize((64, 64), Image.Resampling.BOX), np.float32) / 255).reshape(-1, 3)
    mean, deviation = _statistics(image)
    spread = np.clip(other.std(0) / np.maximum(deviation, 1e-3), 0.5, 2.0)
    spread[0] = np.clip(spread[0], 0.8, 1.25)
    result = np.empty((image.height, image.width, 3), np.uint8)
    for rows, lab in _oklab_bands(image):
        moved = (lab - mean) * spread + other.mean(0)
        moved[..., 0] = lab[..., 0] + (moved[..., 0] - lab[..., 0]) * 0.5
        result[rows] = (from_oklab(lab + (moved - lab) * share) * 255).astype(np.uint8)
    return Image.fromarray(result)


def _oklab_bands(image: Image.Image) -> Iterator[tuple[slice, Array]]:
    """The rows of each band and its pixels in OKLab."""
    pixels = np.asarray(image)
    for rows in bands(image.height):
        yield rows, to_oklab(pixels[rows].astype(np.float32) / 255)


def _statistics(image: Image.Image) -> tuple[Array, Array]:
    """Mean and standard deviation of each channel in OKLab."""
    sums, squares = np.zeros(3), np.zeros(3)
    for _, lab in _oklab_bands(image):
        sums += lab.sum((0, 1), dtype=np.float64)
        squares += np.square(lab, dtype=np.float64).sum((0, 1))
    count = image.width * image.height
    mean = sums / count
    variance = np.maximum(squares / count - mean**2, 0)
    return mean.astype(np.float32), np.sqrt(variance).astype(np.float32)


def relit(image: Image.Image, time: str, seed: int) -> Image.Image:
    """The picture at another hour: a curve for each channel, light from above, stars in a dark smooth sky."""
    curves = {
        "night": ((0.02, 0.40), (0.03, 0.47), (0.09, 0.72)),
        "sunset": ((0.06, 1.04), (0.0, 0.80), (0.02, 0.62)),
        "dawn": ((0.07, 0.98), (0.04, 0.90), (0.07, 0.90)),
        "day": ((0.04, 1.12), (0.04, 1.12), (0.03, 1.12)),
    }[time]
    bands = []
    for band, (lift, gain) in zip(image.split(), curves, strict=True):
        power = 1.15 if time == "night" else 0.85 if time == "day" else 1.0
        bands.append(band.point([min(255, round(255 * (lift + gain * (v / 255) ** power))) for v in range(256)]))
    graded = Image.merge("RGB", bands)
    h = graded.height
    rise = np.clip(1 - np.arange(h, dtype=np.float32) / (h * 0.6), 0, 1)
    glow = {"night": (8, 12, 48), "sunset": (255, 120, 60), "dawn": (255, 190, 170), "day": (150, 205, 255)}[time]
    veil = Image.fromarray(np.repeat((rise * 255 * 0.30).astype(np.uint8)[:, None], graded.width, 1))
    graded.paste(glow, (0, 0), veil)
    if time == "night":
        _starred(graded, image, seed)
        found, certainty = standing_out(image)
        if certainty >= STANDS_OUT:
            # The edge of what was found is rough: light that fades about it hides that.
            pool = _as_mask(found).filter(ImageFilter.GaussianBlur(min(image.size) / 24))
            graded = Image.composite(_moonlit(image), graded, pool)
    return graded


def _moonlit(image: Image.Image) -> Image.Image:
    """What the eye rests on at night: less bright and bluer than by day, in its own colours."""
    bands = [
        band.point([min(255, round(255 * (lift + gain * v / 255))) for v in range(256)])
        for band, (lift, gain) in zip(image.split(), ((0.02, 0.66), (0.03, 0.70), (0.08, 0.84)), strict=True)
    ]
    return Image.merge("RGB", bands)


def _as_mask(part: Array) -> Image.Image:
    return Image.fromarray((np.clip(part, 0, 1) * 255).astype(np.uint8))


def _starred(graded: Image.Image, source: Image.Image, seed: int) -> None:
    """Stars where the upper part of the source is smooth and light."""
    rng = seeded(seed, "night stars")
    busy = np.asarray(source.convert("L").filter(ImageFilter.FIND_EDGES).filter(ImageFilter.BoxBlur(6)), np.float32)
    pixels = np.asarray(graded).copy()
    h, w = busy.shape
    radius = max(0, round(min(h, w) / 700))
    red, _, blue = (np.asarray(band, np.int16) for band in source.split())
    sky = (busy < 5) & (blue > red - 12)  # not a wall
    for x, y, light in rng.random((220, 3)).tolist():
        px, py = int(x * (w - 1)), int(y**1.5 * h * 0.55)
        if sky[py, px]:
            value = int(120 + 135 * light)
            pixels[max(py - radius, 0) : py + radius + 1, max(px - radius, 0) : px + radius + 1] = value
    graded.paste(Image.fromarray(pixels))


def weathered(image: Image.Image, kind: str) -> Image.Image:
    """The light of a kind of weather; what falls is drawn over it afterwards."""
    if kind in {"rain", "storm", "cloudy"}:
        return ImageEnhance.Brightness(ImageEnhance.Color(image).enhance(0.55)).enhance(
            0.72 if kind == "storm" else 0.84
        )
    if kind in {"snowfall", "fog"}:
        return Image.blend(
            ImageEnhance.Color(image).enhance(0.65),
            Image.new("RGB", image.size, (226, 232, 240)),
            0.22 if kind == "snowfall" else 0.38,
        )
    if kind == "clear":
        return ImageEnhance.Brightness(ImageEnhance.Color(image).enhance(1.15)).enhance(1.06)
    return image


def seasoned(image: Image.Image, season: str) -> Image.Image:
    """Greens turned to the season's colours; snow light in winter."""
    result = np.empty((image.height, image.width, 3), np.uint8)
    for rows, lab in _oklab_bands(image):
        result[rows] = (from_oklab(_greens_turned(lab, season)) * 255).astype(np.uint8)
    return Image.fromarray(result)


def _greens_turned(lab: Array, season: str) -> Array:
    hue = np.degrees(np.arctan2(lab[..., 2], lab[..., 1])) % 360
    chroma = np.hypot(lab[..., 1], lab[..., 2])
    green = np.clip((55 - np.abs(hue - 135)) / 20, 0, 1) * np.clip(chroma / 0.05, 0, 1)
    target = {
        "autumn": (0.02, 0.15, 62.0),
        "winter": (0.22, 0.012, 240.0),
        "spring": (0.07, 0.14, 125.0),
        "summer": (0.0, 0.15, 140.0),
    }[season]
    radians = np.radians(target[2])
    new = np.stack(
        [
            np.clip(lab[..., 0] + target[0], 0, 0.98),
            np.full_like(chroma, target[1] * np.cos(radians)),
            np.full_like(chroma, target[1] * np.sin(radians)),
        ],
        -1,
    )
    turned: Array = (lab + (new - lab) * green[..., None]).astype(np.float32)
    return turned


def mooded(image: Image.Image, mood: str) -> Image.Image:
    """A grade for a mood."""
    if mood == "monochrome":
        return image.convert("L").convert("RGB")
    colour, light = {
        "cheerful": (1.35, 1.08),
        "dark": (0.7, 0.72),
        "spooky": (0.6, 0.7),
        "cozy": (1.1, 1.0),
        "dreamy": (0.9, 1.1),
        "calm": (0.85, 1.04),
    }.get(mood, (1.0, 1.0))
    graded = ImageEnhance.Brightness(ImageEnhance.Color(image).enhance(colour)).enhance(light)
    if mood in {"cozy", "dreamy"}:
        graded = Image.blend(
            graded, Image.new("RGB", image.size, (255, 196, 140) if mood == "cozy" else (236, 200, 255)), 0.14
        )
    return graded


def drifted(image: Image.Image, seed: int, strength: float) -> Image.Image:
    """A variation: another crop, perhaps mirrored, forms that wander a little, another balance of colour."""
    rng = seeded(seed, "vary")
    w, h = image.size
    zoom = 1 - 0.26 * strength * float(rng.uniform(0.4, 1.0))
    cw, ch = w * zoom, h * zoom
    left, top = float(rng.uniform(0, w - cw)), float(rng.uniform(0, h - ch))
    picture = image.resize((w, h), Image.Resampling.BICUBIC, (left, top, left + cw, top + ch))
    if rng.random() < 0.5 and strength >= 0.4:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    reach = min(w, h) * 0.03 * strength
    quarter = (max(w // 8, 8), max(h // 8, 8))
    shift = [enlarge((noise(rng, *quarter, (3, 3), 2) - 0.5) * 2 * reach, w, h) for _ in range(2)]
    turn = np.radians(float(rng.uniform(-34, 34)) * strength)
    gain = 1 + float(rng.uniform(-0.10, 0.10)) * strength
    pixels, result = np.asarray(picture), np.empty((h, w, 3), np.uint8)
    for rows in bands(h):
        x = (np.arange(w, dtype=np.float32)[None, :] + shift[0][rows]).astype(int).clip(0, w - 1)
        y = (np.arange(h, dtype=np.float32)[rows, None] + shift[1][rows]).astype(int).clip(0, h - 1)
        lab = to_oklab(pixels[y, x].astype(np.float32) / 255)
        a = lab[..., 1] * np.cos(turn) - lab[..., 2] * np.sin(turn)
        b = lab[..., 1] * np.sin(turn) + lab[..., 2] * np.cos(turn)
        turned = np.stack([np.clip(lab[..., 0] * gain, 0, 1), a, b], -1).astype(np.float32)
        result[rows] = (from_oklab(turned) * 255).astype(np.uint8)
    return Image.fromarray(result)
