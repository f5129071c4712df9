"""What the bodies of all requests under way may hold together: a limit for each is none when there are fifty."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudflare_image_mcp.errors import GatewayError
from cloudflare_image_mcp.limits import MAX_BODY_BYTES, MEBIBYTE

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send


class BodyBudgetMiddleware:
    """503 ``overloaded`` for the request whose body goes beyond it. A body counts from its first piece until its
    request is answered, because until then what was read from it is held.
    """

    def __init__(self, app: ASGIApp, most: int) -> None:
        """``most``: bytes."""
        self._app = app
        self.most = most
        self.held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = CountedBody(receive, self)
        scope.setdefault("state", {})["body"] = body
        try:
            await self._app(scope, body.receive, send)
        finally:
            self.held -= body.size


class CountedBody:
    """One request's ``receive``; the application finds it as ``request.state.body``."""

    def __init__(self, receive: Receive, budget: BodyBudgetMiddleware) -> None:
        self._receive = receive
        self._budget = budget
        self.size = 0
        """Bytes so far."""

    @property
    def disconnected(self) -> bool:
        """Whether the server knows that the client is gone; not every server says.

        Asked of its own object: ``Request.is_disconnected`` begins a wait and cancels it, on every request.
        """
        return bool(getattr(getattr(self._receive, "__self__", None), "disconnected", False))

    async def receive(self) -> Message:
        """Raises ``GatewayError`` (503)."""
        message = await self._receive()
        length = len(message.get("body", b""))
        self.size += length
        self._budget.held += length
        if length and self._budget.held > self._budget.most:
            await self._discard(message)
            most = self._budget.most // MEBIBYTE
            raise GatewayError(
                "overloaded", f"the bodies of the requests under way have the {most} MiB that are allowed"
            )
        return message

    async def _discard(self, message: Message) -> None:
        """Reads on, as far as a body may reach: a client that is cut off while it sends never sees the answer."""
        seen = 0
        while message.get("more_body") and seen < MAX_BODY_BYTES:
            message = await self._receive()
            seen += len(message.get("body", b""))
