"""Who calls an MCP method: the HTTP request, the API key, the protocol revision and the client program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from cloudflare_image_mcp.core.access import EVERYTHING, Access, access

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from mcp.server.context import ServerRequestContext
    from starlette.requests import Request

Params = TypeVar("Params")
Result = TypeVar("Result")

LINKS_SINCE: Final = "2025-06-18"
"""The revision that brought ``resource_link``: a client of an older one may throw away a result that holds one."""

WITHOUT_LINKS: Final = frozenset({"mcp", "@langchain/mcp-adapters"})
"""Names of clients that fail on a ``resource_link`` (docs/mcp.md says how): LangChain's MCP adapters, and AutoGen's
workbench, which in Python keep the SDK's default name.
"""


@dataclass(frozen=True, slots=True)
class Caller:
    """The caller of one MCP method."""

    request: Request | None = None
    """None on stdio."""
    access: Access = EVERYTHING
    """The rights of its API key."""
    revision: str | None = None
    client: str = ""
    """The client's name from ``initialize`` or, since 2026-07-28, from the request; may be missing."""

    @classmethod
    def of(cls, ctx: ServerRequestContext[Any, Any]) -> Caller:
        request: Request | None = ctx.request
        params = ctx.session.client_params
        return cls(
            request,
            getattr(request.state, "access", EVERYTHING) if request is not None else EVERYTHING,
            ctx.protocol_version,
            params.client_info.name if params else "",
        )

    @property
    def key(self) -> str:
        """The name of its API key; empty where there are no keys."""
        return self.access.name

    @property
    def takes_links(self) -> bool:
        """Whether the client can do something with a ``resource_link``."""
        old = self.revision is not None and self.revision < LINKS_SINCE
        return not old and self.client not in WITHOUT_LINKS


def as_caller(
    handler: Callable[[ServerRequestContext[Any, Any], Params], Awaitable[Result]],
) -> Callable[[ServerRequestContext[Any, Any], Params], Coroutine[Any, Any, Result]]:
    """Runs a method's handler with the rights of the request's API key: a session's task has those of the request that
    opened it.
    """

    async def handle(ctx: ServerRequestContext[Any, Any], params: Params) -> Result:
        before = access.set(Caller.of(ctx).access)
        try:
            return await handler(ctx, params)
        finally:
            access.reset(before)

    return handle
