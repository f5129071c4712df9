"""The six tools: their names, descriptions, schemas and handlers."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    CallToolResult,
    Icon,
    ListToolsResult,
    TextContent,
    Tool,
    ToolAnnotations,
)

from cloudflare_image_mcp.catalog import Operation
from cloudflare_image_mcp.core.job import JobState
from cloudflare_image_mcp.core.own_images import list_own
from cloudflare_image_mcp.errors import GatewayError, invalid, shown
from cloudflare_image_mcp.mcp_server import gallery, schemas
from cloudflare_image_mcp.mcp_server.arguments import read_limit, read_output, read_wait, tidy
from cloudflare_image_mcp.mcp_server.caller import Caller
from cloudflare_image_mcp.mcp_server.icons import icon
from cloudflare_image_mcp.mcp_server.inputs import read_call
from cloudflare_image_mcp.mcp_server.models import catalogue_text, description, description_text, summary
from cloudflare_image_mcp.mcp_server.results import JobRenderer, error_result, stored_row, structured_result

if TYPE_CHECKING:
    from mcp.server.context import ServerRequestContext
    from mcp_types import CallToolRequestParams, PaginatedRequestParams

    from cloudflare_image_mcp.core.job import Job
    from cloudflare_image_mcp.core.request_schema import Schema
    from cloudflare_image_mcp.mcp_server.endpoint import McpEndpoint

_log = logging.getLogger(__name__)

TICK: Final = 2.0
"""Seconds between two progress notifications. Hosts that count silence allow no more than a few."""

Handler: TypeAlias = Callable[["McpEndpoint", dict[str, Any], "ToolContext"], Awaitable[CallToolResult]]
ReportProgress: TypeAlias = Callable[[float, float | None, str | None], Awaitable[None]]

_READS: Final = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False)
_MAKES: Final = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=True
)
_STOPS: Final = ToolAnnotations(
    read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolContext:
    """What a handler needs to know of the call."""

    caller: Caller
    report_progress: ReportProgress


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolRow:
    """One tool of the table."""

    name: str
    title: str
    text: str
    handler: Handler
    arguments: Schema
    result: Schema
    annotations: ToolAnnotations
    meta: Mapping[str, Any] = field(default_factory=dict)


_PICTURES: Final[Mapping[str, Any]] = {"ui": {"resourceUri": gallery.URI}, "anthropic/maxResultSizeChars": 500_000}
"""Of tools that answer with pictures: the gallery shows them, and Claude Code is to take the whole result."""


class Tools:
    """Answers ``tools/list`` and ``tools/call``."""

    def __init__(self, endpoint: McpEndpoint) -> None:
        """Where the model is fixed there is no tool to choose or describe one."""
        rows = (*([] if endpoint.model else _model_tools()), _run_tool(endpoint), *_job_tools(endpoint))
        self._endpoint = endpoint
        self._rows = {row.name: row for row in rows}

    async def list(self, ctx: ServerRequestContext[Any, Any], params: PaginatedRequestParams | None) -> ListToolsResult:
        return ListToolsResult(tools=[self._described(row) for row in self._rows.values()])

    def input_schema(self, name: str) -> Schema | None:
        """Returns a tool's input schema, None for a tool that does not exist."""
        row = self._rows.get(name)
        return row.arguments if row else None

    async def call(self, ctx: ServerRequestContext[Any, Any], params: CallToolRequestParams) -> CallToolResult:
        """Every failure of the tool is a result with ``isError``, as the protocol has it. Raises ``MCPError`` for a
        tool that does not exist.
        """
        row = self._rows.get(params.name)
        if row is None:
            message = f"tool {shown(params.name)} does not exist; there are {', '.join(self._rows)}"
            raise MCPError(code=INVALID_PARAMS, message=message)
        context = ToolContext(caller=Caller.of(ctx), report_progress=ctx.session.report_progress)
        try:
            return await row.handler(self._endpoint, tidy(params.arguments or {}), context)
        except GatewayError as error:
            return error_result(error)
        except Exception:
            _log.exception("tool %s failed", row.name)
            text = f"{row.name} failed inside the gateway; its log has the details"
            return CallToolResult(content=[TextContent(type="text", text=text)], is_error=True)

    def _described(self, row: ToolRow) -> Tool:
        return Tool(
            name=row.name,
            title=row.title,
            description=row.text,
            input_schema=row.arguments,
            output_schema=row.result if self._endpoint.structured else None,
            annotations=row.annotations,
            icons=[Icon(src=icon(row.name), mime_type="image/svg+xml", sizes=["any"])],
            _meta=dict(row.meta) or None,
        )


