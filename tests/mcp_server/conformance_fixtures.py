"""Tools, resources and prompts of fixed names that the conformance suite wants a server to have. They stand on a server
of their own, whose handlers are added to those of the server as shipped.
"""

from __future__ import annotations

import asyncio
import base64
import json
import warnings
from typing import TYPE_CHECKING, Annotated, Any

from mcp.server.mcpserver import AssistantMessage, Context, MCPServer, UserMessage
from mcp.shared.exceptions import MCPError
from mcp_types import (
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    AudioContent,
    CreateMessageRequest,
    CreateMessageRequestParams,
    ElicitRequest,
    ElicitRequestFormParams,
    EmbeddedResource,
    EmptyResult,
    ImageContent,
    InputRequiredResult,
    ListRootsRequest,
    SamplingMessage,
    SetLevelRequestParams,
    SubscribeRequestParams,
    TextContent,
    TextResourceContents,
    UnsubscribeRequestParams,
)
from pydantic import BaseModel, Field

if TYPE_CHECKING:
    from mcp.server.context import ServerRequestContext
    from mcp.server.lowlevel import Server
    from mcp_types import InputRequest, InputRequests

Ctx = Context[Any, Any]

FIXTURE = "A fixture of the conformance suite"
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
SILENCE = base64.b64encode(
    b"RIFF\x26\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x80\x3e\x00\x00\x02\x00\x10\x00"
    b"data\x02\x00\x00\x00\x00\x00"
).decode()


def add_fixtures(server: Server[Any]) -> None:
    """Adds everything to a server that has not begun to serve."""
    fixtures: MCPServer[Any] = MCPServer("cloudflare-image-mcp", log_level="WARNING")
    _fill(fixtures)
    lowlevel = fixtures._lowlevel_server
    server.middleware.extend(lowlevel.middleware[1:])  # seals request states
    for method, field in _LISTS.items():
        _add_list(server, lowlevel, method, field)
    for method, key in _CALLS.items():
        _add_call(server, lowlevel, method, key)
    for method in ("subscriptions/listen", "logging/setLevel", "resources/subscribe", "resources/unsubscribe"):
        entry = lowlevel.get_request_handler(method)
        assert entry is not None
        server.add_request_handler(method, entry.params_type, entry.handler)
    own = server.get_tool_input_schema
    assert own is not None
    server.get_tool_input_schema = lambda name: own(name) or lowlevel.get_tool_input_schema(name)  # type: ignore[misc]  # the SDK always sets it here


_LISTS = {
    "tools/list": "tools",
    "prompts/list": "prompts",
    "resources/list": "resources",
    "resources/templates/list": "resource_templates",
}
_CALLS = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}


def _add_list(server: Server[Any], fixtures: Server[Any], method: str, field: str) -> None:
    own, other = server.get_request_handler(method), fixtures.get_request_handler(method)
    assert own is not None
    assert other is not None

    async def handle(ctx: ServerRequestContext[Any], params: BaseModel) -> Any:
        first, second = await own.handler(ctx, params), await other.handler(ctx, params)
        getattr(first, field).extend(getattr(second, field))
        return first

    server.add_request_handler(method, own.params_type, handle)


def _add_call(server: Server[Any], fixtures: Server[Any], method: str, key: str) -> None:
    own, other = server.get_request_handler(method), fixtures.get_request_handler(method)
    assert own is not None
    assert other is not None

    async def handle(ctx: ServerRequestContext[Any], params: BaseModel) -> Any:
        chosen = other if str(getattr(params, key)).startswith(("test_", "test://", "json_schema")) else own
        return await chosen.handler(ctx, params)

    server.add_request_handler(method, own.params_type, handle)


