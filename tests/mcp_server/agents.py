"""What agent frameworks make of a result. Runs in the environment of requirements/agents.txt, as a script of its own:
``python agents.py '{"url": …, "key": …}'``; prints a line of JSON: what LangChain's model and AutoGen's workbench get.
"""

import asyncio
import json
import sys
from typing import Any

ASK = {"prompt": "a red house on a green hill", "size": "512x512", "seed": 7}


async def langchain(options: dict[str, Any], headers: dict[str, str]) -> list[dict[str, Any]]:
    """The content of the tool's message as OpenAI's chat API gets it."""
    from langchain_core.messages import convert_to_openai_messages
    from langchain_mcp_adapters.client import MultiServerMCPClient

    server: Any = {"transport": "streamable_http", "url": options["url"], "headers": headers}
    tools = {tool.name: tool for tool in await MultiServerMCPClient({"images": server}).get_tools()}
    call = {"name": "run_model", "args": ASK, "id": "call_1", "type": "tool_call"}
    message = await tools["run_model"].ainvoke(call)
    converted: Any = convert_to_openai_messages([message])
    return [{"type": block["type"], **_of(block)} for block in converted[0]["content"]]


def _of(block: dict[str, Any]) -> dict[str, Any]:
    return {"url": block["image_url"]["url"]} if block["type"] == "image_url" else {"text": block.get("text")}


async def autogen(options: dict[str, Any], headers: dict[str, str]) -> dict[str, Any]:
    """The workbench's result: whether it is an error, and its parts."""
    from autogen_ext.tools.mcp import McpWorkbench, StreamableHttpServerParams

    async with McpWorkbench(StreamableHttpServerParams(url=options["url"], headers=headers)) as workbench:
        result = await workbench.call_tool("run_model", ASK)
    parts = [
        {"type": part.type, "url": part.content.data_uri if part.type == "ImageResultContent" else None}
        for part in result.result
    ]
    return {"is_error": result.is_error, "parts": parts, "text": result.to_text()}


async def main(options: dict[str, Any]) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {options['key']}"}
    return {"langchain": await langchain(options, headers), "autogen": await autogen(options, headers)}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(json.loads(sys.argv[1])))))  # noqa: T201 - its answer