def _model_tools() -> tuple[ToolRow, ...]:
    return (
        ToolRow(
            name="list_models",
            title="List image models",
            text="Lists the image models: ids, tasks (generate, edit, vary), mask support, price, and which is the "
            "default. Needed only when the user cares which model is used.",
            handler=_list_models,
            arguments=schemas.NO_ARGUMENTS,
            result=schemas.MODEL_LIST,
            annotations=_READS,
        ),
        ToolRow(
            name="describe_model",
            title="Describe an image model",
            text="Describes one model: its parameters with type, range and default, its sizes, its price, its known "
            "limits.",
            handler=_describe_model,
            arguments=schemas.ONE_MODEL,
            result=schemas.MODEL_DESCRIPTION,
            annotations=_READS,
        ),
    )


def _run_tool(endpoint: McpEndpoint) -> ToolRow:
    model = endpoint.model.title if endpoint.model else "a model of Cloudflare Workers AI"
    does = "Makes, edits or varies" if endpoint.takes_images else "Makes"
    change = "To change an image, pass its id in images: never write base64. " if endpoint.takes_images else ""
    return ToolRow(
        name="run_model",
        title="Make images",
        text=f"{does} images with {model}. You get a preview of each image, its id and where the full one is. {change}"
        "When it takes long, you get a job_id: the images are still being made, so call get_job rather than run_model "
        "again.",
        handler=_run_model,
        arguments=schemas.run_arguments(
            endpoint.model, list(endpoint.gateway.options.names.offered.values()), paths=endpoint.files is not None
        ),
        result=schemas.JOB_RESULT,
        annotations=_MAKES,
        meta=_PICTURES,
    )


def _job_tools(endpoint: McpEndpoint) -> tuple[ToolRow, ...]:
    return (
        ToolRow(
            name="get_job",
            title="Get a job's images",
            text="The state of a run_model that answered with a job_id, and its images once they are made.",
            handler=_get_job,
            arguments=schemas.JOB_ARGUMENTS,
            result=schemas.JOB_RESULT,
            annotations=_READS,
            meta=_PICTURES,
        ),
        ToolRow(
            name="cancel_job",
            title="Cancel a job",
            text="Stops a run_model that answered with a job_id. Images that were made by then are kept.",
            handler=_cancel_job,
            arguments=schemas.ONE_JOB,
            result=schemas.JOB_RESULT,
            annotations=_STOPS,
        ),
        ToolRow(
            name="list_images",
            title="List stored images",
            text="Lists the images made lately, the newest first, with their ids"
            + (", which run_model takes in images." if endpoint.takes_images else "."),
            handler=_list_images,
            arguments=schemas.LIST_ARGUMENTS,
            result=schemas.IMAGE_LIST,
            annotations=_READS,
        ),
    )


async def _list_models(endpoint: McpEndpoint, arguments: dict[str, Any], context: ToolContext) -> CallToolResult:
    structured = {
        "backend": endpoint.gateway.backend.name,
        "models": [summary(model, endpoint.gateway) for model in endpoint.gateway.options.names.usable()],
        "next": "describe_model for the parameters of one, or run_model to make an image",
    }
    return structured_result(endpoint, [TextContent(type="text", text=catalogue_text(endpoint.gateway))], structured)


