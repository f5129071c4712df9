"""Random arguments to every tool, prompt and resource, the same in each run: no internal error, no traceback."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
from anyio.from_thread import start_blocking_portal
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from mcp.shared.exceptions import MCPError

from cloudflare_image_mcp.catalog import models
from cloudflare_image_mcp.errors import GatewayError
from cloudflare_image_mcp.mcp_server import schemas
from tests.mcp_server.backends import NoiseBackend
from tests.mcp_server.inside import talking, text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mcp_types import CallToolResult

    from cloudflare_image_mcp.core.ports import Call, OnPartial, Rendered

INTERNAL_ERROR = -32603
BUSY = "the backend of this test makes no image"


class BusyBackend(NoiseBackend):
    """Refuses every call, so that only the arguments are tested."""

    async def run(self, call: Call, on_partial: OnPartial | None = None) -> Rendered:
        raise GatewayError("overloaded", BUSY)


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Any]]:
    """Calls a method of a client by its name, over a server that reads paths below a folder."""
    root: Path = tmp_path_factory.mktemp("pictures")
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(talking(backend=BusyBackend(), roots=(root,))) as client,
    ):

        async def ask(method: str, *arguments: Any) -> Any:
            return await getattr(client, method)(*arguments)

        yield lambda method, *arguments: portal.call(ask, method, *arguments)


ODD = st.sampled_from(
    [
        *(
            "null",
            "none",
            "auto",
            "default",
            "true",
            "NaN",
            "-0",
            "1e999",
            "0x10",
            "\uff11",
            "\ud800",
            "\0",
            "",
            " ",
            "[]",
        ),
        *('["a"]', '{"url": ""}', "[" * 2000, "1:1", "0:0", "1024", "1024x1024", "-1x5", "9" * 5000, "x" * 3000),
        *("image://", "image://a/b", "data:,", "data:image/png;base64,====", "data:image/png;base64,iVBORw0KGgo="),
        *("http://", "http://[", "https://user:pw@", "file:///etc/passwd", "file://x/y", "~", "~nobody/x.png", "/"),
        *("../../x.png", "a\\ b.png", "'a.png'", "C:\\x.png", "//x", "\\", "/9j/" + "A" * 400, "A" * 60),
        *(
            "generate",
            "edit",
            "vary",
            "inpaint",
            "flux-1-schnell",
            "gpt-image-1",
            "@cf/",
            "--steps=x --seed",
            "--size=",
        ),
        *(10**400, -(10**400), 2**63, 2**32, -1, 0, 0.5, float("inf"), float("-inf"), float("nan"), True, False, None),
    ]
)
VALUES = st.recursive(
    ODD | st.text(max_size=40) | st.integers() | st.floats(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["url", "image_url", "data", "id", "path", "b64_json", "file_id"]), inner)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
RUN = schemas.run_arguments(None, list(models().values()), paths=True)["properties"]
MORE = ("image", "image_url", "input_image_0", "mask_url", "width", "height", "num_images", "response_format", "stream")
NAMES = {
    "run_model": (*RUN, *MORE, "quality", "style", "background", "extra_body", "user"),
    "get_job": tuple(schemas.JOB_ARGUMENTS["properties"]),
    "cancel_job": ("job_id",),
    "list_images": ("limit",),
    "describe_model": ("model",),
    "list_models": ("x",),
}


def arguments(tool: str) -> st.SearchStrategy[dict[str, Any]]:
    names = st.sampled_from(NAMES[tool]) | st.text(max_size=8)
    base = {"prompt": "x"} if tool == "run_model" else {}
    # Without waiting for the job, so that the outcome does not depend on time.
    return st.dictionaries(names, VALUES, max_size=5).map(lambda given: {**base, **given})


def fixed(count: int) -> settings:
    """The same examples in each run, as many as asked."""
    return settings(
        max_examples=count,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


def check(result: CallToolResult) -> None:
    for block in result.content:
        assert block.type == "text" or not result.is_error
    if result.is_error:
        message = text(result)
        assert message.strip()
        assert "failed inside the gateway" not in message
        assert "something went wrong" not in message
        assert "Traceback" not in message
        assert len(message) < 4000, message


@pytest.mark.parametrize(
    ("tool", "count"), [("run_model", 4000), *((tool, 200) for tool in NAMES if tool != "run_model")]
)
def test_tools(tool: str, count: int, ask: Callable[..., Any], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)

    @fixed(count)
    @given(given_arguments=arguments(tool))
    @example(given_arguments={"prompt": "x", "images": [["a"], {"url": {"url": {"url": "x"}}}, 5, None, 10**400]})
    def run(given_arguments: dict[str, Any]) -> None:
        caplog.clear()
        check(ask("call_tool", tool, given_arguments))
        assert "Traceback" not in caplog.text

    run()


def code(ask: Callable[..., Any], method: str, *parameters: Any) -> int | None:
    """The code of the JSON-RPC error that answers; None for a result."""
    try:
        ask(method, *parameters)
    except MCPError as error:
        return error.error.code
    return None


def test_names_of_tools_resources_and_prompts(ask: Callable[..., Any], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    uris = st.builds(
        lambda scheme, rest: scheme + rest, st.sampled_from(["image://", "models://", "ui://", ""]), st.text()
    )
    texts = st.dictionaries(st.sampled_from(["subject", "image", "change", "style", "x"]), st.text(max_size=20))

    @fixed(600)
    @given(
        name=st.text(max_size=20), uri=uris, prompt=st.sampled_from(["generate_image", "edit_image", "x"]), given=texts
    )
    def run(name: str, uri: str, prompt: str, given: dict[str, str]) -> None:
        for method, *parameters in (("call_tool", name, {}), ("read_resource", uri), ("get_prompt", prompt, given)):
            caplog.clear()
            assert code(ask, method, *parameters) != INTERNAL_ERROR
            assert "Traceback" not in caplog.text

    run()
