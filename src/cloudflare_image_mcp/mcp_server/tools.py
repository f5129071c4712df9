"""The six tools: their names, what they say of themselves, and what they do."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError, UnexpectedToolError
from mcp.server.mcpserver.tools import Tool
from mcp.server.mcpserver.utilities.func_metadata import ArgModelBase, FuncMetadata
from mcp_types import CallToolResult, Icon, TextContent, ToolAnnotations

from cloudflare_image_mcp.catalog import models
from cloudflare_image_mcp.core.jobs import JobState
from cloudflare_image_mcp.core.model_names import find_model
from cloudflare_image_mcp.errors import GatewayError, invalid
from cloudflare_image_mcp.mcp_server import schemas
from cloudflare_image_mcp.mcp_server.arguments import read_limit, read_output, read_wait, tidy
from cloudflare_image_mcp.mcp_server.icons import icon
from cloudflare_image_mcp.mcp_server.inputs import read_call
from cloudflare_image_mcp.mcp_server.models import catalogue_text, description, description_text, summary
from cloudflare_image_mcp.mcp_server.results import JobRenderer, stored_row, structured_result, told

if TYPE_CHECKING:
    from starlette.requests import Request

    from cloudflare_image_mcp.core.jobs import Job
    from cloudflare_image_mcp.core.request_schema import Schema
    from cloudflare_image_mcp.mcp_server.door import Door

_log = logging.getLogger(__name__)

TICK: Final = 2.0
"""Seconds between two progress notifications. Hosts that count silence allow no more than a few."""
GALLERY: Final = "ui://cloudflare-image-mcp/gallery.html"

ToolContext: TypeAlias = Context[Any, Any]
Answer: TypeAlias = Callable[["Door", dict[str, Any], ToolContext], Awaitable[CallToolResult]]

_READS: Final = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False)
_MAKES: Final = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=True
)
_STOPS: Final = ToolAnnotations(
    read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False
)


class SchemaTool(Tool):
    """A tool whose schemas are written rather than taken from a signature: the core checks its arguments."""

    async def run(self, arguments: dict[str, Any], context: ToolContext, convert_result: bool = False) -> Any:
        """Raises ``ToolError`` with the core's own message, or with none of the details of a defect."""
        try:
            return await self.fn(arguments, context)
        except GatewayError as error:
            raise ToolError(told(error)) from error
        except Exception as error:
            raise UnexpectedToolError(f"{self.name} failed inside the gateway; its log has the details") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One tool, as it stands in the table."""

    name: str
    title: str
    text: str
    answer: Answer
    arguments: Schema
    result: Schema
    annotations: ToolAnnotations
    meta: Mapping[str, Any] = field(default_factory=dict)


_PICTURES: Final[Mapping[str, Any]] = {"ui": {"resourceUri": GALLERY}, "anthropic/maxResultSizeChars": 500_000}
"""Of tools that answer with pictures: the gallery shows them, and Claude Code is to take the whole result."""


def make_tools(door: Door) -> list[Tool]:
    """The tools of one endpoint. Where the model is fixed there is none to choose or describe."""
    rows = (*([] if door.model else _choosing()), _running(door), *_following(door))
    return [_tool(door, row) for row in rows]


def _choosing() -> tuple[Row, ...]:
    return (
        Row(
            name="list_models",
            title="List image models",
            text="Lists the image models: ids, tasks (generate, edit, vary), mask support, price, and which is the "
            "default. Needed only when the user cares which model is used.",
            answer=_list_models,
            arguments=schemas.NO_ARGUMENTS,
            result=schemas.MODEL_LIST,
            annotations=_READS,
        ),
        Row(
            name="describe_model",
            title="Describe an image model",
            text="Describes one model: its parameters with type, range and default, its sizes, its price, its known "
            "limits.",
            answer=_describe_model,
            arguments=schemas.ONE_MODEL,
            result=schemas.MODEL_DESCRIPTION,
            annotations=_READS,
        ),
    )


def _running(door: Door) -> Row:
    model = door.model.title if door.model else "a model of Cloudflare Workers AI"
    does = "Makes, edits or varies" if door.takes_images else "Makes"
    change = "To change an image, pass its id in images: never write base64. " if door.takes_images else ""
    return Row(
        name="run_model",
        title="Make images",
        text=f"{does} images with {model}. You get a preview of each image, its id and where the full one is. {change}"
        "When it takes long, you get a job_id: the images are still being made, so call get_job rather than run_model "
        "again.",
        answer=_run_model,
        arguments=schemas.run_arguments(door.model, paths=door.files is not None),
        result=schemas.JOB_RESULT,
        annotations=_MAKES,
        meta=_PICTURES,
    )


def _following(door: Door) -> tuple[Row, ...]:
    return (
        Row(
            name="get_job",
            title="Get a job's images",
            text="The state of a run_model that answered with a job_id, and its images once they are made.",
            answer=_get_job,
            arguments=schemas.JOB_ARGUMENTS,
            result=schemas.JOB_RESULT,
            annotations=_READS,
            meta=_PICTURES,
        ),
        Row(
            name="cancel_job",
            title="Cancel a job",
            text="Stops a run_model that answered with a job_id. Images that were made by then are kept.",
            answer=_cancel_job,
            arguments=schemas.ONE_JOB,
            result=schemas.JOB_RESULT,
            annotations=_STOPS,
        ),
        Row(
            name="list_images",
            title="List stored images",
            text="Lists the images made lately, the newest first, with their ids"
            + (", which run_model takes in images." if door.takes_images else "."),
            answer=_list_images,
            arguments=schemas.LIST_ARGUMENTS,
            result=schemas.IMAGE_LIST,
            annotations=_READS,
        ),
    )


def _tool(door: Door, row: Row) -> Tool:
    async def run(given: dict[str, Any], context: ToolContext) -> CallToolResult:
        return await row.answer(door, tidy(given), context)

    return SchemaTool(
        fn=run,
        name=row.name,
        title=row.title,
        description=row.text,
        parameters=row.arguments,
        fn_metadata=FuncMetadata(arg_model=ArgModelBase, output_schema=row.result if door.structured else None),
        is_async=True,
        context_kwarg=None,
        annotations=row.annotations,
        icons=[Icon(src=icon(row.name), mime_type="image/svg+xml", sizes=["any"])],
        meta=dict(row.meta) or None,
    )


async def _list_models(door: Door, arguments: dict[str, Any], context: ToolContext) -> CallToolResult:
    structured = {
        "backend": door.gateway.backend.name,
        "models": [summary(model, door.gateway) for model in models().values()],
        "next": "describe_model for the parameters of one, or run_model to make an image",
    }
    return structured_result(door, [TextContent(type="text", text=catalogue_text(door.gateway))], structured)


async def _describe_model(door: Door, arguments: dict[str, Any], context: ToolContext) -> CallToolResult:
    name = arguments.get("model")
    if not isinstance(name, str):
        raise invalid("model", "model is required: an id from list_models")
    model = find_model(name)
    text = TextContent(type="text", text=description_text(model, door.gateway))
    return structured_result(door, [text], description(model, door.gateway))


async def _run_model(door: Door, arguments: dict[str, Any], context: ToolContext) -> CallToolResult:
    asked = await read_call(door, request_of(context), arguments)
    job = door.jobs.start(asked.request)
    await watch(job, asked.wait, context, door)
    if job.state is JobState.FAILED and job.error is not None:
        raise job.error
    return await _rendered(door, job, context, asked.output)


async def _get_job(door: Door, arguments: dict[str, Any], context: ToolContext) -> CallToolResult:
    output, wait = read_output(arguments), read_wait(arguments, 0.0)
    job = door.jobs.find(_job_id(arguments))
    await watch(job, wait, context, door)
    return await _rendered(door, job, context, output)


async def _cancel_job(door: Door, arguments: dict[str, Any], context: ToolContext) -> CallToolResult:
    job = await door.jobs.cancel(_job_id(arguments))
    return await _rendered(door, job, context, "link")


async def _rendered(door: Door, job: Job, context: ToolContext, output: str) -> CallToolResult:
    return await JobRenderer(door, request_of(context), job, context.protocol_version).render(output)


async def _list_images(door: Door, arguments: dict[str, Any], context: ToolContext) -> CallToolResult:
    stored = await door.gateway.store.list(read_limit(arguments, 20))
    rows = [stored_row(door, request_of(context), image) for image in stored]
    lines = [_listed(row) for row in rows] or ["No images are stored."]
    return structured_result(door, [TextContent(type="text", text="\n".join(lines))], {"images": rows})


def _listed(row: dict[str, Any]) -> str:
    size = f"{row['width']}x{row['height']} " if "width" in row and "height" in row else ""
    prompt = f": {row['prompt']}" if "prompt" in row else ""
    where = row.get("path") or row.get("url") or ""
    return f"- {row['uri']} {size}{row['mime_type']} {row['created']}{prompt} {where}".rstrip()


async def watch(job: Job, seconds: float, context: ToolContext, door: Door) -> None:
    """Waits for a job, telling the client every ``TICK`` seconds that it is alive. The job goes on in any case."""
    clock = door.gateway.clock
    by = door.gateway.backend.engine or job.model.short_name
    deadline = clock.monotonic() + seconds
    while not job.is_over and (left := deadline - clock.monotonic()) > 0:
        # None when time is up: the answer follows, and a timer that fires a little early would send equal values.
        if await job.wait(min(TICK, left)) or left <= TICK:
            return
        elapsed = clock.monotonic() - job.began
        made = f"{len(job.images)} of {job.request.n} images made" if job.request.n > 1 else "making the image"
        await context.report_progress(round(elapsed, 1), message=f"{made} by {by}, {elapsed:.0f} s")


def request_of(context: ToolContext) -> Request | None:
    """The HTTP request behind a call; None on stdio."""
    request: Request | None = context.request_context.request
    return request


def _job_id(arguments: dict[str, Any]) -> str:
    job_id = arguments.get("job_id")
    if not isinstance(job_id, str):
        raise invalid("job_id", "job_id is required: the one that run_model answered with")
    return job_id