def _fill(server: MCPServer[Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _add_content_tools(server)
        _add_conversing_tools(server)
        _add_input_required(server)
        _add_changes(server)
        _add_resources(server)
        _add_prompts(server)
        _add_legacy_methods(server)


def _add_content_tools(server: MCPServer[Any]) -> None:  # noqa: C901 - a list of fixtures, not a tangle
    @server.tool(description=FIXTURE)
    def test_simple_text() -> str:
        return "This is a simple text response for testing."

    @server.tool(description=FIXTURE, structured_output=False)
    def test_image_content() -> ImageContent:
        return ImageContent(type="image", data=PIXEL, mime_type="image/png")

    @server.tool(description=FIXTURE, structured_output=False)
    def test_audio_content() -> AudioContent:
        return AudioContent(type="audio", data=SILENCE, mime_type="audio/wav")

    @server.tool(description=FIXTURE, structured_output=False)
    def test_embedded_resource() -> EmbeddedResource:
        return _embedded("test://embedded-resource", "This is an embedded resource content.")

    @server.tool(description=FIXTURE, structured_output=False)
    def test_multiple_content_types() -> list[TextContent | ImageContent | EmbeddedResource]:
        return [
            TextContent(type="text", text="Multiple content types test:"),
            ImageContent(type="image", data=PIXEL, mime_type="image/png"),
            _embedded("test://mixed-content-resource", '{"test":"data","value":123}', "application/json"),
        ]

    @server.tool(description=FIXTURE)
    def test_error_handling() -> str:
        raise RuntimeError("This tool intentionally returns an error for testing")

    @server.tool(description=FIXTURE)
    async def test_tool_with_progress(ctx: Ctx) -> str:
        for done in (0, 50, 100):
            await ctx.report_progress(done, 100, f"Completed step {done} of 100")
            await asyncio.sleep(0.05)
        return "done"

    @server.tool(description=FIXTURE)
    async def test_tool_with_logging(ctx: Ctx) -> str:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for line in ("Tool execution started", "Tool processing data", "Tool execution completed"):
                await ctx.log("info", line)
                await asyncio.sleep(0.05)
        return "done"

    @server.tool(description=FIXTURE)
    async def test_logging_tool(ctx: Ctx) -> str:
        return await test_tool_with_logging(ctx)


def _add_conversing_tools(server: MCPServer[Any]) -> None:
    class Response(BaseModel):
        response: str = Field(description="User's response")

    class Defaults(BaseModel):
        name: str = "John Doe"
        age: int = 30
        score: float = 95.5
        status: Annotated[str, Field(json_schema_extra={"enum": ["active", "inactive", "pending"]})] = "active"
        verified: bool = True

    class Enums(BaseModel):
        untitled_single: Annotated[
            str, Field(alias="untitledSingle", json_schema_extra={"enum": ["option1", "option2", "option3"]})
        ]
        titled_single: Annotated[
            str,
            Field(
                alias="titledSingle",
                json_schema_extra={
                    "oneOf": [{"const": f"value{n}", "title": f"Option {n}"} for n in (1, 2, 3)],
                },
            ),
        ]
        legacy_enum: Annotated[
            str,
            Field(
                alias="legacyEnum",
                json_schema_extra={
                    "enum": ["opt1", "opt2", "opt3"],
                    "enumNames": ["Option One", "Option Two", "Option Three"],
                },
            ),
        ]
        untitled_multi: Annotated[
            list[str],
            Field(
                alias="untitledMulti",
                json_schema_extra={"items": {"type": "string", "enum": ["option1", "option2", "option3"]}},
            ),
        ]
        titled_multi: Annotated[
            list[str],
            Field(
                alias="titledMulti",
                json_schema_extra={
                    "items": {"anyOf": [{"const": f"value{n}", "title": f"Choice {n}"} for n in (1, 2, 3)]}
                },
            ),
        ]

    @server.tool(description=FIXTURE)
    async def test_sampling(prompt: str, ctx: Ctx) -> str:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            answer = await ctx.session.create_message(messages=[_asked(prompt)], max_tokens=100)
        return f"LLM response: {answer.content.text if isinstance(answer.content, TextContent) else ''}"

    @server.tool(description=FIXTURE)
    async def test_elicitation(message: str, ctx: Ctx) -> str:
        return str(await ctx.elicit(message, Response))

    @server.tool(description=FIXTURE)
    async def test_elicitation_sep1034_defaults(ctx: Ctx) -> str:
        return str(await ctx.elicit("Please review and update the form fields", Defaults))

    @server.tool(description=FIXTURE)
    async def test_elicitation_sep1330_enums(ctx: Ctx) -> str:
        return str(await ctx.elicit("Please select options from the enum fields", Enums))

    @server.tool(description=FIXTURE)
    def test_missing_capability(ctx: Ctx) -> str:
        if not _declares(ctx, "sampling"):
            raise MCPError(
                code=MISSING_REQUIRED_CLIENT_CAPABILITY,
                message="this tool needs sampling",
                data={"requiredCapabilities": {"sampling": {}}},
            )
        return "done"


def _add_input_required(server: MCPServer[Any]) -> None:  # noqa: C901 - likewise
    name = {"user_name": _form("What is your name?", "name", "string")}
    confirm = {"confirm": _form("Please confirm", "ok", "boolean")}

    @server.tool(description=FIXTURE, structured_output=False)
    async def test_input_required_result_elicitation(ctx: Ctx) -> str | InputRequiredResult:
        given = _accepted(ctx, "user_name", "name")
        return f"Hello, {given}!" if given else InputRequiredResult(input_requests=name)

    @server.tool(description=FIXTURE, structured_output=False)
    async def test_streaming_elicitation(ctx: Ctx) -> str | InputRequiredResult:
        return await test_input_required_result_elicitation(ctx)

    @server.tool(description=FIXTURE, structured_output=False)
    async def test_input_required_result_sampling(ctx: Ctx) -> str | InputRequiredResult:
        if "capital_question" in (ctx.input_responses or {}):
            return f"The client answered: {_response(ctx, 'capital_question')}"
        asked: InputRequests = {"capital_question": _sampled("What is the capital of France?", 100)}
        return InputRequiredResult(input_requests=asked)

    @server.tool(description=FIXTURE, structured_output=False)
    async def test_input_required_result_list_roots(ctx: Ctx) -> str | InputRequiredResult:
        if "client_roots" in (ctx.input_responses or {}):
            return f"The client's roots: {_response(ctx, 'client_roots')}"
        return InputRequiredResult(input_requests={"client_roots": ListRootsRequest()})

    @server.tool(description=FIXTURE, structured_output=False)
    async def test_input_required_result_request_state(ctx: Ctx) -> str | InputRequiredResult:
        if ctx.request_state == "asked" and "confirm" in (ctx.input_responses or {}):
            return "state-ok"
        return InputRequiredResult(input_requests=confirm, request_state="asked")

    @server.tool(description=FIXTURE, structured_output=False)
    async def test_input_required_result_tampered_state(ctx: Ctx) -> str | InputRequiredResult:
        if ctx.request_state == "asked":
            return "state-ok"
        return InputRequiredResult(input_requests=confirm, request_state="asked")

    @server.tool(description=FIXTURE, structured_output=False)
    async def test_input_required_result_multiple_inputs(ctx: Ctx) -> str | InputRequiredResult:
        asked: InputRequests = {
            **name,
            "greeting": _sampled("Generate a greeting", 50),
            "client_roots": ListRootsRequest(),
        }
        if ctx.request_state == "asked" and asked.keys() <= (ctx.input_responses or {}).keys():
            return "all three arrived"
        return InputRequiredResult(input_requests=asked, request_state="asked")

    @server.tool(description=FIXTURE, structured_output=False)
    async def test_input_required_result_multi_round(ctx: Ctx) -> str | InputRequiredResult:
        if ctx.request_state == "step 2":
            return f"done: {_accepted(ctx, 'step2', 'color')}"
        if ctx.request_state == "step 1":
            second = {"step2": _form("Step 2: What is your favorite color?", "color", "string")}
            return InputRequiredResult(input_requests=second, request_state="step 2")
        first = {"step1": _form("Step 1: What is your name?", "name", "string")}
        return InputRequiredResult(input_requests=first, request_state="step 1")

    @server.tool(description=FIXTURE, structured_output=False)
    async def test_input_required_result_capabilities(ctx: Ctx) -> str | InputRequiredResult:
        asked: InputRequests = {}
        if _declares(ctx, "sampling"):
            asked["sampled"] = _sampled("Say something", 10)
        if _declares(ctx, "elicitation"):
            asked |= name
        return InputRequiredResult(input_requests=asked) if asked else "nothing to ask this client for"


def _add_changes(server: MCPServer[Any]) -> None:
    @server.tool(description=FIXTURE)
    async def test_trigger_tool_change(ctx: Ctx) -> str:
        await ctx.notify_tools_changed()
        return "done"

    @server.tool(description=FIXTURE)
    async def test_trigger_prompt_change(ctx: Ctx) -> str:
        await ctx.notify_prompts_changed()
        return "done"


def _add_resources(server: MCPServer[Any]) -> None:
    @server.resource("test://static-text", mime_type="text/plain")
    def static_text() -> str:
        return "This is the content of the static text resource."

    @server.resource("test://static-binary", mime_type="image/png")
    def static_binary() -> bytes:
        return base64.b64decode(PIXEL)

    @server.resource("test://template/{id}/data", mime_type="application/json")
    def template(id: str) -> str:  # noqa: A002 - the suite's own word
        return json.dumps({"id": id, "templateTest": True, "data": f"Data for ID: {id}"})

    @server.resource("test://watched-resource", mime_type="text/plain")
    def watched() -> str:
        return "watched"


def _add_prompts(server: MCPServer[Any]) -> None:
    @server.prompt(description="A prompt without arguments")
    def test_simple_prompt() -> str:
        return "This is a simple prompt for testing."

    @server.prompt(description="A prompt with two arguments")
    def test_prompt_with_arguments(arg1: str, arg2: str) -> str:
        return f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"

    @server.prompt(description="A prompt with a resource in it")
    def test_prompt_with_embedded_resource(resourceUri: str) -> list[UserMessage]:  # noqa: N803 - the suite's own
        resource = _embedded(resourceUri, "Embedded resource content for testing.")
        return [UserMessage(resource), UserMessage("Please process the embedded resource above.")]

    @server.prompt(description="A prompt with an image in it")
    def test_prompt_with_image() -> list[UserMessage | AssistantMessage]:
        image = ImageContent(type="image", data=PIXEL, mime_type="image/png")
        return [UserMessage(image), UserMessage("Please analyze the image above.")]

    @server.prompt(description="A prompt that asks the user first")
    async def test_input_required_result_prompt(ctx: Ctx) -> str | InputRequiredResult:
        given = _accepted(ctx, "user_context", "context")
        asked = {"user_context": _form("What context should the prompt use?", "context", "string")}
        return f"Use this context: {given}" if given else InputRequiredResult(input_requests=asked)


def _add_legacy_methods(server: MCPServer[Any]) -> None:
    """Methods that the SDK offers on its lower level alone."""

    async def accept(ctx: ServerRequestContext[Any], params: BaseModel) -> EmptyResult:
        return EmptyResult()

    lowlevel = server._lowlevel_server
    lowlevel.add_request_handler("logging/setLevel", SetLevelRequestParams, accept)
    lowlevel.add_request_handler("resources/subscribe", SubscribeRequestParams, accept)
    lowlevel.add_request_handler("resources/unsubscribe", UnsubscribeRequestParams, accept)


def _embedded(uri: str, text: str, mime_type: str = "text/plain") -> EmbeddedResource:
    return EmbeddedResource(type="resource", resource=TextResourceContents(uri=uri, mime_type=mime_type, text=text))


def _asked(text: str) -> SamplingMessage:
    return SamplingMessage(role="user", content=TextContent(type="text", text=text))


def _sampled(text: str, most: int) -> InputRequest:
    return CreateMessageRequest(params=CreateMessageRequestParams(messages=[_asked(text)], max_tokens=most))


def _form(message: str, field: str, kind: str) -> InputRequest:
    schema = {"type": "object", "properties": {field: {"type": kind}}, "required": [field]}
    return ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=schema))


def _response(ctx: Ctx, key: str) -> str:
    return (ctx.input_responses or {})[key].model_dump_json(by_alias=True)


def _accepted(ctx: Ctx, key: str, field: str) -> str | None:
    response = (ctx.input_responses or {}).get(key)
    content = getattr(response, "content", None)
    return str(content[field]) if isinstance(content, dict) and content.get(field) else None


def _declares(ctx: Ctx, capability: str) -> bool:
    return getattr(ctx.client_capabilities, capability, None) is not None
