"""Files to pictures: upright, in sRGB, 8 bits, of the size that is wanted.

Input is hostile. The header has been read and its limits checked before anything here runs; what Pillow then
finds has to agree with it. Colour conversion and resampling go by bands, so that beside the decoded file (4
bytes a pixel at most) only small pictures are held.
"""

from __future__ import annotations

import io
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from PIL import GifImagePlugin, JpegImagePlugin, PngImagePlugin, WebPImagePlugin
from PIL import Image as PillowImage

from cloudflare_image_mcp.catalog import Size
from cloudflare_image_mcp.errors import UnreadableImage
from cloudflare_image_mcp.imagefile.header import ImageFormat
from cloudflare_image_mcp.imaging.colour import SrgbTransform, working
from cloudflare_image_mcp.imaging.essential import essential

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from PIL.ImageFile import ImageFile

    from cloudflare_image_mcp.imagefile.header import ImageHeader

_BAND_PIXELS: Final = 1_000_000
_VERY_LARGE: Final = 17_000_000
"""Pixels. A smaller file is at most twice as large as the largest result, so that drafts hardly matter for it."""
_LANCZOS: Final = PillowImage.Resampling.LANCZOS
_LANCZOS_REACH: Final = 3
"""Pixels of the smaller picture on each side that Lanczos looks at."""

_OPENERS: Final[dict[ImageFormat, Callable[[io.BytesIO], ImageFile]]] = {
    ImageFormat.PNG: PngImagePlugin.PngImageFile,
    ImageFormat.JPEG: JpegImagePlugin.JpegImageFile,
    ImageFormat.WEBP: WebPImagePlugin.WebPImageFile,
    ImageFormat.GIF: GifImagePlugin.GifImageFile,
}
_TURNS: Final = {
    2: PillowImage.Transpose.FLIP_LEFT_RIGHT,
    3: PillowImage.Transpose.ROTATE_180,
    4: PillowImage.Transpose.FLIP_TOP_BOTTOM,
    5: PillowImage.Transpose.TRANSPOSE,
    6: PillowImage.Transpose.ROTATE_270,
    7: PillowImage.Transpose.TRANSVERSE,
    8: PillowImage.Transpose.ROTATE_90,
}
"""By EXIF orientation: what turns the stored picture upright."""


def decode(data: bytes, header: ImageHeader, size: Size) -> PillowImage.Image:
    """The first frame, upright, of exactly ``size``: cropped around the middle to its shape, then resampled
    (Lanczos). RGB, or RGBA where the file has alpha; 8 bits; sRGB. Of its own size, the pixels are the
    file's.

    Raises ``UnreadableImage``.
    """
    stored = Size(size.height, size.width) if header.orientation >= 5 else size
    with _damage_as_unreadable(header), _opened(data, header) as file:
        if isinstance(file, JpegImagePlugin.JpegImageFile):
            _draft(file, stored)
        file.load()
        picture = _resampled(file, stored)
    turn = _TURNS.get(header.orientation)
    return picture if turn is None else picture.transpose(turn)


@contextmanager
def open_image(data: bytes, header: ImageHeader) -> Iterator[ImageFile]:
    """The file's picture as it is stored, decoded. Raises ``UnreadableImage``."""
    with _damage_as_unreadable(header), _opened(data, header) as file:
        file.load()
        yield file


def decoded_bands(data: bytes, header: ImageHeader) -> Iterator[PillowImage.Image]:
    """The picture in its stored size, a band of rows at a time, as L, RGB, RGBA or CMYK. Raises ``UnreadableImage``."""
    with open_image(data, header) as file:
        rows = max(1, _BAND_PIXELS // file.width)
        for top in range(0, file.height, rows):
            yield working(file.crop((0, top, file.width, min(top + rows, file.height))))


@contextmanager
def _damage_as_unreadable(header: ImageHeader) -> Iterator[None]:
    """Converts Pillow's exceptions for a damaged file to ``UnreadableImage``: OSError, SyntaxError, ValueError,
    EOFError, struct.error and more.
    """
    try:
        yield
    except (UnreadableImage, MemoryError):
        raise
    except Exception as error:
        raise UnreadableImage(f"the {header.format.label} file is damaged: it does not decode") from error


def _opened(data: bytes, header: ImageHeader) -> ImageFile:
    file = _OPENERS[header.format](io.BytesIO(essential(data, header.format)))
    if file.size != header.size:
        found = Size(*file.size)
        raise UnreadableImage(f"the {header.format.label} file is damaged: it says {header.size} and holds {found}")
    return file


def _draft(file: JpegImagePlugin.JpegImageFile, size: Size) -> None:
    """Lets the JPEG decoder leave out what a picture twice as large as wanted does not show; of a very large file,
    one as large as wanted: a progressive one takes hundreds of megabytes as it is.
    """
    scale = _cover_scale(Size(*file.size), size) * (1 if file.width * file.height > _VERY_LARGE else 2)
    if scale < 1:
        file.draft(None, (round(file.width * scale), round(file.height * scale)))


def _cover_scale(source: Size, target: Size) -> float:
    return max(target.width / source.width, target.height / source.height)


def _resampled(file: ImageFile, size: Size) -> PillowImage.Image:
    """The middle of the picture in the shape of ``size``, band by band."""
    transform = SrgbTransform(file.info.get("icc_profile"))
    if file.size == size:
        return transform(working(file))
    scale = _cover_scale(Size(*file.size), size)
    left, top = (max(0.0, (side - wanted / scale) / 2) for side, wanted in zip(file.size, size, strict=True))
    reach = _LANCZOS_REACH * max(1.0, 1 / scale) + 1
    rows = max(1, int(_BAND_PIXELS / file.width * scale))
    bands = []
    for start in range(0, size.height, rows):
        stop = min(start + rows, size.height)
        above, below = top + start / scale, min(top + stop / scale, file.height)
        first, last = max(0, int(above - reach)), min(file.height, int(below + reach) + 1)
        band = working(file.crop((0, first, file.width, last)))
        box = (left, above - first, file.width - left, below - first)
        bands.append((start, transform(_lanczos(band, (size.width, stop - start), box))))
    return _joined(bands, size)


def _lanczos(
    band: PillowImage.Image, size: tuple[int, int], box: tuple[float, float, float, float]
) -> PillowImage.Image:
    """Across, then down. In one call Pillow takes the order that is quicker for the size, and as it rounds in
    between, bands of different heights would differ.
    """
    left, above, right, below = box
    mode = band.mode
    premultiplied = band.convert("RGBa") if mode == "RGBA" else band
    across = premultiplied.resize((size[0], band.height), _LANCZOS, (left, 0, right, band.height))
    return across.resize(size, _LANCZOS, (0, above, size[0], below)).convert(mode)


def _joined(bands: list[tuple[int, PillowImage.Image]], size: Size) -> PillowImage.Image:
    if len(bands) == 1:
        return bands[0][1]
    picture = PillowImage.new(bands[0][1].mode, size)
    for start, band in bands:
        picture.paste(band, (0, start))
    return picture
