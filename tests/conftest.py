"""What many tests share: one real server for each test process, on a port of its own, with the embedded engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.live import gateway

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Origin of a gateway with the settings as they come."""
    with gateway(tmp_path_factory.mktemp("images")) as origin:
        yield origin


@pytest.fixture(scope="session")
def base64_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Origin of a gateway that answers base64 when the request does not say, as docs/clients.md advises for some."""
    with gateway(tmp_path_factory.mktemp("images"), DEFAULT_RESPONSE_FORMAT="b64_json") as origin:
        yield origin
