"""Why there was no answer, in words that tell an operator where to look and hold no address and no secret."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from cloudflare_image_mcp.backends.workers_ai.retry import RetryPolicy
from cloudflare_image_mcp.errors import GatewayError
from tests.backends.workers_ai.conftest import backend_at, call
from tests.backends.workers_ai.scripted import http, image_answer, scripted
from tests.fetcher.conftest import authority

if TYPE_CHECKING:
    from tests.fetcher.conftest import Authority

__all__ = ["authority"]


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Removes the proxy settings of this machine."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


async def reason(address: str) -> str:
    async with backend_at(address, retry=RetryPolicy(retries=0)) as backend:
        with pytest.raises(GatewayError) as caught:
            await backend.run(call())
    return caught.value.message


async def test_a_certificate_that_is_not_trusted(authority: Authority) -> None:
    async with scripted(image_answer(), tls=authority.server()) as server:
        assert await reason(server.address) == "Workers AI could not be reached: its certificate is not trusted."


async def test_a_host_name_that_does_not_resolve() -> None:
    assert await reason("http://nowhere.invalid") == "Workers AI could not be reached: its name was not found."


async def test_a_proxy_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("http_proxy", f"http://user:sesame@127.0.0.1:{taken.getsockname()[1]}")
        message = await reason("http://api.cloudflare.test")
    assert message == "Workers AI could not be reached: no connection to the proxy."


async def test_a_proxy_whose_address_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "127.0.0.1:3128")
    message = await reason("http://api.cloudflare.test")
    assert message == "Workers AI could not be reached: the proxy's address cannot be used."


async def test_a_call_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    async with scripted(image_answer(), http(407)) as proxy:
        monkeypatch.setenv("http_proxy", proxy.address)
        async with backend_at("http://api.cloudflare.test") as backend:
            assert (await backend.run(call())).image.size == (256, 256)
        assert await reason("http://api.cloudflare.test") == (
            "Workers AI did not accept the gateway's call: HTTP status 407."
        )
    assert all(head.startswith(b"POST http://api.cloudflare.test/client/v4/") for head, _ in proxy.requests)
