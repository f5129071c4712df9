"""A Python client's session: list, describe, generate, edit with a mask, read back. Runs under ``mcp`` 1.30 and 2.3
alike, as a script of its own: ``python workout.py '{"url": …}'``; prints what it saw as one line of JSON.
"""

import asyncio
import base64
import hashlib
import json
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

NAME: dict[str, Any] = {"name": "workout", "version": "1"}
"""Under the SDK's own name, which some libraries keep, no links come."""


async def main(options: dict[str, Any]) -> dict[str, Any]:
    async with AsyncExitStack() as stack:
        client, seen = await _connect(stack, options)
        seen["tools"] = [tool.name for tool in (await client.list_tools()).tools]
        described = _plain(await client.call_tool("describe_model", {"model": "flux-2-klein-4b"}))
        seen["described"] = described["structuredContent"]["id"]
        ask = {"prompt": "a red house on a green hill", "model": "flux-2-klein-4b", "size": "512x512", "seed": 7}
        generated = _plain(await client.call_tool("run_model", ask))
        seen["types"] = [block["type"] for block in generated["content"]]
        original = generated["structuredContent"]["images"][0]
        change = {
            "operation": "edit",
            "prompt": "a blue sea",
            "images": [original["id"]],
            "mask": options["mask"],
            "model": "flux-2-klein-4b",
            "seed": 8,
        }
        edited = _plain(await client.call_tool("run_model", change))
        seen["generated"], seen["edited"] = generated["structuredContent"], edited["structuredContent"]
        seen["hashes"], seen["files"] = [], []
        for name, image in (("original", original), ("edited", edited["structuredContent"]["images"][0])):
            read = _plain(await client.read_resource(image["uri"]))["contents"][0]
            data = base64.b64decode(read["blob"])
            seen["hashes"].append([image["sha256"], hashlib.sha256(data).hexdigest(), read["mimeType"]])
            seen["files"].append((str(Path(options["folder"], f"{name}.png")), data))
    return seen


def show(seen: dict[str, Any]) -> None:
    for path, data in seen.pop("files"):
        Path(path).write_bytes(data)
    print(json.dumps(seen))  # noqa: T201 - its answer


def _plain(result: Any) -> dict[str, Any]:
    plain: dict[str, Any] = result.model_dump(by_alias=True, mode="json", exclude_none=True)
    if plain.get("isError"):
        raise RuntimeError(plain["content"][0]["text"])
    return plain


async def _connect(stack: AsyncExitStack, options: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """A client of whichever SDK is installed, and what it negotiated."""
    import mcp

    headers = {"Authorization": f"Bearer {options.get('key')}"}
    if hasattr(mcp, "Client"):
        return await _connect_2(stack, options, headers)
    from mcp.client.stdio import StdioServerParameters, stdio_client
    from mcp.client.streamable_http import streamablehttp_client  # type: ignore[attr-defined]  # 1.30's

    if "url" in options:
        streams = await stack.enter_async_context(streamablehttp_client(options["url"], headers=headers))
    else:
        parameters = StdioServerParameters(command=options["command"], args=options["args"], env=options["env"])
        streams = await stack.enter_async_context(stdio_client(parameters))
    session = await stack.enter_async_context(
        mcp.ClientSession(streams[0], streams[1], client_info=mcp.types.Implementation(**NAME))
    )
    begun: Any = await session.initialize()
    return session, {"era": begun.protocolVersion}


async def _connect_2(
    stack: AsyncExitStack, options: dict[str, Any], headers: dict[str, str]
) -> tuple[Any, dict[str, Any]]:
    import httpx2
    import mcp.types
    from mcp import Client, StdioServerParameters
    from mcp.client.streamable_http import streamable_http_client

    target: Any = StdioServerParameters(
        command=options.get("command", ""), args=options.get("args", []), env=options.get("env")
    )
    if "url" in options:
        http = await stack.enter_async_context(httpx2.AsyncClient(headers=headers, timeout=60))
        target = streamable_http_client(options["url"], http_client=http)
    client = await stack.enter_async_context(
        Client(target, mode=options.get("mode", "auto"), client_info=mcp.types.Implementation(**NAME))
    )
    return client, {"era": client.protocol_version}


if __name__ == "__main__":
    show(asyncio.run(main(json.loads(sys.argv[1]))))
