"""Agent frameworks over HTTP: the picture reaches the model behind LangChain and AutoGen without an error."""

from __future__ import annotations

import base64
import io
import json
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests import agents
from tests.docs.test_blocks import block_of
from tests.mcp_server import node
from tests.mcp_server.conftest import KEY
from tests.mcp_server.scripted_model import pictures, scripted_model


@dataclass(frozen=True, slots=True)
class Seen:
    """What the script printed, and the requests that the scripted model got."""

    printed: dict[str, Any]
    requests: list[dict[str, Any]]

    def last(self, model: str) -> dict[str, Any]:
        """The last request of one of the frameworks."""
        return [request for request in self.requests if request["model"] == model][-1]


@pytest.fixture(scope="module")
def seen(server: str) -> Seen:
    with scripted_model() as (model_url, requests):
        options = {"url": f"{server}/mcp", "key": KEY, "model_url": model_url}
        return Seen(agents.run(Path(__file__).with_name("agents.py"), options), requests)


def shape(url: str) -> tuple[int, int]:
    """Of the picture in a data URL; nothing else reaches a provider of models."""
    head, _, data = url.partition(",")
    assert head.startswith("data:image/"), url[:100]
    assert head.endswith(";base64")
    return Image.open(io.BytesIO(base64.b64decode(data))).size


def test_a_model_behind_langchain_sees_the_picture(seen: Seen) -> None:
    request = seen.last("langchain")
    (message,) = [row for row in request["messages"] if row["role"] == "tool"]
    assert [part["type"] for part in message["content"]] == ["text", "image_url"]
    assert "/images/" in message["content"][0]["text"]
    assert [shape(url) for url in pictures(request)] == [(512, 512)]
    assert seen.printed["langchain"] == "I see 1 picture"


def test_autogen_takes_the_result(seen: Seen) -> None:
    result = seen.printed["autogen"]
    assert not result["is_error"]
    assert result["parts"] == ["TextResultContent", "ImageResultContent"]
    assert "/images/" in result["text"]


def test_a_model_behind_autogen_sees_the_picture(seen: Seen) -> None:
    assert [shape(url) for url in pictures(seen.last("autogen"))] == [(512, 512)]
    assert seen.printed["autogen"]["answer"] == "I see 1 picture"


def test_langchain_in_javascript_gets_the_picture(server: str) -> None:
    done = node.run("langchain.mjs", json.dumps({"url": f"{server}/mcp", "key": KEY}))
    assert done.returncode == 0, done.stderr
    blocks = json.loads(done.stdout.splitlines()[-1])
    assert [block["type"] for block in blocks] == ["text", "image_url"]
    assert shape(blocks[1]["image_url"]["url"]) == (512, 512)


def pasted(tmp_path: Path, server: str, *parts: str) -> Any:
    """What a coroutine returns that is made of blocks of docs/mcp.md and of code between them."""
    body = "\n".join(parts).replace("http://localhost:3000", server).replace("Bearer KEY", f"Bearer {KEY}")
    script = tmp_path / "pasted.py"
    main = f"async def main():\n{textwrap.indent(body, '    ')}\n"
    script.write_text(f"import asyncio, json\n\n{main}\nprint(json.dumps(asyncio.run(main())))\n", "utf-8")
    return agents.run(script, {})


def test_the_lines_of_the_page_for_langchain(server: str, tmp_path: Path) -> None:
    block = block_of("mcp.md", "from langchain_mcp_adapters")
    assert "run_model" in pasted(tmp_path, server, block, "return [tool.name for tool in tools]")


def test_the_lines_of_the_page_for_autogen(server: str, tmp_path: Path) -> None:
    with scripted_model() as (model_url, requests):
        client = f"""
        from autogen_core.models import ModelFamily
        from autogen_ext.models.openai import OpenAIChatCompletionClient
        info = {{"vision": True, "function_calling": True, "json_output": False, "structured_output": False}}
        info["family"] = ModelFamily.UNKNOWN
        model_client = OpenAIChatCompletionClient(
            model="autogen", base_url="{model_url}", api_key="none", model_info=info
        )
        """
        failed = pasted(
            tmp_path,
            server,
            block_of("mcp.md", "from autogen_ext"),
            textwrap.dedent(client),
            block_of("mcp.md", "from autogen_core"),
            "return result.is_error",
        )
    assert failed is False
    assert len(pictures(requests[-1])) == 1
