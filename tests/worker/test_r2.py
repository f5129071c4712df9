"""Stored images in the R2 simulator, and the cron trigger that deletes them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.worker.conftest import EXPIRY_HOURS, IMAGE_BYTES

if TYPE_CHECKING:
    import httpx2

    from tests.workerd import Worker


def stored(client: httpx2.Client) -> str:
    """Makes an image; its path."""
    answer = client.post("/v1/images/generations", json={"prompt": "a fox", "response_format": "url"})
    assert answer.status_code == 200, answer.text
    path = answer.json()["data"][0]["url"].removeprefix(str(client.base_url).rstrip("/"))
    assert path.startswith("/images/")
    return str(path)


def test_the_cron_trigger_deletes_the_expired_and_leaves_the_live(edgy: Worker, client: httpx2.Client) -> None:
    old = stored(client)
    assert len(client.get(old).content) > IMAGE_BYTES
    time.sleep(EXPIRY_HOURS * 3600 + 0.5)
    fresh = stored(client)

    # Expired is gone for a reader at once, in the bucket only when it is swept.
    assert client.get(old).status_code == 404
    assert old.removeprefix("/") in edgy.objects()

    assert client.get("/cdn-cgi/local/scheduled", params={"cron": "17 * * * *"}).status_code == 200
    assert old.removeprefix("/") not in edgy.objects()
    assert fresh.removeprefix("/") in edgy.objects()
    assert client.get(fresh).status_code == 200
