"""Stored images in the R2 simulator, and the cron trigger that deletes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.worker.conftest import IMAGE_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx2

    from tests.workerd import Worker

EXPIRY = 24 * 3600.0
"""Seconds: what the deployment's configuration says."""
MANY = 1_100
"""Objects: more than R2 lists, or deletes, at once."""


@pytest.fixture(autouse=True)
def clock(client: httpx2.Client) -> Iterator[None]:
    """Lets the Worker's clock run again after each test."""
    yield
    client.get("/health", headers={"x-now": "0"})


def stored(client: httpx2.Client) -> str:
    """Makes an image; its name in the bucket."""
    answer = client.post("/v1/images/generations", json={"prompt": "a fox", "response_format": "url"})
    assert answer.status_code == 200, answer.text
    path = answer.json()["data"][0]["url"].removeprefix(str(client.base_url).rstrip("/"))
    assert path.startswith("/images/")
    return str(path).removeprefix("/")


def sweep(client: httpx2.Client) -> None:
    assert client.get("/cdn-cgi/local/scheduled", params={"cron": "17 * * * *"}).status_code == 200


def test_the_cron_trigger_deletes_the_expired_and_leaves_the_live(edgy: Worker, client: httpx2.Client) -> None:
    old, fresh = stored(client), stored(client)
    assert len(client.get(old).content) > IMAGE_BYTES
    since = edgy.objects()
    assert since[old] < since[fresh]

    # Expired is gone for a reader at once, in the bucket only when it is swept.
    between = (since[old] + since[fresh]) / 2 + EXPIRY
    assert client.get(old, headers={"x-now": f"{between:.6f}"}).status_code == 404
    assert old in edgy.objects()

    sweep(client)
    assert old not in edgy.objects()
    assert fresh in edgy.objects()
    assert client.get(fresh).status_code == 200


def test_a_bucket_of_many_pages_is_swept_whole(edgy: Worker, client: httpx2.Client) -> None:
    assert client.get("/health", headers={"x-fill": str(MANY)}).status_code == 200
    since = edgy.objects()
    assert len(since) >= MANY
    client.get("/health", headers={"x-now": f"{max(since.values()) + EXPIRY:.6f}"})
    sweep(client)
    assert edgy.objects() == {}
