"""A truncated answer: the connection closes at once, or in the middle of the body."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.responses import Response

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

CLOSE: Final = "emulator.close_connection"
"""Where in the ASGI scope the server puts the function that closes the connection; ASGI itself has none."""


class BrokenAnswer(Response):
    """``whole`` is the answer of which half is sent; None: nothing is sent."""

    def __init__(self, whole: Response | None = None) -> None:
        super().__init__()
        self._whole = whole

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._whole is not None:
            body = bytes(self._whole.body)
            await send({"type": "http.response.start", "status": 200, "headers": self._whole.raw_headers})
            await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
        scope[CLOSE]()
        while (await receive())["type"] != "http.disconnect":
            pass
