"""The extension ``io.modelcontextprotocol/tasks`` (SEP-2663) over the same jobs: a client that declares it gets a task
instead of a tool that makes it wait.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from mcp.server.extension import Extension, MethodBinding
from mcp.server.mcpserver import require_client_extension
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, CallToolResult, RequestParams, TextContent
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import Field

from cloudflare_image_mcp.core.jobs import KEEP_SECONDS, JobState
from cloudflare_image_mcp.errors import GatewayError
from cloudflare_image_mcp.mcp_server.arguments import tidy
from cloudflare_image_mcp.mcp_server.inputs import read_call
from cloudflare_image_mcp.mcp_server.results import JobRenderer, told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
    from mcp_types import CallToolRequestParams

    from cloudflare_image_mcp.core.jobs import Job
    from cloudflare_image_mcp.mcp_server.door import Door

IDENTIFIER: Final = "io.modelcontextprotocol/tasks"
POLL: Final = 1_000
"""Milliseconds between two looks at a task."""
QUICK: Final = 1.0
"""Seconds that a job is given to answer like any tool before it becomes a task."""
TOOL: Final = "run_model"

STATUS: Final = {
    JobState.RUNNING: "working",
    JobState.COMPLETED: "completed",
    JobState.FAILED: "completed",
    JobState.CANCELLED: "cancelled",
}
"""A job that failed is a tool that answered with an error, hence a completed task; ``failed`` is for the protocol."""


class TaskParams(RequestParams):
    task_id: str


class UpdateParams(TaskParams):
    input_responses: dict[str, Any] = Field(default_factory=dict)


class Tasks(Extension):
    """Serves ``tasks/get``, ``tasks/update`` and ``tasks/cancel``, and turns a long ``run_model`` into a task."""

    identifier = IDENTIFIER

    def __init__(self, door: Door) -> None:
        self._door = door
        self._outputs: WeakKeyDictionary[Job, str] = WeakKeyDictionary()
        """The ``output`` that a call asked for, which its task still owes."""

    def methods(self) -> Sequence[MethodBinding]:
        versions = frozenset(MODERN_PROTOCOL_VERSIONS)
        return (
            MethodBinding("tasks/get", TaskParams, self._get, versions),
            MethodBinding("tasks/update", UpdateParams, self._update, versions),
            MethodBinding("tasks/cancel", TaskParams, self._cancel, versions),
        )

    async def intercept_tool_call(
        self, params: CallToolRequestParams, ctx: ServerRequestContext[Any, Any], call_next: CallNext
    ) -> HandlerResult:
        if params.name != TOOL or not _declared(ctx):
            return await call_next(ctx)
        door = self._door
        try:
            asked = await read_call(door, ctx.request, tidy(params.arguments or {}))
            job = door.jobs.start(asked.request)
        except GatewayError as error:
            return _error_result(error)
        self._outputs[job] = asked.output
        if await job.wait(QUICK):
            return await self._result(job, ctx)
        return {"resultType": "task", **self._task(job)}

    async def _get(self, ctx: ServerRequestContext[Any, Any], params: TaskParams) -> HandlerResult:
        job = self._find(ctx, params)
        task: dict[str, Any] = {"resultType": "complete", **self._task(job)}
        if STATUS[job.state] == "completed":
            result = await self._result(job, ctx)
            task["result"] = result.model_dump(by_alias=True, mode="json", exclude_none=True)
        return task

    async def _update(self, ctx: ServerRequestContext[Any, Any], params: UpdateParams) -> HandlerResult:
        """Nothing here ever waits for input, so what is sent is acknowledged and of no consequence."""
        self._find(ctx, params)
        return {"resultType": "complete"}

    async def _cancel(self, ctx: ServerRequestContext[Any, Any], params: TaskParams) -> HandlerResult:
        job = self._find(ctx, params)
        await self._door.jobs.cancel(job.id)
        return {"resultType": "complete"}

    def _find(self, ctx: ServerRequestContext[Any, Any], params: TaskParams) -> Job:
        require_client_extension(ctx, IDENTIFIER)
        try:
            return self._door.jobs.find(params.task_id)
        except GatewayError as error:
            raise MCPError(code=INVALID_PARAMS, message=error.message) from None

    async def _result(self, job: Job, ctx: ServerRequestContext[Any, Any]) -> CallToolResult:
        if job.state is JobState.FAILED and job.error is not None:
            return _error_result(job.error)
        renderer = JobRenderer(self._door, ctx.request, job, ctx.protocol_version)
        return await renderer.render(self._outputs.get(job, "auto"))

    def _task(self, job: Job) -> dict[str, Any]:
        made = f"{len(job.images)} of {job.request.n} images made"
        return {
            "taskId": job.id,
            "status": STATUS[job.state],
            "statusMessage": job.error.message if job.error else made,
            "createdAt": job.created.isoformat(),
            "lastUpdatedAt": (job.changed or job.created).isoformat(),
            "ttlMs": int(KEEP_SECONDS * 1000),
            "pollIntervalMs": POLL,
        }


def _declared(ctx: ServerRequestContext[Any, Any]) -> bool:
    capabilities = ctx.session.client_capabilities
    return bool(
        ctx.protocol_version in MODERN_PROTOCOL_VERSIONS
        and capabilities
        and capabilities.extensions
        and IDENTIFIER in capabilities.extensions
    )


def _error_result(error: GatewayError) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text=told(error))], is_error=True)
