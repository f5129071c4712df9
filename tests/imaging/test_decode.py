"""Decoding: sizes, orientation, damage, and bombs within bounds of memory."""

from __future__ import annotations

import subprocess
import sys
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as PillowImage
from PIL import ImageOps

from cloudflare_image_mcp.catalog import Size
from cloudflare_image_mcp.errors import UnreadableImage
from cloudflare_image_mcp.imagefile.header import read_header
from cloudflare_image_mcp.imagefile.image import Image
from cloudflare_image_mcp.imaging import decode as decoding
from cloudflare_image_mcp.imaging.decode import decode
from cloudflare_image_mcp.imaging.encode import on_white
from tests.imaging.pictures import chunk, distance, image, opened, picture, png, written

LANCZOS = PillowImage.Resampling.LANCZOS


async def decoded(made: Image, size: tuple[int, int] | None = None) -> PillowImage.Image:
    return decode(await made.payload.read(), made.header, Size(*size) if size else made.size)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
async def test_pictures_come_upright(kind: str, orientation: int) -> None:
    exif = PillowImage.Exif()
    exif[0x0112] = orientation
    options: dict[str, dict[str, Any]] = {"JPEG": {"quality": 95}, "WEBP": {"lossless": True}}
    made = await image(picture(), kind, exif=exif, **options.get(kind, {}))
    expected = ImageOps.exif_transpose(await opened(made)).convert("RGB")
    assert made.size == expected.size
    assert (await decoded(made)).tobytes() == expected.tobytes()
    # Resampled to another shape, a quarter turn has to swap the sides too.
    small = await decoded(made, (30, 20))
    assert distance(small, ImageOps.fit(expected, (30, 20), LANCZOS)) < 2


