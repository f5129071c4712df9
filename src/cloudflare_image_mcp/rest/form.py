"""Reads forms into memory as they arrive, with every limit checked on the way, through python-multipart's push parser.

Starlette's reader over the same parser writes files to disk in threads, which a Worker lacks, and does not limit bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from cloudflare_image_mcp.errors import GatewayError, invalid
from cloudflare_image_mcp.imagefile.percent_text import percent_decoded
from cloudflare_image_mcp.limits import MAX_FORM_PARTS, MAX_IMAGE_BYTES, MEBIBYTE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cloudflare_image_mcp.rest.request_body import RequestBody


_FILE_TYPES: Final = (b"image/", b"application/octet-stream")


@dataclass(slots=True)
class _FormPart:
    name: str
    is_file: bool
    data: bytearray = field(default_factory=bytearray)


class _FormReader:
    """Collects the parts that ``MultipartParser`` finds."""

    def __init__(self, boundary: bytes) -> None:
        self.parts: list[_FormPart] = []
        self.complete = False
        self._header_name = b""
        self._header_value = b""
        self._disposition = b""
        self._content_type = b""
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._part_begin,
                "on_header_field": self._on_header_field,
                "on_header_value": self._on_header_value,
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_finished,
                "on_part_data": self._part_data,
                "on_end": self._end,
            },
        )

    def feed(self, chunk: bytes) -> None:
        self._parser.write(chunk)

    def _part_begin(self) -> None:
        self._disposition = self._content_type = b""
        if len(self.parts) >= MAX_FORM_PARTS:
            raise GatewayError("request_too_large", f"the form has more than {MAX_FORM_PARTS} parts")

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _header_end(self) -> None:
        match self._header_name.lower():
            case b"content-disposition":
                self._disposition = self._header_value
            case b"content-type":
                self._content_type = self._header_value
        self._header_name = self._header_value = b""

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._disposition)
        if b"name" not in options:
            raise invalid(None, "a part of the form has no name in its Content-Disposition")
        name = options[b"name"].decode("utf-8", "replace")
        # Some clients name no file, or in RFC 5987's way alone (filename*), which the parser leaves out.
        is_file = b"filename" in options or self._content_type.lower().startswith(_FILE_TYPES)
        self.parts.append(_FormPart(name, is_file))

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        part = self.parts[-1]
        part.data += data[start:end]
        if len(part.data) > MAX_IMAGE_BYTES * 2:
            raise GatewayError(
                "request_too_large",
                f"{part.name} is longer than {MAX_IMAGE_BYTES * 2 // MEBIBYTE} MiB",
                param=part.name,
            )

    def _end(self) -> None:
        self.complete = True


async def read_multipart(body: RequestBody, content_type: str) -> dict[str, object]:
    """The fields of a ``multipart/form-data`` body: text as ``str``, files as ``bytes``, a repeated name as a list.

    Raises ``GatewayError`` (400, 413) saying what is wrong with the form.
    """
    _, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if not boundary:
        raise invalid(None, "the Content-Type of a multipart form must name its boundary")
    try:
        reader = _FormReader(boundary)
        async for chunk in body.pieces():
            reader.feed(chunk)
    except FormParserError as error:
        await body.discard()
        raise invalid(None, f"the multipart form is broken: {error}") from None
    if not reader.complete:
        raise invalid(None, "the multipart form is cut short: its closing boundary is missing")
    return _fields(
        (part.name, bytes(part.data) if part.is_file else _text(part.name, part.data)) for part in reader.parts
    )


async def read_urlencoded(body: bytes) -> Mapping[str, object]:
    """The fields of an ``application/x-www-form-urlencoded`` body. Other requests get their turn while a long body is
    decoded.
    """
    if body.count(b"&") >= MAX_FORM_PARTS:
        raise GatewayError("request_too_large", f"the form has more than {MAX_FORM_PARTS} fields")
    pairs: list[tuple[str, str | bytes]] = []
    for field_ in body.split(b"&"):
        if field_:
            name, _, value = field_.partition(b"=")
            written = (await _decoded(name)).decode("utf-8", "replace")
            pairs.append((written, _text(written, await _decoded(value))))
    return _fields(pairs)


async def _decoded(text: bytes) -> bytes:
    return await percent_decoded(text.replace(b"+", b" "))


def _text(name: str, data: bytes | bytearray) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise invalid(name, f"{name} must be UTF-8 text, or a file with a file name") from None


def _fields(pairs: Iterable[tuple[str, str | bytes]]) -> dict[str, object]:
    fields: dict[str, object] = {}
    for name, value in pairs:
        present = fields.get(name)
        if present is None:
            fields[name] = value
        elif isinstance(present, list):
            present.append(value)
        else:
            fields[name] = [present, value]
    return fields
