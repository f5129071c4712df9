"""What made an image, written into the image file: IPTC's and XMP's terms, at the level of the container.

No pixel is touched. PNG and JPEG that came as base64 stay base64: the packet is padded with blanks, which XMP
allows, so that what follows keeps its place in the groups of 3 bytes.
"""

from __future__ import annotations

import html
import re
import zlib
from bisect import bisect
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from itertools import accumulate
from typing import TYPE_CHECKING, Final, NamedTuple

from cloudflare_image_mcp import __version__
from cloudflare_image_mcp.imagefile.header import ImageFormat
from cloudflare_image_mcp.imagefile.image import Image
from cloudflare_image_mcp.imagefile.payload import BytesPayload

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


SOFTWARE: Final = f"cloudflare-image-mcp {__version__}"
MAX_PACKET: Final = 65_000
"""Bytes of a packet, in every format: what fits into one JPEG segment (65,533) with its identifier."""


class SourceType(StrEnum):
    """IPTC's digital source types, https://cv.iptc.org/newscodes/digitalsourcetype/: what applies here."""

    TRAINED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
    """Made by a model derived from sampled content."""
    TRAINED_EDIT = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
    """Edited by such a model: inpainting, outpainting, augmentation."""
    ALGORITHMIC = "http://cv.iptc.org/newscodes/digitalsourcetype/algorithmicMedia"
    """Made by an algorithm alone, not based on sampled training data."""
    ALGORITHMIC_EDIT = "http://cv.iptc.org/newscodes/digitalsourcetype/composite"
    """A mix of several elements. ``compositeSynthetic`` says "generative AI elements" since 2024."""

    @classmethod
    def of(cls, *, trained: bool, edited: bool) -> SourceType:
        if trained:
            return cls.TRAINED_EDIT if edited else cls.TRAINED
        return cls.ALGORITHMIC_EDIT if edited else cls.ALGORITHMIC

    @property
    def trained(self) -> bool:
        return self in {SourceType.TRAINED, SourceType.TRAINED_EDIT}


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """What made an image. None is left out: a model without seeds, a prompt that is not to be published."""

    source_type: SourceType
    model: str
    """What made the image: a model's id, or the local engine's name."""
    created: datetime
    """With a time zone."""
    prompt: str | None = None
    negative_prompt: str | None = None
    seed: int | None = None
    steps: int | None = None
    guidance: float | None = None
    software: str = field(default=SOFTWARE)


async def stamp(image: Image, provenance: Provenance) -> Image:
    """The image with ``provenance`` in its metadata, in place of an XMP packet that it may have. Its pixels
    are the same bytes. A GIF comes back as it is.
    """
    stamper = _STAMPERS.get(image.format)
    return image if stamper is None else await stamper(image, provenance)


async def read_provenance(image: Image) -> Provenance | None:
    """What ``stamp`` wrote, or None."""
    async for part in _parts(image):
        if part.is_xmp(image.format):
            data = await image.payload.slice(part.data, part.stop)
            return _read_packet(data.decode("utf-8", "replace"))
    return None


# The packet: XMP specification part 1; IPTC Photo Metadata 2025.1 for the AI properties

_MARK: Final = "cloudflare-image-mcp"
_HEAD: Final = f"""\
<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="{_MARK}">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about=""
 xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
 xmlns:generation="{_MARK}:ns:generation/">
"""
_FOOT: Final = "</rdf:Description>\n</rdf:RDF>\n</x:xmpmeta>\n"
_TRAILER: Final = '<?xpacket end="w"?>'
_LANGUAGES: Final = ('<rdf:Alt><rdf:li xml:lang="x-default">', "</rdf:li></rdf:Alt>")
_ELEMENT: Final = re.compile(r"^<((?:dc|xmp|Iptc4xmpExt|generation):\w+)>(.*?)</\1>$", re.DOTALL | re.MULTILINE)
_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SPECIAL: Final = re.compile("[^\t\n\x20-%'-;=?-~]")
"""What ``_escaped`` has to look at more closely."""


