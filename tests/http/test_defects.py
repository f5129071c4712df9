"""What a caller sees of a defect in the gateway itself, and what its log says."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
import requests

from cloudflare_image_mcp.assembly import assemble
from cloudflare_image_mcp.gateway.abilities import Abilities
from cloudflare_image_mcp.http.app import AppOptions, create_app
from cloudflare_image_mcp.settings import Settings
from tests.live import serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cloudflare_image_mcp.catalog import Model
    from cloudflare_image_mcp.gateway.ports import Call, OnPartial, Rendered


class Defective:
    """A backend with a defect."""

    name = "local"
    trained = False

    def abilities(self, model: Model) -> Abilities:
        return Abilities.of_wire(model)

    async def run(self, call: Call, on_partial: OnPartial | None = None) -> Rendered:
        raise ZeroDivisionError("an inner secret")

    async def aclose(self) -> None:
        pass


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    settings = Settings.read({"IMAGE_STORAGE_URL": "memory:", "IMAGE_BACKEND": "local"})
    gateway = assemble(settings, backend=Defective()).gateway
    with serving(create_app(gateway, AppOptions(api_keys=("key",)))) as origin:
        yield origin


@pytest.mark.parametrize("stream", [False, True])
def test_a_defect_is_told_under_the_request_s_id(stream: bool, origin: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    answer = requests.post(
        f"{origin}/v1/images/generations",
        json={"prompt": "a fox", "stream": stream},
        headers={"authorization": "Bearer key"},
        timeout=60,
    )
    assert answer.status_code == (200 if stream else 500)
    assert '"code":"internal_error"' in answer.text
    assert "an inner secret" not in answer.text
    assert answer.headers["access-control-allow-origin"] == "*"
    assert stream or answer.headers["x-should-retry"] == "false"
    (record,) = [record for record in caplog.records if record.exc_info]
    assert answer.headers["x-request-id"] in record.getMessage()
    assert "an inner secret" in caplog.text