@pytest.mark.parametrize("size", [(45, 30), (90, 60), (180, 120), (33, 60), (90, 7), (200, 61), (1, 1)])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
async def test_the_middle_fills_the_size(size: tuple[int, int], mode: str) -> None:
    source = picture(mode=mode)
    made = await decoded(await image(source), size)
    expected = ImageOps.fit(source, size, LANCZOS).convert(made.mode)
    assert made.size == size
    assert distance(made, expected) < 0.6


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "CMYK"])
async def test_bands_show_no_seam(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made = await image(picture((301, 203), mode), "JPEG" if mode == "CMYK" else "PNG")
    for size in ((150, 101), (301, 203), (100, 140), (400, 333)):
        monkeypatch.undo()
        whole = await decoded(made, size)
        monkeypatch.setattr(decoding, "_BAND_PIXELS", 3_000)
        banded = await decoded(made, size)
        # The coefficients are rounded anew in each band; a seam would be far more than that.
        worst = np.abs(np.asarray(on_white(banded), int) - np.asarray(on_white(whole), int)).max()
        assert worst <= (0 if size == made.size else 2)


async def test_a_large_jpeg_is_decoded_no_larger_than_needed() -> None:
    source = picture((1600, 1200))
    made = await image(source, "JPEG", quality=95)
    assert distance(await decoded(made, (200, 150)), source.resize((200, 150), LANCZOS)) < 2


async def test_of_an_animation_the_first_frame_is_taken() -> None:
    others = [PillowImage.new("RGB", (90, 60), "red")]
    for kind, options in (("PNG", {}), ("GIF", {}), ("WEBP", {"lossless": True})):
        made = await image(picture(), kind, save_all=True, append_images=others, **options)
        assert made.header.frames == 2
        assert distance(await decoded(made), picture()) < 6, kind


DAMAGED = {
    "png with a wrong checksum": written(picture()).replace(b"IDAT", b"IDAT\x01", 1),
    "png without pixels": png(100, 100, b"").replace(chunk(b"IDAT", zlib.compress(b"", 9)), b""),
    "png with an unknown filter": png(2, 2, b"\x09abcdef" * 2),
    "webp of nothing": b"RIFF\x1a\0\0\0WEBPVP8L\x0d\0\0\0\x2f\x05\x40\x01\0" + bytes(9),
    "gif of nothing": b"GIF89a\x09\0\x09\0\0\0\0\x3b",
}


@pytest.mark.parametrize("name", DAMAGED)
async def test_damage_is_an_error_of_one_sentence(name: str) -> None:
    with pytest.raises(UnreadableImage) as caught:
        await decoded(await Image.of_bytes(DAMAGED[name]))
    assert str(caught.value).endswith(("damaged: it does not decode", "cut short")), str(caught.value)


FILES = {
    "PNG": written(picture((40, 30))),
    "JPEG": written(picture((40, 30)), "JPEG", progressive=True),
    "WEBP": written(picture((40, 30), "RGBA"), "WEBP"),
    "GIF": written(picture((40, 30), "P"), "GIF"),
}


@given(st.sampled_from(sorted(FILES)), st.data())
@settings(max_examples=150)
def test_nothing_but_an_unreadable_image_is_raised(kind: str, data: st.DataObject) -> None:
    damaged = bytearray(FILES[kind])
    for _ in range(data.draw(st.integers(1, 5))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        header = read_header(bytes(damaged))
        if header.size.pixels > 1_000_000:
            return
        made = decode(bytes(damaged), header, Size(20, 15))
    except UnreadableImage:
        return
    assert made.size == (20, 15)
    assert made.mode in {"RGB", "RGBA"}


async def test_a_frame_larger_than_the_header_says_is_refused() -> None:
    gif = bytearray(written(PillowImage.new("P", (50, 50)), "GIF"))
    gif[6:10] = b"\x05\0\x05\0"
    with pytest.raises(UnreadableImage, match="says 5x5 and holds 50x50"):
        await decoded(await Image.of_bytes(bytes(gif)))


# Each bomb runs in an interpreter of its own, whose peak memory is read at the end.
MEASURE = """
import asyncio, sys
from pathlib import Path
from cloudflare_image_mcp.catalog import Size
from cloudflare_image_mcp.errors import UnreadableImage
from cloudflare_image_mcp.imagefile.image import Image
from cloudflare_image_mcp.imaging.pixels import PillowPixels

def peak():
    # Not getrusage: that starts with the peak of the process which started this one.
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])

async def main():
    pixels = PillowPixels()
    image = await Image.of_bytes(Path(sys.argv[1]).read_bytes())
    before = peak()
    try:
        print((await pixels.reference(image, 512)).size)
    except UnreadableImage as error:
        print("refused:", error)
    print((peak() - before) // 1024)

asyncio.run(main())
"""


def run(folder: Any, data: bytes) -> tuple[str, int]:
    """The result of decoding it, and the peak of resident memory in MiB."""
    path = folder / "bomb"
    path.write_bytes(data)
    done = subprocess.run([sys.executable, "-c", MEASURE, str(path)], capture_output=True, text=True, check=True)
    assert not done.stderr
    outcome, peak = done.stdout.splitlines()
    return outcome, int(peak)


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        (
            "40.1 megapixels",
            png(8000, 5013, b"\0" * 1000, colour=6),
            "8000x5013, 40.1 megapixels; at most 40.0",
        ),
        ("one long row", png(40_000_000, 1, b"\0" * 1000), "at most 16383 pixels a side"),
        ("a large WebP", b"RIFF\x1a\0\0\0WEBPVP8L\x0d\0\0\0\x2f\xff\xff\xff\x0f" + bytes(9), "a side"),
        ("pixels without end", png(10, 10, bytes(50_000_000)), "10x10"),
        (
            "text without end",
            png(1, 1, b"\0abc", before=chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(40_000_000)))),
            "1x1",
        ),
        (
            "much text",
            png(1, 1, b"\0abc", before=chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(1_000_000))) * 200),
            "1x1",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 20 else "",
)
def test_a_bomb_takes_little_memory(tmp_path: Any, name: str, data: bytes, words: str) -> None:
    outcome, peak = run(tmp_path, data)
    assert words in outcome, name
    assert peak < 40


LARGE = {
    "PNG": lambda: png(8000, 5000, [bytes(32_001)] * 5000, colour=6),
    "JPEG": lambda: written(PillowImage.new("RGB", (8000, 5000)), "JPEG", progressive=True, subsampling=0),
    "WEBP": lambda: written(PillowImage.new("RGBA", (4096, 3072), (1, 2, 3, 4)), "WEBP", lossless=True, method=0),
    "GIF": lambda: written(PillowImage.new("P", (8000, 5000)), "GIF"),
}


@pytest.mark.parametrize("kind", LARGE)
def test_the_largest_picture_of_each_kind_leaves_room_for_a_server(tmp_path: Any, kind: str) -> None:
    outcome, peak = run(tmp_path, LARGE[kind]())
    assert "512" in outcome
    assert peak < 260
