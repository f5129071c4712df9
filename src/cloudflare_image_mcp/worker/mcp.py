"""The MCP door in a Worker: the same tools, resources and prompts over the official SDK, without sessions, because two
requests of one client need not reach the same isolate.

The SDK takes seconds to import here, so the first request to ``/mcp`` does it, and no other pays.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import sys
from dataclasses import replace
from importlib.util import find_spec
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from cloudflare_image_mcp.worker.asgi import MAX_BODY_BYTES

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from cloudflare_image_mcp.catalog import Model
    from cloudflare_image_mcp.mcp_server.door import Door
    from cloudflare_image_mcp.mcp_server.server import ImageServer
    from cloudflare_image_mcp.settings import Settings


class McpDoor:
    """The MCP servers of one isolate."""

    def __init__(self, door: Door, settings: Settings) -> None:
        self._door = door
        self._servers: dict[str | None, ImageServer] = {}
        self._key = _key(settings)

    async def serve(self, model: Model | None, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI, over the server of that model alone, or of all. Each request has a session manager of its own: one that
        outlived it would hold another request's streams.
        """
        server = self._server(model)
        from mcp.server.transport_security import TransportSecuritySettings

        server.streamable_http_app(
            json_response=True,
            stateless_http=True,
            max_request_body_size=MAX_BODY_BYTES,
            # Guard checks Host and Origin.
            transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
        )
        manager = server.session_manager
        async with manager.run():
            await manager.handle_request(scope, receive, send)

    def _server(self, model: Model | None) -> ImageServer:
        name = None if model is None else model.id
        if name not in self._servers:
            _stand_in_for_cryptography()
            from mcp.server.request_state import RequestStateSecurity

            from cloudflare_image_mcp.mcp_server.server import build_server

            door = self._door if model is None else replace(self._door, model=model)
            self._servers[name] = build_server(door, RequestStateSecurity(codec=SignedState(self._key)))
        return self._servers[name]


class SignedState:
    """The SDK's ``RequestStateCodec``: HMAC-SHA256. A client can read the state that it carries, but not change it."""

    _PREFIX: Final = "h1."

    def __init__(self, key: bytes) -> None:
        self._key = key

    def seal(self, payload: bytes) -> str:
        return self._PREFIX + base64.urlsafe_b64encode(self._mac(payload) + payload).decode("ascii")

    def unseal(self, token: str) -> bytes:
        from mcp.server.request_state import InvalidRequestState

        try:
            sealed = base64.b64decode(token.removeprefix(self._PREFIX), altchars=b"-_", validate=True)
        except (ValueError, binascii.Error):
            raise InvalidRequestState("malformed") from None
        mac, payload = sealed[:32], sealed[32:]
        if not token.startswith(self._PREFIX) or not hmac.compare_digest(mac, self._mac(payload)):
            raise InvalidRequestState("unauthentic")
        return payload

    def _mac(self, payload: bytes) -> bytes:
        return hmac.digest(self._key, self._PREFIX.encode() + payload, "sha256")


def _key(settings: Settings) -> bytes:
    """The same in every isolate where there is a secret to make it from."""
    if not settings.api_keys:
        return secrets.token_bytes(32)
    return hashlib.sha256("\0".join(("request state", *settings.api_keys)).encode()).digest()


class _Missing:
    """A cipher that this runtime does not have."""

    def __init__(self, *_: Any, **__: Any) -> None:
        raise NotImplementedError("the package cryptography is not part of this Worker")


def _stand_in_for_cryptography() -> None:
    """The SDK's module of request states imports a cipher whether it is used or not, and ``SignedState`` is used."""
    if "cryptography" in sys.modules or find_spec("cryptography") is not None:
        return
    names: dict[str, dict[str, object]] = {
        "cryptography": {},
        "cryptography.exceptions": {"InvalidTag": type("InvalidTag", (Exception,), {})},
        "cryptography.hazmat": {},
        "cryptography.hazmat.primitives": {},
        "cryptography.hazmat.primitives.hashes": {"SHA256": _Missing},
        "cryptography.hazmat.primitives.ciphers": {},
        "cryptography.hazmat.primitives.ciphers.aead": {"AESGCM": _Missing},
        "cryptography.hazmat.primitives.kdf": {},
        "cryptography.hazmat.primitives.kdf.hkdf": {"HKDF": _Missing},
    }
    for name, members in names.items():
        module = ModuleType(name)
        module.__dict__.update(members, __path__=[])
        sys.modules[name] = module
