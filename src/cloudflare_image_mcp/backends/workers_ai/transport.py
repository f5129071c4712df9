"""The interface of a transport: sends one request to Workers AI."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from cloudflare_image_mcp.backends.workers_ai.accounts import Account
    from cloudflare_image_mcp.backends.workers_ai.reply import Reply
    from cloudflare_image_mcp.backends.workers_ai.request import WireRequest


class Callee(Protocol):
    """What a transport has to know of a model."""

    @property
    def id(self) -> str: ...

    @property
    def proxied(self) -> bool: ...


class Transport(Protocol):
    """Sends requests. It neither retries nor interprets the reply's status."""

    async def send(self, account: Account, model: Callee, request: WireRequest) -> Reply:
        """Sends one request and reads the whole reply, also one that is an error.

        Raises ``UpstreamError`` when there is no whole reply within the model's time.
        """
        ...

    async def aclose(self) -> None:
        """Closes open connections."""
        ...
