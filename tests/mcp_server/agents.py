"""What agent frameworks make of a result. Runs in the environment of requirements/agents.txt, as a script of its own:
``python agents.py '{"url": …, "key": …, "model_url": …}'``. Prints a line of JSON: the last words of the model under
LangChain and under AutoGen, and what AutoGen's workbench gets.
"""

import asyncio
import json
import sys
from typing import Any

ASK = {"prompt": "a red house on a green hill", "size": "512x512", "seed": 7}
TASK = "Paint a red house, then say what you see."


async def langchain(options: dict[str, Any], headers: dict[str, str]) -> str:
    """ChatOpenAI with the tools of the MCP server: the model calls one, and gets the tool's message."""
    from langchain_core.messages import BaseMessage, HumanMessage
    from langchain_mcp_adapters.client import MultiServerMCPClient
    from langchain_openai import ChatOpenAI
    from pydantic import SecretStr

    server: Any = {"transport": "streamable_http", "url": options["url"], "headers": headers}
    tools = await MultiServerMCPClient({"images": server}).get_tools()
    llm = ChatOpenAI(model="langchain", base_url=options["model_url"], api_key=SecretStr("none")).bind_tools(tools)
    messages: list[BaseMessage] = [HumanMessage(TASK)]
    answer = await llm.ainvoke(messages)
    run_model = next(tool for tool in tools if tool.name == "run_model")
    messages += [answer, *[await run_model.ainvoke(call) for call in answer.tool_calls]]
    return str((await llm.ainvoke(messages)).content)


async def autogen(options: dict[str, Any], headers: dict[str, str]) -> dict[str, Any]:
    """The workbench's result, and what a model says to it when the picture goes on as a part of a message."""
    from autogen_core.models import ModelFamily, ModelInfo, UserMessage
    from autogen_ext.models.openai import OpenAIChatCompletionClient
    from autogen_ext.tools.mcp import McpWorkbench, StreamableHttpServerParams

    async with McpWorkbench(StreamableHttpServerParams(url=options["url"], headers=headers)) as workbench:
        result = await workbench.call_tool("run_model", ASK)
    info = ModelInfo(
        vision=True, function_calling=True, json_output=False, family=ModelFamily.UNKNOWN, structured_output=False
    )
    llm = OpenAIChatCompletionClient(model="autogen", base_url=options["model_url"], api_key="none", model_info=info)
    answer = await llm.create([UserMessage(content=[part.content for part in result.result], source="user")])
    await llm.close()
    parts = [part.type for part in result.result]
    return {"is_error": result.is_error, "parts": parts, "text": result.to_text(), "answer": answer.content}


async def main(options: dict[str, Any]) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {options['key']}"}
    return {"langchain": await langchain(options, headers), "autogen": await autogen(options, headers)}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(json.loads(sys.argv[1])))))  # noqa: T201 - its answer
