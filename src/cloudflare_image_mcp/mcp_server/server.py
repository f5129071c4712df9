"""One MCP server over a gateway: what it calls itself, and the parts it is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mcp.server.caching import CacheHint
from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.server.mcpserver import MCPServer
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, Icon, InputRequiredResult

from cloudflare_image_mcp import __version__
from cloudflare_image_mcp.errors import UnreadableImage, shown
from cloudflare_image_mcp.imagefile.header import read_header
from cloudflare_image_mcp.mcp_server.completions import add_completions
from cloudflare_image_mcp.mcp_server.gallery import Gallery
from cloudflare_image_mcp.mcp_server.icons import icon
from cloudflare_image_mcp.mcp_server.prompts import add_prompts
from cloudflare_image_mcp.mcp_server.resources import add_resources
from cloudflare_image_mcp.mcp_server.tasks import Tasks
from cloudflare_image_mcp.mcp_server.tools import make_tools

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mcp.server.mcpserver import Context
    from mcp.server.request_state import RequestStateSecurity
    from mcp_types import GetPromptResult
    from pydantic import AnyUrl

    from cloudflare_image_mcp.mcp_server.door import Door

NAME: Final = "cloudflare-image-mcp"
TITLE: Final = "Cloudflare Images"

_INSTRUCTIONS: Final = (
    "{does}. Call run_model with a prompt; {choice} "
    "Each result has an id, a preview and where the full image is: show the user the link or path{further}. "
    "Never write base64. If run_model answers with a job_id, the images are still being made: call get_job with it."
)
_ONE: Final = "the model is {model}."
_ANY: Final = "the default model suits most requests (list_models and describe_model show the others)."


class ImageServer(MCPServer[Any]):
    """An ``MCPServer`` whose images state their own type (a template has one type, the store has several), and that
    takes a prompt asked for wrongly for the client's mistake, not for a defect.
    """

    async def read_resource(
        self, uri: AnyUrl | str, context: Context[Any, Any] | None = None
    ) -> Iterable[ReadResourceContents] | InputRequiredResult:
        contents = await super().read_resource(uri, context)
        if isinstance(contents, InputRequiredResult) or not str(uri).startswith("image://"):
            return contents
        return [_typed(content) for content in contents]

    async def get_prompt(
        self, name: str, arguments: dict[str, Any] | None = None, context: Context[Any, Any] | None = None
    ) -> GetPromptResult | InputRequiredResult:
        prompts = {prompt.name: prompt for prompt in await self.list_prompts()}
        if name not in prompts:
            said = f"prompt {shown(name)} does not exist; there are {', '.join(prompts)}"
            raise MCPError(code=INVALID_PARAMS, message=said)
        known, given = prompts[name].arguments or [], arguments or {}
        missing = [one.name for one in known if one.required and one.name not in given]
        if missing:
            said = f"prompt {name} needs {' and '.join(missing)}"
            raise MCPError(code=INVALID_PARAMS, message=said)
        return await super().get_prompt(
            name, {one.name: given[one.name] for one in known if one.name in given}, context
        )


def _typed(content: ReadResourceContents) -> ReadResourceContents:
    if not isinstance(content.content, bytes):
        return content
    try:
        mime_type = read_header(content.content).format.media_type
    except UnreadableImage:
        return content
    return ReadResourceContents(content=content.content, mime_type=mime_type, meta=content.meta)


def build_server(door: Door, request_state: RequestStateSecurity | None = None) -> ImageServer:
    """A server with every tool, resource, prompt and extension. ``request_state`` None: the SDK's own AES-GCM."""
    server = ImageServer(
        NAME,
        title=TITLE,
        description="Images from Cloudflare Workers AI, or from an engine of its own when there is no account",
        instructions=_instructions(door),
        icons=[Icon(src=icon("server"), mime_type="image/svg+xml", sizes=["any"])],
        version=__version__,
        tools=make_tools(door),
        extensions=[Gallery(door), Tasks(door)],
        log_level="WARNING",
        request_state_security=request_state,
        cache_hints={
            "tools/list": CacheHint(ttl_ms=300_000, scope="public"),
            "prompts/list": CacheHint(ttl_ms=300_000, scope="public"),
            "resources/templates/list": CacheHint(ttl_ms=300_000, scope="public"),
            "resources/list": CacheHint(ttl_ms=300_000, scope="public"),
            "resources/read": CacheHint(ttl_ms=60_000, scope="private"),
        },
    )
    add_resources(server, door)
    add_prompts(server, door)
    add_completions(server, door)
    return server


def _instructions(door: Door) -> str:
    return _INSTRUCTIONS.format(
        does="Makes, edits and varies images" if door.takes_images else "Makes images",
        choice=_ONE.format(model=door.model.title) if door.model else _ANY,
        further=", and pass the id in images to edit or vary it" if door.takes_images else "",
    )
