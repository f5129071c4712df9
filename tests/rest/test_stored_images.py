"""``/v1/images``: listed, searched, described and deleted over a real server and a store of files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx2
import pytest

from tests.live import gateway
from tests.waiting import LONGEST

if TYPE_CHECKING:
    from collections.abc import Iterator

PROMPTS = ("a red fox in the snow", "a blue boat", "a red boat at sunset")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    with (
        gateway(tmp_path_factory.mktemp("images")) as origin,
        httpx2.Client(base_url=origin, timeout=LONGEST) as client,
    ):
        for seed, prompt in enumerate(PROMPTS):
            fields = {"prompt": prompt, "size": "256x256", "seed": seed, "response_format": "url"}
            assert client.post("/v1/images/generations", json=fields).status_code == 200
        yield client


def prompts(client: httpx2.Client, **query: str) -> list[str]:
    answer = client.get("/v1/images", params=query)
    assert answer.status_code == 200, answer.text
    return [image["prompt"] for image in answer.json()["data"]]


def test_the_newest_come_first_page_by_page(client: httpx2.Client) -> None:
    assert prompts(client) == list(PROMPTS[::-1])
    first = client.get("/v1/images", params={"limit": "2"}).json()
    assert first["has_more"]
    assert [image["seed"] for image in first["data"]] == [2, 1]
    second = client.get("/v1/images", params={"limit": "2", "after": first["last_id"]}).json()
    assert [image["seed"] for image in second["data"]] == [0]
    assert not second["has_more"]


def test_all_words_of_a_search_must_match(client: httpx2.Client) -> None:
    assert prompts(client, q="RED boat") == [PROMPTS[2]]
    assert prompts(client, q="256x256 fox") == [PROMPTS[0]]
    assert prompts(client, q="zebra") == []


def test_a_record_is_what_the_list_says_and_its_url_is_the_image(client: httpx2.Client) -> None:
    image = client.get("/v1/images").json()["data"][0]
    assert client.get(f"/v1/images/{image['id']}").json() == image
    file = client.get(image["url"])
    assert (len(file.content), file.headers["content-type"]) == (image["bytes"], image["media_type"])
    assert image["expires"] - image["created"] == 24 * 3600


@pytest.mark.parametrize(
    "query", [{"limit": ""}, {"limit": "0"}, {"limit": "101"}, {"limit": "many"}, {"after": "A" * 22}]
)
def test_a_wrong_parameter_is_named(client: httpx2.Client, query: dict[str, str]) -> None:
    answer = client.get("/v1/images", params=query)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == next(iter(query))


def test_a_deleted_image_is_gone(client: httpx2.Client) -> None:
    fields = {"prompt": "a gone kite", "size": "256x256", "response_format": "url"}
    url = client.post("/v1/images/generations", json=fields).json()["data"][0]["url"]
    image_id = url.rsplit("/", 1)[1].split(".")[0]
    assert client.delete(f"/v1/images/{image_id}").json() == {"id": image_id, "object": "image", "deleted": True}
    assert client.get(url).status_code == 404
    assert client.get(f"/v1/images/{image_id}").status_code == 404
    assert client.delete(f"/v1/images/{image_id}").status_code == 404
    assert prompts(client, q="gone kite") == []


def test_a_wrong_method_is_no_missing_image(client: httpx2.Client) -> None:
    assert client.get("/v1/images/generations").status_code == 405
    assert client.delete("/v1/images/edits").status_code == 405


def test_records_want_the_key_and_files_do_not(tmp_path_factory: pytest.TempPathFactory) -> None:
    with gateway(tmp_path_factory.mktemp("images"), API_KEYS="secret") as origin:
        assert httpx2.get(f"{origin}/v1/images", timeout=LONGEST).status_code == 401
        assert httpx2.delete(f"{origin}/v1/images/{'A' * 22}", timeout=LONGEST).status_code == 401
