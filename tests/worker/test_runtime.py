"""Images fetched by address through the runtime's ``fetch``."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest
from starlette.applications import Starlette
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from cloudflare_image_mcp.limits import FETCH_REDIRECTS, MAX_IMAGE_BYTES
from tests.live import serving
from tests.worker.conftest import image as large_image

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx2
    from starlette.requests import Request

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


async def image(request: Request) -> Response:
    return Response(PIXEL, media_type="image/png")


async def large(request: Request) -> Response:
    return Response(large_image(), media_type="image/png")


async def missing(request: Request) -> Response:
    return Response("no", 403)


async def endless(request: Request) -> Response:
    return Response(b"\0" * (MAX_IMAGE_BYTES + 1), media_type="image/png")


async def hop(request: Request) -> Response:
    left = int(request.path_params["left"])
    return RedirectResponse(f"/hop/{left - 1}" if left else "/image")


@pytest.fixture(scope="module")
def source() -> Iterator[str]:
    routes = [Route("/image", image), Route("/large", large), Route("/missing", missing), Route("/endless", endless)]
    with serving(Starlette(routes=[*routes, Route("/hop/{left}", hop)])) as origin:
        yield origin


def edited(client: httpx2.Client, url: str) -> httpx2.Response:
    fields = {"prompt": "in the snow", "model": "flux-2-klein-4b", "image": url, "size": "1024x1024"}
    return client.post("/v1/images/edits", json=fields)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/missing", "answered 403"),
        ("/endless", "larger than 25 MiB"),
        (f"/hop/{FETCH_REDIRECTS}", "redirects"),
    ],
)
def test_a_failed_fetch_is_an_error_with_the_reason(client: httpx2.Client, source: str, path: str, reason: str) -> None:
    error = edited(client, source + path).json()["error"]
    assert (error["param"], error["code"]) == ("image", "invalid_image_url")
    assert reason in error["message"]


@pytest.mark.parametrize("path", ["/image", f"/hop/{FETCH_REDIRECTS - 1}"])
def test_an_image_is_fetched_and_read(client: httpx2.Client, source: str, path: str) -> None:
    """Its pixel cannot be scaled to the edit's size, because this Worker has no Images binding: so it was read."""
    answer = edited(client, source + path)
    assert answer.status_code == 501
    assert "a source image of 1024x1024 needs the Images binding" in answer.json()["error"]["message"]


def test_several_fetched_images_and_a_body_do_not_wait_for_each_other(client: httpx2.Client, source: str) -> None:
    """A request that holds some of the budget would otherwise wait for itself, and then be told that all is busy."""
    images = [f"{source}/large?number={index}" for index in range(4)]
    padding = "x" * (6 * 1024 * 1024)
    fields = {"prompt": "in the snow", "model": "flux-2-klein-4b", "image": images, "size": "1024x1024"}
    answer = client.post("/v1/images/edits", json=fields | {"metadata": padding})
    assert answer.status_code == 501, answer.text
