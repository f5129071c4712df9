"""Checks an image store by writing, reading and deleting an image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cloudflare_image_mcp.errors import GatewayError
from cloudflare_image_mcp.imagefile.image import Image

if TYPE_CHECKING:
    from cloudflare_image_mcp.core.ports import Ids, ImageStore

_PIXEL: Final = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b550000000a49444154789c63600000000200"
    "0148afa4710000000049454e44ae426082"
)
"""A PNG of one grey pixel."""


async def check_store(store: ImageStore, ids: Ids) -> None:
    """Raises ``GatewayError`` (``storage_error``) when the store does not take, return or delete an image."""
    key = f"{ids.name()}.png"
    await store.put(key, await Image.of_bytes(_PIXEL), {})
    try:
        read = b"".join([chunk async for chunk in store.read(key)])
    finally:
        deleted = await store.delete(key)
    if read != _PIXEL or not deleted:
        raise GatewayError("storage_error", "the store does not return what was written to it")
