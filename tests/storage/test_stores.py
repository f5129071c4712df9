"""The promises of the port ``ImageStore``, tested with each store."""

from __future__ import annotations

import asyncio
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from cloudflare_image_mcp.errors import GatewayError
from cloudflare_image_mcp.imagefile.image import Image
from cloudflare_image_mcp.imagefile.payload import Base64Payload, BytesPayload
from cloudflare_image_mcp.storage.s3 import S3Store

from .conftest import HandClock, Opener, picture

if TYPE_CHECKING:
    from cloudflare_image_mcp.core.ports import ImageStore

DAY = timedelta(hours=24)
DETAILS = {
    "prompt": 'a  fox + a "hat",\n100% ünïcode 狐 🦊 \\u002b',
    "model": "@cf/black-forest-labs/flux-1-schnell",
    "seed": "4294967295",
    "empty": "",
}
NO_KEYS = (
    "",
    ".",
    "../../etc/passwd",
    "..%2f..%2fetc%2fpasswd.png",
    "/etc/passwd",
    "C:\\windows\\win.ini",
    "A" * 22,
    "A" * 21 + ".png",
    "A" * 23 + ".png",
    "A" * 22 + ".svg",
    "A" * 22 + ".PNG",
    "A" * 22 + ".png.json",
    "A" * 22 + ".png\n",
    "A" * 22 + ".png\0",
    "." + "A" * 21 + ".png",
    "A" * 20 + "/A.png",
    "ä" * 22 + ".png",
    "A" * 22 + ".png/../" + "A" * 22 + ".png",
)


def new_key(extension: str = "png") -> str:
    return f"{secrets.token_urlsafe(16)}.{extension}"


async def content(store: ImageStore, key: str, start: int = 0, stop: int | None = None) -> bytes:
    return b"".join([chunk async for chunk in store.read(key, start, stop)])


@pytest.mark.parametrize(("format_", "extension"), [("PNG", "png"), ("JPEG", "jpg"), ("WEBP", "webp"), ("GIF", "gif")])
async def test_gives_back_what_was_put(open_kind: Opener, clock: HandClock, format_: str, extension: str) -> None:
    store, data, key = await open_kind(DAY), picture(format_), new_key(extension)
    stored = await store.put(key, await Image.of_bytes(data), DETAILS)
    assert stored.key == key
    assert stored.id == key.split(".")[0]
    assert stored.media_type == f"image/{format_.lower()}"
    assert stored.size == len(data)
    assert stored.created == clock.now()
    assert dict(stored.details) == DETAILS
    again = await open_kind(DAY)
    assert await again.find(key) == stored
    assert await again.list() == [stored]
    assert await content(again, key) == data


async def test_stores_base64_as_the_bytes_it_stands_for(open_kind: Opener, png: bytes) -> None:
    text = b"".join([chunk async for chunk in BytesPayload(png).base64_chunks()])
    store, key = await open_kind(DAY), new_key()
    stored = await store.put(key, await Image.sniff(Base64Payload(text)), {})
    assert stored.size == len(png)
    assert await content(store, key) == png


async def test_a_large_image_comes_in_pieces(open_kind: Opener) -> None:
    data = picture("PNG", side=1500)
    assert len(data) > 1_500_000
    store, key = await open_kind(DAY), new_key()
    await store.put(key, await Image.of_bytes(data), {})
    assert await content(store, key) == data
    assert await content(store, key, 300_000, 1_200_001) == data[300_000:1_200_001]


@pytest.mark.parametrize(
    ("start", "stop"),
    [
        (0, 1),
        (5, 20),
        (5, None),
        (0, 10**9),
        (-5, 3),
        (7, 7),
        (9, 3),
        (10**9, None),
        (10**9, 10**9 + 1),
        (0, 0),
    ],
)
async def test_reads_ranges_as_slices(
    open_kind: Opener, image: Image, png: bytes, start: int, stop: int | None
) -> None:
    store, key = await open_kind(DAY), new_key()
    await store.put(key, image, {})
    assert await content(store, key, start, stop) == png[max(0, start) : stop]


async def test_the_last_byte_can_be_read(open_kind: Opener, image: Image, png: bytes) -> None:
    store, key = await open_kind(DAY), new_key()
    await store.put(key, image, {})
    assert await content(store, key, len(png) - 1, len(png)) == png[-1:]


async def test_lists_the_newest_first_up_to_the_limit(open_kind: Opener, image: Image, clock: HandClock) -> None:
    store, keys = await open_kind(DAY), [new_key() for _ in range(5)]
    for key in keys:
        await store.put(key, image, {})
        clock.advance(milliseconds=20)
    assert [stored.key for stored in await store.list()] == keys[::-1]
    assert [stored.key for stored in await store.list(2)] == keys[:-3:-1]
    assert await store.list(0) == []


async def test_an_empty_store_lists_nothing(open_kind: Opener) -> None:
    store = await open_kind(DAY)
    assert await store.list() == []
    assert await store.sweep() == 0


