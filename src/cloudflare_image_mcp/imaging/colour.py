"""Colour modes and profiles: every picture becomes RGB or RGBA, 8 bits, sRGB."""

from __future__ import annotations

import io
from typing import Final

from PIL import Image as PillowImage
from PIL import ImageCms

from cloudflare_image_mcp.limits import MEBIBYTE

_MAX_PROFILE: Final = 4 * MEBIBYTE
_SPACES: Final = {"L": "GRAY", "RGB": "RGB", "RGBA": "RGB", "CMYK": "CMYK"}
"""The colour space of an ICC profile that fits each mode."""
_ALPHA: Final = frozenset({"LA", "La", "PA", "RGBA", "RGBa"})


def working(picture: PillowImage.Image) -> PillowImage.Image:
    """The picture as L, RGB, RGBA or CMYK, its values as they are in the file."""
    mode = picture.mode
    if mode in _ALPHA or "transparency" in picture.info:
        return picture if mode == "RGBA" else picture.convert("RGBA")
    if mode.startswith("I"):
        # 16-bit grey. Pillow's own conversion to 8 bits clips.
        return picture.convert("I").point(lambda value: value / 257 + 0.5).convert("L")
    if mode == "1":
        return picture.convert("L")
    return picture if mode in _SPACES else picture.convert("RGB")


def has_alpha(picture: PillowImage.Image) -> bool:
    """Whether a pixel of the L, RGB or RGBA picture lets anything through."""
    return picture.mode == "RGBA" and picture.getchannel("A").getextrema() != (255, 255)


class SrgbTransform:
    """From a file's profile to sRGB. No profile, one that fits nothing or one that is broken is taken as
    sRGB, as browsers do.
    """

    def __init__(self, profile: bytes | None) -> None:
        self._profile = _read(profile)
        self._built: dict[str, ImageCms.ImageCmsTransform | None] = {}

    def __call__(self, picture: PillowImage.Image) -> PillowImage.Image:
        """RGB or RGBA of L, RGB, RGBA or CMYK."""
        mode = picture.mode
        target = "RGBA" if mode == "RGBA" else "RGB"
        if mode not in self._built:
            self._built[mode] = self._build(mode, target)
        transform = self._built[mode]
        if transform is not None:
            return transform.apply(picture)
        return picture if mode == target else picture.convert(target)

    def _build(self, mode: str, target: str) -> ImageCms.ImageCmsTransform | None:
        profile = self._profile
        if profile is None or profile.profile.xcolor_space.strip() != _SPACES[mode]:
            return None
        try:
            return ImageCms.ImageCmsTransform(
                profile,
                ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")),
                mode,
                target,
                ImageCms.Intent.RELATIVE_COLORIMETRIC,
                flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
            )
        except (OSError, ValueError):
            return None


def _read(profile: bytes | None) -> ImageCms.ImageCmsProfile | None:
    if not profile or len(profile) > _MAX_PROFILE:
        return None
    try:
        read = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    except (OSError, ValueError, TypeError):
        return None
    return None if "srgb" in (read.profile.profile_description or "").lower() else read
