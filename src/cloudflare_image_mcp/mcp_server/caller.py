"""Who calls an MCP method: the HTTP request, the API key, the protocol revision and the client program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from mcp.server.context import ServerRequestContext
    from starlette.requests import Request

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
    key: str = ""
    """A digest of the API key; empty where there are no keys."""
    revision: str | None = None
    client: str = ""
    """The client's name from ``initialize`` or, since 2026-07-28, from the request; may be missing."""

    @classmethod
    def of(cls, ctx: ServerRequestContext[Any, Any]) -> Caller:
        request: Request | None = ctx.request
        params = ctx.session.client_params
        return cls(
            request,
            getattr(request.state, "caller", "") if request is not None else "",
            ctx.protocol_version,
            params.client_info.name if params else "",
        )

    @property
    def takes_links(self) -> bool:
        """Whether the client can do something with a ``resource_link``."""
        old = self.revision is not None and self.revision < LINKS_SINCE
        return not old and self.client not in WITHOUT_LINKS
