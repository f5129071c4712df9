"""Builds one MCP server over a gateway: the SDK's low-level server with our handlers for each method."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mcp.server.caching import CacheHint
from mcp.server.lowlevel import Server
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler
from mcp_types import CallToolRequestParams, Icon

from cloudflare_image_mcp import __version__
from cloudflare_image_mcp.mcp_server import gallery
from cloudflare_image_mcp.mcp_server.caller import as_caller
from cloudflare_image_mcp.mcp_server.completions import Completions
from cloudflare_image_mcp.mcp_server.icons import icon
from cloudflare_image_mcp.mcp_server.prompts import Prompts
from cloudflare_image_mcp.mcp_server.resources import Resources
from cloudflare_image_mcp.mcp_server.tasks import Tasks
from cloudflare_image_mcp.mcp_server.tools import Tools

if TYPE_CHECKING:
    from cloudflare_image_mcp.mcp_server.endpoint import McpEndpoint

NAME: Final = "cloudflare-image-mcp"
TITLE: Final = "Cloudflare Images"

_INSTRUCTIONS: Final = (
    "{does}. Call run_model with a prompt; {choice} "
    "Each result has an id, a preview and where the full image is: show the user the link or path{further}. "
    "Never write base64. If run_model answers with a job_id, the images are still being made: call get_job with it."
)
_ONE_MODEL: Final = "the model is {model}."
_ANY_MODEL: Final = "the default model suits most requests (list_models and describe_model show the others)."

_CACHE_HINTS: Final = {
    "tools/list": CacheHint(ttl_ms=300_000, scope="public"),
    "prompts/list": CacheHint(ttl_ms=300_000, scope="public"),
    "resources/templates/list": CacheHint(ttl_ms=300_000, scope="public"),
    "resources/list": CacheHint(ttl_ms=300_000, scope="public"),
    "resources/read": CacheHint(ttl_ms=60_000, scope="private"),
}


def build_server(endpoint: McpEndpoint) -> Server[Any]:
    """Returns a server with every tool, resource, prompt and extension of the endpoint."""
    tools, resources, prompts = Tools(endpoint), Resources(endpoint), Prompts(endpoint)
    tasks = Tasks(endpoint, tools)
    server: Server[Any] = Server(
        NAME,
        version=__version__,
        title=TITLE,
        description="Images from Cloudflare Workers AI, or from an engine of its own when there is no account",
        instructions=_instructions(endpoint),
        icons=[Icon(src=icon("server"), mime_type="image/svg+xml", sizes=["any"])],
        cache_hints=_CACHE_HINTS,  # type: ignore[arg-type]  # the SDK wants literal keys, which a constant loses
        get_tool_input_schema=tools.input_schema,
        on_list_tools=tools.list,
        on_list_resources=resources.list,
        on_list_resource_templates=resources.list_templates,
        on_read_resource=as_caller(resources.read),
        # No list of ours changes; clients of 2026-07-28 open this stream all the same.
        on_subscriptions_listen=ListenHandler(InMemorySubscriptionBus()),
        on_list_prompts=prompts.list,
        on_get_prompt=prompts.get,
        on_completion=as_caller(Completions(endpoint).complete),
    )
    # Not as on_call_tool, whose type leaves out the answer that is a task.
    server.add_request_handler("tools/call", CallToolRequestParams, as_caller(tasks.call_tool))
    tasks.add_methods(server)
    server.extensions[gallery.IDENTIFIER] = {}
    return server


def _instructions(endpoint: McpEndpoint) -> str:
    return _INSTRUCTIONS.format(
        does="Makes, edits and varies images" if endpoint.takes_images else "Makes images",
        choice=_ONE_MODEL.format(model=endpoint.model.title) if endpoint.model else _ANY_MODEL,
        further=", and pass the id in images to edit or vary it" if endpoint.takes_images else "",
    )
