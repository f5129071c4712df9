"""Every interface warns when a picture was rendered smaller and enlarged, or its sides were cropped."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import requests
from mcp import Client

from tests.cli.commands import Home
from tests.waiting import LONGEST

if TYPE_CHECKING:
    from pathlib import Path

    from tests.wire.conftest import Wire

FIXED = "@cf/black-forest-labs/flux-1-schnell"  # renders 1024x1024 and nothing else
ROWS: dict[str, tuple[str, tuple[str, ...]]] = {
    "as rendered": ("1024x1024", ()),
    "smaller, of the same shape": ("512x512", ()),
    "enlarged": ("1536x1536", ("the image was rendered at 1024x1024 and enlarged to 1536x1536",)),
    "cropped": ("512x1024", ("the image was rendered at 1024x1024 and cropped to 512x1024",)),
    "enlarged and cropped": ("300x1200", ("the image was rendered at 1024x1024 and enlarged and cropped to 300x1200",)),
}


def _of_rest(wire: Wire, **content: Any) -> tuple[str, ...]:
    answer = requests.post(f"{wire.gateway}/v1/images/generations", timeout=LONGEST, **content)
    assert answer.status_code == 200, answer.text
    return tuple(answer.json().get("warnings", ()))


async def _of_mcp(wire: Wire, fields: dict[str, Any]) -> tuple[str, ...]:
    async with Client(f"{wire.gateway}/mcp") as client:
        result = await client.call_tool("run_model", {**fields, "output": "link"})
    assert result.structured_content is not None
    warnings = tuple(result.structured_content["warnings"])
    first = result.content[0]
    assert first.type == "text"
    assert all(warning in first.text for warning in warnings)
    return warnings


def _of_command_line(wire: Wire, home: Home, fields: dict[str, Any]) -> tuple[str, ...]:
    account = home.set(
        CLOUDFLARE_API_BASE_URL=f"{wire.emulator}/client/v4",
        CLOUDFLARE_ACCOUNT_ID="demo",
        CLOUDFLARE_API_TOKEN="demo",
        NEURON_LEDGER_URL="memory:",
    )
    ran = account.run("generate", "--json", f"--model={fields['model']}", f"--size={fields['size']}", fields["prompt"])
    assert ran.status == 0, ran.stderr
    return tuple(json.loads(ran.stdout)["warnings"])


@pytest.mark.parametrize(("size", "warnings"), ROWS.values(), ids=ROWS)
async def test_resizing_is_a_warning(live: Wire, tmp_path: Path, size: str, warnings: tuple[str, ...]) -> None:
    fields = {"model": FIXED, "prompt": "a fox", "size": size}
    assert _of_rest(live, json=fields) == warnings
    assert _of_rest(live, files={name: (None, value) for name, value in fields.items()}) == warnings
    assert await _of_mcp(live, fields) == warnings
    assert _of_command_line(live, Home(tmp_path), fields) == warnings
