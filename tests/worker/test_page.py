"""The page and the records of stored images, served by the Worker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudflare_image_mcp.web import CONTENT_SECURITY_POLICY
from tests.workerd import ROOT

if TYPE_CHECKING:
    import httpx2


def test_the_page_is_the_same_files(client: httpx2.Client) -> None:
    static = ROOT / "src" / "cloudflare_image_mcp" / "web" / "static"
    for file in static.iterdir():
        answer = client.get("/" if file.name == "index.html" else f"/web/{file.name}")
        assert (answer.status_code, answer.content) == (200, file.read_bytes()), file.name
        assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY


def test_stored_images_are_listed_described_and_deleted(client: httpx2.Client) -> None:
    fields = {"prompt": "a listed heron", "response_format": "url"}
    assert client.post("/v1/images/generations", json=fields).status_code == 200
    (image,) = client.get("/v1/images", params={"q": "listed heron"}).json()["data"]
    assert client.get(f"/v1/images/{image['id']}").json() == image
    assert client.delete(f"/v1/images/{image['id']}").json()["deleted"]
    assert client.get(f"/v1/images/{image['id']}").status_code == 404
