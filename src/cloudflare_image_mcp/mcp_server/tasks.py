"""The extension ``io.modelcontextprotocol/tasks`` (SEP-2663) over the same jobs: a client that declares it gets a task
instead of waiting for the tool.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from mcp.server.mcpserver import require_client_extension
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, METHOD_NOT_FOUND, CallToolResult, RequestParams
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import Field

from cloudflare_image_mcp.core.job import JobState
from cloudflare_image_mcp.core.job_records import KEEP_SECONDS
from cloudflare_image_mcp.errors import GatewayError
from cloudflare_image_mcp.mcp_server.arguments import tidy
from cloudflare_image_mcp.mcp_server.caller import Caller, as_caller
from cloudflare_image_mcp.mcp_server.inputs import read_call
from cloudflare_image_mcp.mcp_server.results import JobRenderer, error_result

if TYPE_CHECKING:
    from mcp.server.context import HandlerResult, ServerRequestContext
    from mcp.server.lowlevel import Server
    from mcp_types import CallToolRequestParams

    from cloudflare_image_mcp.core.job import Job
    from cloudflare_image_mcp.mcp_server.endpoint import McpEndpoint
    from cloudflare_image_mcp.mcp_server.tools import Tools

IDENTIFIER: Final = "io.modelcontextprotocol/tasks"
POLL_INTERVAL: Final = 1_000
"""Milliseconds between two looks at a task."""
QUICK_SECONDS: Final = 1.0
"""A job that ends within this time is answered as by any tool; else it becomes a task."""
TOOL: Final = "run_model"

STATUS: Final = {
    JobState.RUNNING: "working",
    JobState.COMPLETED: "completed",
    JobState.FAILED: "completed",
    JobState.CANCELLED: "cancelled",
}
"""A failed job is a tool that answered with an error, hence a completed task; ``failed`` is for the protocol."""


class TaskParams(RequestParams):
    task_id: str


class UpdateParams(TaskParams):
    input_responses: dict[str, Any] = Field(default_factory=dict)


class Tasks:
    """Answers ``tasks/get``, ``tasks/update`` and ``tasks/cancel``, and turns a long ``run_model`` into a task."""

    def __init__(self, endpoint: McpEndpoint, tools: Tools) -> None:
        self._endpoint = endpoint
        self._tools = tools
        # The argument ``output`` of the call that began a task, for the task's result.
        self._outputs: WeakKeyDictionary[Job, str] = WeakKeyDictionary()

    def add_methods(self, server: Server[Any]) -> None:
        """Adds the extension and its methods to a server."""
        server.extensions[IDENTIFIER] = {}
        server.add_request_handler("tasks/get", TaskParams, as_caller(self._get))
        server.add_request_handler("tasks/update", UpdateParams, as_caller(self._update))
        server.add_request_handler("tasks/cancel", TaskParams, as_caller(self._cancel))

    async def call_tool(self, ctx: ServerRequestContext[Any, Any], params: CallToolRequestParams) -> HandlerResult:
        """Answers ``tools/call``."""
        if params.name != TOOL or not _declared(ctx):
            return await self._tools.call(ctx, params)
        endpoint, caller = self._endpoint, Caller.of(ctx)
        try:
            call = await read_call(endpoint, caller.request, tidy(params.arguments or {}))
            job = await endpoint.jobs.start(call.request)
        except GatewayError as error:
            return error_result(error)
        self._outputs[job] = call.output
        if await job.wait(QUICK_SECONDS):
            return await self._result(job, caller)
        return {"resultType": "task", **self._task(job)}

    async def _get(self, ctx: ServerRequestContext[Any, Any], params: TaskParams) -> HandlerResult:
        job = await self._find(ctx, params)
        task: dict[str, Any] = {"resultType": "complete", **self._task(job)}
        if STATUS[job.state] == "completed":
            result = await self._result(job, Caller.of(ctx))
            task["result"] = result.model_dump(by_alias=True, mode="json", exclude_none=True)
        return task

    async def _update(self, ctx: ServerRequestContext[Any, Any], params: UpdateParams) -> HandlerResult:
        """No task here waits for input, so what is sent is acknowledged and has no effect."""
        await self._find(ctx, params)
        return {"resultType": "complete"}

    async def _cancel(self, ctx: ServerRequestContext[Any, Any], params: TaskParams) -> HandlerResult:
        job = await self._find(ctx, params)
        await self._endpoint.jobs.cancel(job.id)
        return {"resultType": "complete"}

    async def _find(self, ctx: ServerRequestContext[Any, Any], params: TaskParams) -> Job:
        if ctx.protocol_version not in MODERN_PROTOCOL_VERSIONS:
            raise MCPError(code=METHOD_NOT_FOUND, message="Method not found", data=ctx.method)
        require_client_extension(ctx, IDENTIFIER)
        try:
            return await self._endpoint.jobs.find(params.task_id)
        except GatewayError as error:
            raise MCPError(code=INVALID_PARAMS, message=error.message) from None

    async def _result(self, job: Job, caller: Caller) -> CallToolResult:
        if job.state is JobState.FAILED and job.error is not None:
            return error_result(job.error)
        return await JobRenderer(self._endpoint, caller, job).render(self._outputs.get(job, "auto"))

    def _task(self, job: Job) -> dict[str, Any]:
        made = f"{len(job.images)} of {job.request.n} images made"
        return {
            "taskId": job.id,
            "status": STATUS[job.state],
            "statusMessage": job.error.message if job.error else made,
            "createdAt": job.created.isoformat(),
            "lastUpdatedAt": (job.changed or job.created).isoformat(),
            "ttlMs": int(KEEP_SECONDS * 1000),
            "pollIntervalMs": POLL_INTERVAL,
        }


def _declared(ctx: ServerRequestContext[Any, Any]) -> bool:
    capabilities = ctx.session.client_capabilities
    return bool(
        ctx.protocol_version in MODERN_PROTOCOL_VERSIONS
        and capabilities
        and capabilities.extensions
        and IDENTIFIER in capabilities.extensions
    )