async def test_an_image_is_gone_when_it_expires_swept_or_not(
    open_kind: Opener, image: Image, png: bytes, clock: HandClock
) -> None:
    store, old, young = await open_kind(DAY), new_key(), new_key()
    await store.put(old, image, {})
    clock.advance(hours=23, minutes=59)
    assert await content(store, old) == png
    clock.advance(minutes=2)
    assert await store.find(old) is None
    assert await store.list() == []
    with pytest.raises(GatewayError) as caught:
        await content(store, old)
    assert caught.value.kind == "not_found"
    with pytest.raises(GatewayError):
        await content(store, old, 1, 2)
    assert await store.delete(old) is False
    await store.put(young, image, {})
    assert [stored.key for stored in await store.list()] == [young]


async def test_the_sweep_removes_what_has_expired_and_says_how_many(
    open_kind: Opener, image: Image, clock: HandClock
) -> None:
    store, keys = await open_kind(DAY), [new_key() for _ in range(3)]
    for key in keys:
        await store.put(key, image, {})
    assert await store.sweep() == 0
    clock.advance(hours=25)
    assert await store.sweep() == 3
    assert await store.sweep() == 0


async def test_without_expiry_images_stay(open_kind: Opener, image: Image, clock: HandClock) -> None:
    store, key = await open_kind(None), new_key()
    await store.put(key, image, {})
    clock.advance(days=3650)
    assert await store.sweep() == 0
    assert await store.find(key) is not None


async def test_deletes_once(open_kind: Opener, image: Image) -> None:
    store, key, other = await open_kind(DAY), new_key(), new_key()
    await store.put(key, image, {})
    await store.put(other, image, {})
    assert await store.delete(key) is True
    assert await store.delete(key) is False
    assert await store.find(key) is None
    assert [stored.key for stored in await store.list()] == [other]


async def test_an_unknown_key_is_not_found(open_kind: Opener) -> None:
    store, key = await open_kind(DAY), new_key()
    assert await store.find(key) is None
    assert await store.delete(key) is False
    with pytest.raises(GatewayError) as caught:
        await content(store, key)
    assert caught.value.kind == "not_found"


@pytest.mark.parametrize("key", NO_KEYS)
async def test_what_is_no_key_is_never_looked_for(open_kind: Opener, image: Image, key: str) -> None:
    store = await open_kind(DAY)
    assert await store.find(key) is None
    assert await store.delete(key) is False
    with pytest.raises(GatewayError) as caught:
        await content(store, key)
    assert caught.value.kind == "not_found"
    with pytest.raises(GatewayError) as caught:
        await store.put(key, image, {})
    assert caught.value.kind == "storage_error"


async def test_the_key_says_the_type_that_the_image_has(open_kind: Opener, image: Image) -> None:
    store = await open_kind(DAY)
    with pytest.raises(GatewayError, match="image/png"):
        await store.put(new_key("jpg"), image, {})
    assert await store.list() == []


async def test_many_at_once(open_kind: Opener) -> None:
    store = await open_kind(DAY)
    images = {new_key(): picture("PNG", seed=seed) for seed in range(40)}

    async def put(key: str) -> None:
        await store.put(key, await Image.of_bytes(images[key]), {"n": key})

    await asyncio.gather(*map(put, images))
    listed = await store.list()
    assert {stored.key for stored in listed} == set(images)
    assert all(stored.details["n"] == stored.key for stored in listed)
    read = await asyncio.gather(*(content(store, key) for key in images))
    assert dict(zip(images, read, strict=True)) == images


async def test_records_of_answers_are_kept_and_replaced(open_kind: Opener, image: Image) -> None:
    store, digest = await open_kind(DAY), "0a" * 32
    assert await store.find_answer(digest) is None
    await store.put_answer(digest, '{"first": 1}')
    await store.put_answer(digest, '{"second": "\\u00fc"}')
    await store.put(new_key(), image, {})
    again = await open_kind(DAY)
    assert await again.find_answer(digest) == '{"second": "\\u00fc"}'
    assert await again.find_answer("0b" * 32) is None
    assert len(await again.list()) == 1


async def test_records_of_answers_are_swept_as_images_are(open_kind: Opener, image: Image, clock: HandClock) -> None:
    store, old, young = await open_kind(DAY), "0a" * 32, "0b" * 32
    await store.put_answer(old, "{}")
    await store.put(new_key(), image, {})
    clock.advance(hours=25)
    if not isinstance(store, S3Store):  # a bucket's own clock goes on as ever
        await store.put_answer(young, "{}")
    assert await store.sweep() == 1  # images alone are counted
    assert await store.find_answer(old) is None
    assert isinstance(store, S3Store) or await store.find_answer(young) == "{}"
    forever = await open_kind(None)
    await forever.put_answer(young, "{}")
    await forever.sweep()
    assert await forever.find_answer(young) == "{}"