async def _describe_model(endpoint: McpEndpoint, arguments: dict[str, Any], context: ToolContext) -> CallToolResult:
    name = arguments.get("model")
    if not isinstance(name, str):
        raise invalid("model", "model is required: an id from list_models")
    model = endpoint.gateway.options.names.resolve(name, Operation.GENERATE)
    text = TextContent(type="text", text=description_text(model, endpoint.gateway))
    return structured_result(endpoint, [text], description(model, endpoint.gateway))


async def _run_model(endpoint: McpEndpoint, arguments: dict[str, Any], context: ToolContext) -> CallToolResult:
    call = await read_call(endpoint, context.caller.request, arguments)
    job = await endpoint.jobs.start(call.request)
    await watch(job, call.wait, context.report_progress, endpoint)
    if job.state is JobState.FAILED and job.error is not None:
        raise job.error
    return await _rendered(endpoint, job, context, call.output)


async def _get_job(endpoint: McpEndpoint, arguments: dict[str, Any], context: ToolContext) -> CallToolResult:
    output, wait = read_output(arguments), read_wait(arguments, 0.0)
    job = await endpoint.jobs.find(_job_id(arguments))
    await watch(job, wait, context.report_progress, endpoint)
    job = await endpoint.jobs.find(job.id)  # one that runs in another process has changed there
    return await _rendered(endpoint, job, context, output)


async def _cancel_job(endpoint: McpEndpoint, arguments: dict[str, Any], context: ToolContext) -> CallToolResult:
    job = await endpoint.jobs.cancel(_job_id(arguments))
    return await _rendered(endpoint, job, context, "link")


async def _rendered(endpoint: McpEndpoint, job: Job, context: ToolContext, output: str) -> CallToolResult:
    return await JobRenderer(endpoint, context.caller, job).render(output)


async def _list_images(endpoint: McpEndpoint, arguments: dict[str, Any], context: ToolContext) -> CallToolResult:
    stored = await list_own(endpoint.gateway.store, read_limit(arguments, 20))
    rows = [stored_row(endpoint, context.caller.request, image) for image in stored]
    lines = [_listed(row) for row in rows] or ["No images are stored."]
    return structured_result(endpoint, [TextContent(type="text", text="\n".join(lines))], {"images": rows})


def _listed(row: dict[str, Any]) -> str:
    size = f"{row['width']}x{row['height']} " if "width" in row and "height" in row else ""
    prompt = f": {row['prompt']}" if "prompt" in row else ""
    where = row.get("path") or row.get("url") or ""
    return f"- {row['uri']} {size}{row['mime_type']} {row['created']}{prompt} {where}".rstrip()


async def watch(job: Job, seconds: float, report_progress: ReportProgress, endpoint: McpEndpoint) -> None:
    """Waits up to ``seconds`` for a job and reports progress every ``TICK`` seconds. The job runs on in any case."""
    clock = endpoint.gateway.clock
    by = endpoint.gateway.backend.engine or job.model.short_name
    deadline = clock.monotonic() + seconds
    while not job.is_over and (left := deadline - clock.monotonic()) > 0:
        # None when time is up: the answer follows, and a timer that fires a little early would send equal values.
        if await job.wait(min(TICK, left)) or left <= TICK:
            return
        elapsed = clock.monotonic() - job.began
        made = f"{len(job.images)} of {job.request.n} images made" if job.request.n > 1 else "making the image"
        await report_progress(round(elapsed, 1), None, f"{made} by {by}, {elapsed:.0f} s")


def _job_id(arguments: dict[str, Any]) -> str:
    job_id = arguments.get("job_id")
    if not isinstance(job_id, str):
        raise invalid("job_id", "job_id is required: the one that run_model answered with")
    return job_id
