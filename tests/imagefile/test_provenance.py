"""Provenance metadata as Pillow and exiftool read it; nothing else in the file changes."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import subprocess
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as PillowImage

from cloudflare_image_mcp.imagefile.image import Image
from cloudflare_image_mcp.imagefile.payload import Base64Payload, BytesPayload, Payload
from cloudflare_image_mcp.imagefile.provenance import (
    MAX_PACKET,
    SOFTWARE,
    Provenance,
    SourceType,
    read_provenance,
    stamp,
)
from tests.installed import require_program

if TYPE_CHECKING:
    from collections.abc import Callable

MADE = Provenance(
    source_type=SourceType.TRAINED,
    model="@cf/black-forest-labs/flux-2-klein-4b",
    created=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    prompt='A <fox> & "friends"\nin the snow, löwe 🦊',
    negative_prompt="blur",
    seed=0,
    steps=4,
    guidance=3.5,
)


def written(kind: str, mode: str = "RGB", size: tuple[int, int] = (37, 23), **options: Any) -> bytes:
    picture = PillowImage.effect_mandelbrot(size, (-2, -1, 1, 1), 20).convert("RGB").convert(mode)
    if mode == "RGBA":
        picture.putalpha(PillowImage.linear_gradient("L").resize(size))
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


FOREIGN = b'<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"/>'
EXIF = PillowImage.Exif()
EXIF[0x0131] = "a camera"

FILES = {
    "png": written("PNG"),
    "png with alpha": written("PNG", "RGBA"),
    "png with a palette": written("PNG", "P"),
    "jpeg": written("JPEG"),
    "jpeg with Exif": written("JPEG", exif=EXIF),
    "jpeg with a profile": written("JPEG", icc_profile=bytes(range(256)) * 400),
    "jpeg with another packet": written("JPEG", xmp=FOREIGN),
    "webp": written("WEBP"),
    "webp lossless": written("WEBP", lossless=True),
    "webp lossless with alpha": written("WEBP", "RGBA", lossless=True),
    "webp lossy with alpha": written("WEBP", "RGBA"),
    "webp with Exif": written("WEBP", exif=EXIF),
    "webp with another packet": written("WEBP", xmp=FOREIGN),
}


def in_bytes(data: bytes) -> Payload:
    return BytesPayload(data)


def in_base64(data: bytes) -> Payload:
    return Base64Payload(base64.b64encode(data))


def opened(data: bytes) -> PillowImage.Image:
    picture = PillowImage.open(io.BytesIO(data))
    picture.load()
    return picture


async def stamped(data: bytes, provenance: Provenance = MADE) -> bytes:
    image = await stamp(await Image.of_bytes(data), provenance)
    return await image.payload.read()


def packet(data: bytes) -> str:
    """The XMP packet, as Pillow finds it."""
    info = opened(data).info
    found = info.get("xmp", info.get("XML:com.adobe.xmp"))
    return found.decode() if isinstance(found, bytes) else str(found)


@pytest.mark.parametrize("kind", [in_bytes, in_base64])
@pytest.mark.parametrize("name", FILES)
async def test_what_is_stamped_is_read_and_the_pixels_stay(name: str, kind: Callable[[bytes], Payload]) -> None:
    data = FILES[name]
    image = await stamp(await Image.sniff(kind(data)), MADE)
    result = await image.payload.read()
    assert await read_provenance(image) == MADE
    assert (await Image.of_bytes(result)).header == image.header
    before, after = opened(data), opened(result)
    assert (before.mode, before.size) == (after.mode, after.size)
    assert before.tobytes() == after.tobytes()
    assert before.info.get("icc_profile") == after.info.get("icc_profile")
    assert dict(before.getexif()) == dict(after.getexif())
    root = ET.fromstring(packet(result).strip("\ufeff"))
    assert root.tag == "{adobe:ns:meta/}xmpmeta"


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith(("png", "jpeg"))])
async def test_base64_stays_base64(name: str) -> None:
    data = FILES[name]
    for padding in range(3):
        # A PNG ends in IEND and a JPEG in EOI: bytes before the end shift what is spliced.
        image = await stamp(await Image.sniff(Base64Payload(base64.b64encode(data + bytes(padding)))), MADE)
        assert isinstance(image.payload, Base64Payload)
        text = b"".join([chunk async for chunk in image.payload.base64_chunks()])
        assert base64.b64decode(text, validate=True) == await stamped(data + bytes(padding))


@pytest.mark.parametrize("name", FILES)
async def test_a_second_stamp_replaces_the_first(name: str) -> None:
    once = await stamped(FILES[name])
    other = replace(MADE, seed=7, prompt="another and a rather longer prompt than the first one was")
    twice = await stamped(once, other)
    assert twice == await stamped(FILES[name], other)
    assert await stamped(twice) == once
    assert twice.count(b"W5M0MpCehiHzreSzNTczkc9d") == 1
    assert twice.count(b"parameters\0") == (1 if name.startswith("png") else 0)


@pytest.mark.parametrize("name", ["png", "jpeg", "webp"])
async def test_a_prompt_that_is_not_to_be_published_is_nowhere(name: str) -> None:
    image = await stamp(await Image.of_bytes(FILES[name]), replace(MADE, prompt=None, negative_prompt=None))
    assert b"snow" not in await image.payload.read()
    assert b"parameters" not in await image.payload.read()
    provenance = await read_provenance(image)
    assert provenance is not None
    assert (provenance.prompt, provenance.seed) == (None, 0)


@pytest.mark.parametrize("name", ["png", "jpeg", "webp"])
@pytest.mark.parametrize("prompt", ["x" * 70_000, "&" * 70_000, "🦊" * 30_000, "\0" * 70_000 + "end"])
async def test_a_prompt_too_long_for_a_segment_is_cut(name: str, prompt: str) -> None:
    long = replace(MADE, prompt=prompt, negative_prompt=prompt)
    image = await stamp(await Image.of_bytes(FILES[name]), long)
    provenance = await read_provenance(image)
    assert provenance is not None
    assert provenance.prompt is not None
    if "\0" in prompt:
        assert provenance.prompt == "end"
    else:
        assert provenance.prompt.endswith("…")
        assert prompt.startswith(provenance.prompt[:-1])
        assert MAX_PACKET - 20 <= len(packet(await image.payload.read()).encode()) <= MAX_PACKET + 2
    assert opened(await image.payload.read()).size == (37, 23)


@given(st.text(), st.none() | st.text(), st.integers(0, 2**64))
async def test_any_text_makes_a_sound_packet(prompt: str, negative: str | None, seed: int) -> None:
    made = replace(MADE, source_type=SourceType.ALGORITHMIC_EDIT, prompt=prompt, negative_prompt=negative, seed=seed)
    for name in ("png", "jpeg"):
        image = await stamp(await Image.of_bytes(FILES[name]), made)
        data = await image.payload.read()
        root = ET.fromstring(packet(data).strip("\ufeff"))
        described = root.find(".//{http://purl.org/dc/elements/1.1/}description")
        text = "" if described is None else "".join(described.itertext())
        provenance = await read_provenance(image)
        assert provenance is not None
        assert provenance.seed == seed
        assert provenance.prompt == text
        if prompt.isprintable():
            assert text == prompt


async def test_only_what_a_trained_model_made_bears_the_marks_of_ai() -> None:
    for source_type in SourceType:
        made = replace(MADE, source_type=source_type, model="illustrator")
        image = await stamp(await Image.of_bytes(FILES["png"]), made)
        assert ("AISystemUsed" in packet(await image.payload.read())) is source_type.trained
        assert await read_provenance(image) == made
    assert SourceType.of(trained=True, edited=False) is SourceType.TRAINED
    assert SourceType.of(trained=True, edited=True).endswith("/compositeWithTrainedAlgorithmicMedia")
    assert SourceType.of(trained=False, edited=False).endswith("/algorithmicMedia")
    assert SourceType.of(trained=False, edited=True).endswith("/composite")


async def test_png_has_the_parameters_that_viewers_look_for() -> None:
    text = opened(await stamped(FILES["png"])).info["parameters"]
    assert text == (
        'A <fox> & "friends"\nin the snow, löwe 🦊\nNegative prompt: blur\n'
        "Steps: 4, CFG scale: 3.5, Seed: 0, Size: 37x23, Model: @cf/black-forest-labs/flux-2-klein-4b, "
        f"Version: {SOFTWARE}"
    )
    latin = await stamped(FILES["png"], replace(MADE, prompt="Löwe"))
    assert b"tEXtparameters\0L\xf6we" in latin


async def test_the_packet_is_where_readers_look_first() -> None:
    png, jpeg = await stamped(FILES["png"]), await stamped(FILES["jpeg"])
    assert png[37:59] == b"iTXtXML:com.adobe.xmp\0"
    assert jpeg[6:10] == b"JFIF"
    assert jpeg[20:22] == b"\xff\xe1"
    assert jpeg[24:53] == b"http://ns.adobe.com/xap/1.0/\0"


async def test_a_gif_and_an_unstamped_file_have_none() -> None:
    gif = await Image.of_bytes(written("GIF", "P"))
    assert await stamp(gif, MADE) is gif
    assert await read_provenance(gif) is None
    for data in FILES.values():
        assert await read_provenance(await Image.of_bytes(data)) is None


async def test_an_animation_keeps_its_frames() -> None:
    shades = [PillowImage.new("RGB", (9, 7), (shade % 256, shade // 256, 9)) for shade in range(400)]
    out = io.BytesIO()
    shades[0].save(out, "WEBP", save_all=True, append_images=shades[1:], lossless=True)
    assert getattr(opened(await stamped(out.getvalue())), "n_frames", 1) == 400


async def test_padding_behind_a_file_does_no_harm() -> None:
    for name in ("png", "jpeg", "webp"):
        image = await stamp(await Image.of_bytes(FILES[name] + bytes(5)), MADE)
        assert await read_provenance(image) == MADE
        await Image.of_bytes(await image.payload.read())


def test_exiftool_reads_every_stamp_and_finds_no_new_fault(tmp_path: Path) -> None:
    exiftool = require_program("exiftool", package="libimage-exiftool-perl")
    for name, data in FILES.items():
        (tmp_path / f"{name}.before").write_bytes(data)
        (tmp_path / f"{name}.after").write_bytes(asyncio.run(stamped(data)))
    command = [exiftool, "-json", "-struct", "-Validate", "-XMP:all", "-ext", "*", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, check=True)
    read = {Path(tags["SourceFile"]).name: tags for tags in json.loads(done.stdout)}
    for name in FILES:
        tags = read[f"{name}.after"]
        assert tags["Validate"] == read[f"{name}.before"]["Validate"]
        assert tags["DigitalSourceType"] == SourceType.TRAINED
        assert tags["AISystemUsed"] == MADE.model
        assert tags["AIPromptInformation"] == MADE.prompt
        assert tags["CreatorTool"] == SOFTWARE
        assert tags["CreateDate"] == "2026:01:02 03:04:05+00:00"
        assert tags["Seed"] == 0