def _packet(provenance: Provenance) -> bytes:
    """At most ``MAX_PACKET`` bytes: the prompts are cut where it would be more."""
    packet = _packed(provenance)
    if len(packet) <= MAX_PACKET:
        return packet
    room = MAX_PACKET - len(_packed(replace(provenance, prompt="", negative_prompt="")))
    prompt = _cut(provenance.prompt, room * 3 // 4)
    negative_prompt = _cut(provenance.negative_prompt, room // 4)
    return _packed(replace(provenance, prompt=prompt, negative_prompt=negative_prompt))


def _packed(provenance: Provenance) -> bytes:
    elements = "".join([f"<{name}>{value}</{name}>\n" for name, value in _properties(provenance)])
    return f"{_HEAD}{elements}{_FOOT}{_TRAILER}".encode()


def _padded_packet(packet: bytes, padding: int) -> bytes:
    end = len(packet) - len(_TRAILER)
    return packet[:end] + b" " * padding + packet[end:]


def _properties(provenance: Provenance) -> list[tuple[str, str]]:
    """XMP's name and escaped value of each. IPTC's AI properties are for what a trained model made."""
    trained = provenance.source_type.trained
    model = "Iptc4xmpExt:AISystemUsed" if trained else "generation:Model"
    prompt = "Iptc4xmpExt:AIPromptInformation" if trained else "dc:description"
    values = {
        "Iptc4xmpExt:DigitalSourceType": provenance.source_type.value,
        model: provenance.model,
        prompt: provenance.prompt,
        "generation:NegativePrompt": provenance.negative_prompt,
        "generation:Seed": provenance.seed,
        "generation:Steps": provenance.steps,
        "generation:Guidance": provenance.guidance,
        "xmp:CreatorTool": provenance.software,
        "xmp:CreateDate": provenance.created.isoformat(timespec="seconds"),
    }
    return [(name, _text(name, str(value))) for name, value in values.items() if value is not None]


def _text(name: str, value: str) -> str:
    return _escaped(value).join(_LANGUAGES) if name == "dc:description" else _escaped(value)


def _escaped(text: str) -> str:
    if _SPECIAL.search(text) is None:
        return text
    return html.escape(_NOT_XML.sub("", text), quote=False).replace("\r", "&#13;")


def _cut(text: str | None, room: int) -> str | None:
    """As much of the text as takes ``room`` bytes when it is escaped."""
    if text is None or len(_escaped(text[:room]).encode()) <= room >= len(text):
        return text
    lengths = accumulate(len(_escaped(character).encode()) for character in text[:room])
    return text[: bisect(list(lengths), room - len("…".encode()))] + "…"


def _read_packet(packet: str) -> Provenance | None:
    if f'x:xmptk="{_MARK}"' not in packet:
        return None
    values = {
        name: html.unescape(value.removeprefix(_LANGUAGES[0]).removesuffix(_LANGUAGES[1]))
        for name, value in _ELEMENT.findall(packet)
    }
    seed, steps, guidance = (values.get(f"generation:{name}") for name in ("Seed", "Steps", "Guidance"))
    try:
        return Provenance(
            source_type=SourceType(values["Iptc4xmpExt:DigitalSourceType"]),
            model=values.get("Iptc4xmpExt:AISystemUsed") or values["generation:Model"],
            created=datetime.fromisoformat(values["xmp:CreateDate"]),
            prompt=values.get("Iptc4xmpExt:AIPromptInformation", values.get("dc:description")),
            negative_prompt=values.get("generation:NegativePrompt"),
            seed=None if seed is None else int(seed),
            steps=None if steps is None else int(steps),
            guidance=None if guidance is None else float(guidance),
            software=values["xmp:CreatorTool"],
        )
    except (KeyError, ValueError):
        return None


# The parts of a file: chunks of PNG and WebP, segments of JPEG

_MAX_PARTS: Final = 256
_PEEK: Final = 64


class _Part(NamedTuple):
    kind: bytes
    start: int
    data: int
    """Where the data starts."""
    stop: int
    peek: bytes
    """The first bytes of the data."""

    def is_xmp(self, image_format: ImageFormat) -> bool:
        kind, identifier = _XMP[image_format]
        return self.kind == kind and self.peek.startswith(identifier)


_XMP: Final = {
    ImageFormat.PNG: (b"iTXt", b"XML:com.adobe.xmp\0"),
    ImageFormat.JPEG: (b"\xff\xe1", b"http://ns.adobe.com/xap/1.0/\0"),
    ImageFormat.WEBP: (b"XMP ", b""),
}


async def _parts(image: Image) -> AsyncIterator[_Part]:
    """What stands before the pixels; in WebP all there is, because its metadata stands after them."""
    if image.format not in _READERS:
        return
    position, reader = _READERS[image.format]
    for _ in range(_MAX_PARTS):
        part = reader(position, await image.payload.slice(position, position + _PEEK))
        if part is None:
            return
        yield part
        position = part.stop


def _png_part(start: int, head: bytes) -> _Part | None:
    kind = head[4:8]
    if len(head) < 12 or kind in {b"IDAT", b"IEND"}:
        return None
    return _Part(kind, start, start + 8, start + 12 + int.from_bytes(head[:4]), head[8:])


def _jpeg_part(start: int, head: bytes) -> _Part | None:
    if len(head) < 4 or head[0] != 0xFF or not (0xE0 <= head[1] <= 0xEF or head[1] == 0xFE):
        return None
    return _Part(head[:2], start, start + 4, start + 2 + int.from_bytes(head[2:4]), head[4:])


def _webp_part(start: int, head: bytes) -> _Part | None:
    if len(head) < 8:
        return None
    length = int.from_bytes(head[4:8], "little")
    return _Part(head[:4], start, start + 8, start + 8 + length + length % 2, head[8:])


_READERS: Final[dict[ImageFormat, tuple[int, Callable[[int, bytes], _Part | None]]]] = {
    ImageFormat.PNG: (33, _png_part),
    ImageFormat.JPEG: (2, _jpeg_part),
    ImageFormat.WEBP: (12, _webp_part),
}


# Writing


async def _stamp_png(image: Image, provenance: Provenance) -> Image:
    """Right after IHDR. An earlier packet goes with the ``parameters`` that stand beside it."""
    start = stop = 33
    async for part in _parts(image):
        ours = part.is_xmp(image.format) or part.peek.startswith(b"parameters\0")
        if ours and part.start == stop:
            stop = part.stop
        elif ours and start == stop:
            start, stop = part.start, part.stop

    packet, parameters = _packet(provenance), _png_parameters(provenance, image)

    def chunks(padding: int) -> bytes:
        return _png_packet(_padded_packet(packet, padding)) + parameters

    return await _spliced(image, start, stop, chunks)


def _png_packet(packet: bytes) -> bytes:
    return _png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + packet)


def _png_parameters(provenance: Provenance, image: Image) -> bytes:
    """The text that viewers of generated images look for, as Stable Diffusion web UI writes it."""
    if provenance.prompt is None:
        return b""
    pairs = {
        "Steps": provenance.steps,
        "CFG scale": provenance.guidance,
        "Seed": provenance.seed,
        "Size": image.header.size,
        "Model": provenance.model,
        "Version": provenance.software,
    }
    lines = [
        provenance.prompt,
        *([f"Negative prompt: {provenance.negative_prompt}"] if provenance.negative_prompt else []),
        ", ".join(f"{name}: {value}" for name, value in pairs.items() if value is not None),
    ]
    text = "\n".join(lines).replace("\0", "")
    try:
        return _png_chunk(b"tEXt", b"parameters\0" + text.encode("latin-1"))
    except UnicodeEncodeError:
        return _png_chunk(b"iTXt", b"parameters\0\0\0\0\0" + text.encode("utf-8", "replace"))


def _png_chunk(kind: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4)


async def _stamp_jpeg(image: Image, provenance: Provenance) -> Image:
    """After JFIF and Exif, which have to be first."""
    start = stop = 2
    async for part in _parts(image):
        if part.is_xmp(image.format):
            start, stop = part.start, part.stop
            break
        first = part.kind == b"\xff\xe0" or part.peek.startswith(b"Exif\0")
        if first and part.start == stop:
            start = stop = part.stop

    packet = _packet(provenance)

    def segment(padding: int) -> bytes:
        data = _XMP[ImageFormat.JPEG][1] + _padded_packet(packet, padding)
        return b"\xff\xe1" + (2 + len(data)).to_bytes(2) + data

    return await _spliced(image, start, stop, segment)


async def _spliced(image: Image, start: int, stop: int, written: Callable[[int], bytes]) -> Image:
    """``written`` with the padding that keeps the bytes after it aligned to groups of 3."""
    data = written(0)
    if padding := (stop - start - len(data)) % 3:
        data = written(padding)
    return Image(await image.payload.spliced(start, stop, data), image.header)


_VP8X_XMP: Final = 0x04
_VP8X_ALPHA: Final = 0x10


async def _stamp_webp(image: Image, provenance: Provenance) -> Image:
    """After all else, as RFC 9649 has it; a simple file becomes an extended one."""
    whole = await image.payload.read()
    body, position = b"", 12
    async for part in _parts(image):
        if part.is_xmp(image.format):
            body, position = body + whole[position : part.start], part.stop
    body = _padded(body + whole[position : image.header.declared_bytes])
    if not body.startswith(b"VP8X"):
        body = _vp8x(image) + body
    body = body[:8] + bytes([body[8] | _VP8X_XMP]) + body[9:]
    body = b"WEBP" + body + _riff_chunk(b"XMP ", _packet(provenance))
    header = replace(image.header, declared_bytes=8 + len(body))
    return Image(BytesPayload(b"RIFF" + len(body).to_bytes(4, "little") + body), header)


def _vp8x(image: Image) -> bytes:
    flags = _VP8X_ALPHA if image.header.has_alpha else 0
    sides = b"".join((side - 1).to_bytes(3, "little") for side in image.header.size)
    return _riff_chunk(b"VP8X", bytes([flags, 0, 0, 0]) + sides)


def _riff_chunk(kind: bytes, data: bytes) -> bytes:
    return _padded(kind + len(data).to_bytes(4, "little") + data)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (len(data) % 2)


_STAMPERS: Final = {
    ImageFormat.PNG: _stamp_png,
    ImageFormat.JPEG: _stamp_jpeg,
    ImageFormat.WEBP: _stamp_webp,
}
