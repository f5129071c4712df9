from __future__ import annotations

import base64
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow

from cloudflare_image_mcp.backends.workers_ai.errors import Action, UpstreamError
from cloudflare_image_mcp.backends.workers_ai.reply import Reply, image_of, read_image
from cloudflare_image_mcp.imagefile.payload import Base64Payload, BytesPayload

OK = {"success": True, "errors": [], "messages": []}


def picture(kind: str, side: int = 64) -> bytes:
    file = io.BytesIO()
    Pillow.effect_noise((side, side), 90).convert("RGB").save(file, kind)
    return file.getvalue()


PNGS = {side: picture("PNG", side) for side in (4, 90)}
"""Of which one is decoded at once, and one stays base64."""


def enveloped(data: bytes, spaces: bool = False) -> bytes:
    envelope = {"result": {"image": base64.b64encode(data).decode()}, **OK}
    return json.dumps(envelope, separators=None if spaces else (",", ":")).encode()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("spaces", [False, True])
async def test_base64_stays_base64(kind: str, spaces: bool) -> None:
    data = picture(kind, 256)
    image = await image_of(Reply(200, {"content-type": "application/json"}, enveloped(data, spaces)))
    assert isinstance(image.payload, Base64Payload)
    assert b"".join([part async for part in image.payload.base64_chunks()]) == base64.b64encode(data)
    assert (image.format.name, tuple(image.size)) == (kind, (256, 256))


@pytest.mark.parametrize("spaces", [False, True])
async def test_short_base64_is_decoded_at_once(spaces: bool) -> None:
    data = picture("PNG", 8)
    image = await image_of(Reply(200, {"content-type": "application/json"}, enveloped(data, spaces)))
    assert isinstance(image.payload, BytesPayload)
    assert await image.payload.read() == data


@pytest.mark.parametrize("side", [4, 90])
@given(lengths=st.lists(st.integers(1, 500)))
async def test_an_envelope_in_pieces_is_read_without_joining_them(side: int, lengths: list[int]) -> None:
    data = PNGS[side]
    body = enveloped(data)
    pieces = []
    for length in [len(b'{"result":{"image":"'), *lengths, len(body)]:
        pieces.append(body[:length])
        body = body[length:]
    payload = read_image(list(filter(None, pieces)))
    assert payload is not None
    assert payload.size == len(data)
    assert await payload.read() == data


async def test_the_stated_type_decides_nothing() -> None:
    image = await image_of(Reply(200, {"content-type": "image/png"}, picture("JPEG")))
    assert isinstance(image.payload, BytesPayload)
    assert image.format.name == "JPEG"


async def test_other_spellings_of_the_envelope() -> None:
    data = picture("PNG")
    text = base64.b64encode(data).decode()
    bodies = [
        json.dumps({**OK, "result": {"seed": 1, "image": text}}),
        json.dumps({"result": {"image": "data:image/png;base64," + text}, **OK}),
        '{"result":{"image":"' + text.replace("/", "\\/") + '"},"success":true,"errors":[],"messages":[]}',
        '{"result":{"image":"' + text + '","seed":3},"success":true,"errors":[],"messages":[]}',
    ]
    for body in bodies:
        image = await image_of(Reply(200, {}, body.encode()))
        assert await image.payload.read() == data


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"hello",
        b'{"result":{},"success":true,"errors":[],"messages":[]}',
        b'{"result":null,"success":true}',
        b'{"result":{"image":""},"success":true}',
        b'{"result":{"image":null},"success":true}',
        b'{"result":{"image":"',
        b'{"result":{"image":"aGVsbG8="}}',
        b'{"result":{"image":"a===aaaa"}}',
        picture("JPEG")[:-100],
        picture("PNG")[:-100],
        enveloped(picture("JPEG")[:900]),
        enveloped(picture("PNG"))[:-400],
        enveloped(picture("PNG")).replace(b"/", b"\xc3", 1),
        enveloped(picture("PNG")).replace(b"iVBOR", b"iVBO", 1),
        enveloped(picture("PNG")).replace(b"IDAT", b"ID T", 1).replace(b"A", b"*", 1),
    ],
    ids=range(16),
)
async def test_an_answer_without_a_usable_image_is_an_upstream_error(body: bytes) -> None:
    with pytest.raises(UpstreamError) as caught:
        await image_of(Reply(200, {"cf-ai-neurons": "172.80"}, body))
    error = caught.value.gateway_error(has_image=True)
    assert (error.kind, caught.value.meaning.action) == ("upstream_error", Action.RETRY)
    assert caught.value.neurons == 172.8


async def test_an_error_under_status_200_is_that_error() -> None:
    body = {"errors": [{"message": "x", "code": 4006}], "success": False, "result": {}, "messages": []}
    with pytest.raises(UpstreamError) as caught:
        await image_of(Reply(200, {}, json.dumps(body).encode()))
    assert caught.value.code == 4006
