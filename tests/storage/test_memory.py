from __future__ import annotations

from datetime import timedelta

import pytest

from cloudflare_image_mcp.errors import GatewayError
from cloudflare_image_mcp.imagefile.image import Image
from cloudflare_image_mcp.storage.memory import MAX_ANSWERS, MemoryStore
from cloudflare_image_mcp.storage.record import Expiry

from .conftest import HandClock, picture
from .test_stores import new_key


async def test_the_oldest_make_room_for_new_ones(clock: HandClock, image: Image, png: bytes) -> None:
    store = MemoryStore(Expiry(timedelta(hours=1), clock), max_bytes=3 * len(png))
    keys = [new_key() for _ in range(5)]
    for key in keys:
        await store.put(key, image, {})
    assert [stored.key for stored in await store.list()] == keys[:1:-1]
    await store.delete(keys[3])
    await store.put(keys[0], image, {})
    assert {stored.key for stored in await store.list()} == {keys[0], keys[2], keys[4]}


async def test_an_image_larger_than_the_whole_store_is_refused_and_drops_nothing(
    clock: HandClock, image: Image, png: bytes
) -> None:
    store = MemoryStore(Expiry(None, clock), max_bytes=len(png))
    key = new_key()
    await store.put(key, image, {})
    with pytest.raises(GatewayError, match=f"holds {len(png)}"):
        await store.put(new_key(), await Image.of_bytes(picture("PNG", side=64)), {})
    assert await store.find(key) is not None


async def test_a_key_in_use_is_refused(clock: HandClock, image: Image) -> None:
    store, key = MemoryStore(Expiry(None, clock)), new_key()
    await store.put(key, image, {"n": "1"})
    with pytest.raises(GatewayError, match="in use"):
        await store.put(key, image, {"n": "2"})
    assert [stored.details["n"] for stored in await store.list()] == ["1"]


async def test_only_the_newest_records_of_answers_are_kept(clock: HandClock) -> None:
    store = MemoryStore(Expiry(None, clock))
    digests = [f"{index:064x}" for index in range(MAX_ANSWERS + 1)]
    for digest in (*digests[:2], digests[0], *digests[2:]):  # the first one is stored once more
        await store.put_answer(digest, "{}")
    assert await store.find_answer(digests[0]) == "{}"
    assert await store.find_answer(digests[1]) is None
    assert await store.find_answer(digests[-1]) == "{}"
