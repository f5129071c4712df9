"""Posts the events of jobs to the URLs that their requests name, signed as https://www.standardwebhooks.com has it."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import json
import logging
import time
from typing import TYPE_CHECKING, Any, Final

from cloudflare_image_mcp.errors import SettingError, invalid, masked_url

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudflare_image_mcp.fetcher.guarded import GuardedFetcher

PAUSES: Final = (2.0, 10.0)
"""Seconds before the second and the third try."""
_PREFIX: Final = "whsec_"

_log = logging.getLogger(__name__)


class Webhooks:
    """A ``JobNotifier`` that connects to public addresses alone."""

    def __init__(self, secret: str, *, allow_private: bool = False, fetcher: GuardedFetcher | None = None) -> None:
        """``fetcher`` replaces the guarded one. Raises ``SettingError``."""
        self._key = _key(secret)
        self._allow_private = allow_private
        self._made = fetcher

    @property
    def _fetcher(self) -> GuardedFetcher:
        """Made at its first use: importing aiohttp takes 70 ms, and few requests have a webhook."""
        if self._made is None:
            from cloudflare_image_mcp.fetcher.guarded import GuardedFetcher

            self._made = GuardedFetcher(allow_private=self._allow_private)
        return self._made

    def check(self, url: str) -> None:
        from cloudflare_image_mcp.fetcher.network import Refused

        try:
            self._fetcher.checked(url)
        except Refused as refused:
            raise invalid("webhook_url", f"webhook_url cannot be used: {refused}") from None

    async def send(self, url: str, event_id: str, event: Mapping[str, object]) -> None:
        body = json.dumps(event, separators=(",", ":")).encode()
        reason = ""
        for pause in (0.0, *PAUSES):
            await asyncio.sleep(pause)
            reason = await self._try(url, body, self._headers(event_id, body))
            if not reason:
                return
        _log.warning("the event %s was not taken by %s: %s", event.get("type"), masked_url(url), reason)

    async def _try(self, url: str, body: bytes, headers: dict[str, str]) -> str:
        """Returns why the event was not taken; empty when it was."""
        import aiohttp

        from cloudflare_image_mcp.fetcher.guarded import failure
        from cloudflare_image_mcp.fetcher.network import Refused

        try:
            status = await self._fetcher.post(url, body, headers)
        except Refused as refused:
            return str(refused)
        except (aiohttp.ClientError, OSError) as error:
            return failure(error)
        return "" if 200 <= status < 300 else f"status {status}"

    def _headers(self, event_id: str, body: bytes) -> dict[str, Any]:
        name, timestamp = f"evt_{event_id}", str(int(time.time()))
        signed = hmac.new(self._key, f"{name}.{timestamp}.".encode() + body, hashlib.sha256).digest()
        return {
            "Content-Type": "application/json",
            "webhook-id": name,
            "webhook-timestamp": timestamp,
            "webhook-signature": f"v1,{base64.b64encode(signed).decode()}",
        }


def _key(secret: str) -> bytes:
    if not secret.startswith(_PREFIX):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        raise SettingError("WEBHOOK_SECRET must be whsec_ and base64, or another text; its value is not") from None
