"""Reading an account's catalogue from answers that no correct service gives."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cloudflare_image_mcp.backends.workers_ai.accounts import Account
from cloudflare_image_mcp.backends.workers_ai.discovery import Discovery, OfferedModels
from tests.backends.workers_ai.scripted import http, scripted


@pytest.mark.parametrize("total", [None, "many", [3]])
async def test_a_catalogue_without_a_usable_count_is_read_to_its_empty_page(total: Any) -> None:
    page = {
        "result": [{"id": "acme/writer", "task": {"name": "Text Generation"}}],
        "result_info": {"total_count": total},
    }
    last: dict[str, Any] = {"result": []}
    answers = [http(200, json.dumps(answer).encode()) for answer in (page, page, last)]
    async with scripted(*answers) as server:
        discovery = Discovery(server.address, Account("demo", "demo"), OfferedModels({}), lambda name: True)
        assert await discovery.refresh() == {}
    assert [head.split(b"page=")[1][:1] for head, _ in server.requests] == [b"1", b"2", b"3"]
