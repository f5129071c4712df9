"""Named keys in a Worker, from the text of ``API_KEYS_TOML``: rights, owners and limits, over REST, chat and MCP."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from tests.emulator.calling import emulating
from tests.mcp_server.test_json_answers import call
from tests.waiting import LONGEST
from tests.workerd import worker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KLEIN = "flux-2-klein-4b"
NAMES = {
    "alice": "",
    "bob": "",
    "boss": "admin = true",
    "former": "expires = 2020-01-01",
    "narrow": 'models = ["flux-2-*"]\noperations = ["generate"]',
    "minute": "requests_per_minute = 2",
    "day": "images_per_day = 2\nneurons_per_day = 1000",
    "usd": "usd_per_day = 0.0001",
    "mcp": "images_per_day = 1",
    "chat": "images_per_day = 1",
}
"""The keys, each of which is its name, and what they may do."""


def key_tables(names: dict[str, str]) -> str:
    """The text of a file of keys."""
    return "\n".join(
        f'[keys.{name}]\nsha256 = "{hashlib.sha256(name.encode()).hexdigest()}"\n{rights}'
        for name, rights in names.items()
    )


class Keyholder:
    """Calls a Worker with a key."""

    def __init__(self, origin: str, key: str) -> None:
        self.origin = origin
        self.headers = {"Authorization": f"Bearer {key}"} if key else {}

    def send(self, method: str, path: str, **rest: Any) -> httpx2.Response:
        return httpx2.request(method, f"{self.origin}{path}", headers=self.headers, timeout=LONGEST, **rest)

    def make(self, path: str = "/v1/images/generations", **fields: Any) -> httpx2.Response:
        body = {"prompt": "a heliotrope zeppelin", "model": KLEIN, "size": "256x256", "response_format": "b64_json"}
        return self.send("POST", path, json=body | fields)

    def call_tool(self, name: str, **arguments: Any) -> dict[str, Any]:
        headers = {
            **self.headers,
            "accept": "application/json, text/event-stream",
            "mcp-protocol-version": "2025-11-25",
        }
        answer = httpx2.post(
            f"{self.origin}/mcp", json=call(2, name, **arguments), headers=headers, timeout=LONGEST
        ).json()
        result: dict[str, Any] = answer["result"]
        return result


def with_keys(names: dict[str, str], **settings: str) -> list[str]:
    """The arguments of a Worker with these keys."""
    values = {"API_KEYS_TOML": key_tables(names), **settings}
    return [argument for name, value in values.items() for argument in ("--var", f"{name}={value}")]


@pytest.fixture(scope="module", params=[(), ("--without", "DB")], ids=["D1", "memory"])
def origin(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of a Worker that counts in D1, and of one without a database."""
    log = tmp_path_factory.mktemp("workerd") / "log"
    with (
        emulating(daily_neurons=1e12, requests_per_minute=10**9) as emulator,
        worker(f"{emulator}/client/v4/accounts/worker", log, *with_keys(NAMES), *request.param) as served,
    ):
        yield served.origin


def code(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_only_valid_keys_are_let_in(origin: str) -> None:
    for key in ("former", "nobody", ""):
        for path in ("/v1/models", "/v1/images", "/metrics"):
            assert code(Keyholder(origin, key).send("GET", path)) == (401, "invalid_api_key"), (key, path)
        assert code(Keyholder(origin, key).make()) == (401, "invalid_api_key")
    assert Keyholder(origin, "alice").send("GET", "/v1/models").status_code == 200
    assert Keyholder(origin, "nobody").send("GET", "/health").status_code == 200


def test_what_a_key_may_not_do_is_refused_over_every_interface(origin: str) -> None:
    narrow = Keyholder(origin, "narrow")
    made = narrow.make()
    assert made.status_code == 200, made.text[:500]
    assert code(narrow.make(model="flux-1-schnell")) == (403, "not_allowed")
    image = made.json()["data"][0]["b64_json"]
    assert code(narrow.make("/v1/images/edits", image=image)) == (403, "not_allowed")
    message = {"role": "user", "content": "a red dot"}
    refused = narrow.make("/v1/chat/completions", model="flux-1-schnell", messages=[message])
    assert code(refused) == (403, "not_allowed")
    result = narrow.call_tool("run_model", prompt="x", model="flux-1-schnell")
    assert result["isError"]
    assert "may not use flux-1-schnell" in result["content"][0]["text"]


def test_a_key_sees_its_own_images_and_an_admin_sees_all(origin: str) -> None:
    alice, bob, boss = (Keyholder(origin, name) for name in ("alice", "bob", "boss"))
    made = alice.make(response_format="url", prompt="an heirloom zeppelin").json()["data"][0]["url"]
    image_id = made.rsplit("/", 1)[1].split(".")[0]
    record = f"/v1/images/{image_id}"
    assert [bob.send(method, record).status_code for method in ("GET", "DELETE")] == [404, 404]
    for holder, found in ((bob, False), (alice, True), (boss, True)):
        listed = holder.send("GET", "/v1/images", params={"q": "heirloom"}).json()["data"]
        assert [image["id"] for image in listed] == [image_id] * found
        assert (image_id in json.dumps(holder.call_tool("list_images"))) is found
    assert boss.send("GET", record).status_code == 200
    assert httpx2.get(made, timeout=LONGEST).status_code == 200
    assert boss.send("GET", "/metrics").json()["error"]["code"] == "not_supported_here"
    assert code(alice.send("GET", "/metrics")) == (403, "not_allowed")


def test_the_requests_of_a_minute_are_limited(origin: str) -> None:
    holder = Keyholder(origin, "minute")
    answers = [holder.make() for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429], answers[-1].text
    left = [answer.headers["x-ratelimit-remaining-requests"] for answer in answers]
    assert left == ["1", "0", "0"]
    assert code(answers[-1]) == (429, "rate_limit_exceeded")
    assert 0 < int(answers[-1].headers["retry-after"]) <= 120


def test_a_day_is_limited_and_what_fails_is_given_back(origin: str) -> None:
    holder = Keyholder(origin, "day")
    assert holder.make(n=3).status_code == 429
    assert holder.make(prompt="gore").status_code == 400
    answers = [holder.make() for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429], answers[-1].text
    assert code(answers[-1]) == (429, "insufficient_quota")
    assert answers[-1].headers["x-should-retry"] == "false"
    dollars = [Keyholder(origin, "usd").make() for _ in range(2)]
    assert [answer.status_code for answer in dollars] == [200, 429]
    assert "US dollars a day" in dollars[1].json()["error"]["message"]


def test_chat_and_mcp_are_limited(origin: str) -> None:
    message = {"role": "user", "content": "a red dot --size=256x256"}
    chat = [Keyholder(origin, "chat").make("/v1/chat/completions", messages=[message]) for _ in range(2)]
    assert [answer.status_code for answer in chat] == [200, 429]
    made, refused = (
        Keyholder(origin, "mcp").call_tool("run_model", prompt="x", model=KLEIN, size="256x256") for _ in range(2)
    )
    assert not made.get("isError"), made
    assert "images a day" in refused["content"][0]["text"]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"API_KEYS_TOML": key_tables({"alice": "images_per_day = 0"})}, "keys.alice.images_per_day"),
        ({"API_KEYS_TOML": ""}, "API_KEYS_TOML is empty"),
    ],
)
def test_keys_that_cannot_be_read_let_nobody_in(
    upstream: str, tmp_path: Path, settings: dict[str, str], reason: str
) -> None:
    given = [argument for name, value in settings.items() for argument in ("--var", f"{name}={value}")]
    with worker(f"http://{upstream}/client/v4/accounts/x", tmp_path / "log", *given) as served:
        answers = [Keyholder(served.origin, "alice").make(), Keyholder(served.origin, "").send("GET", "/v1/models")]
    digest = hashlib.sha256(b"alice").hexdigest()
    for text in (*(answer.text for answer in answers), (tmp_path / "log").read_text("utf-8")):
        assert reason in text
        assert digest not in text
    assert [code(answer) for answer in answers] == [(500, "internal_error")] * 2


def test_keys_without_a_table_let_nobody_in(upstream: str, tmp_path: Path) -> None:
    address = f"http://{upstream}/client/v4/accounts/x"
    with worker(address, tmp_path / "log", "--var", "API_KEYS_TOML=# nobody yet") as served:
        assert code(Keyholder(served.origin, "alice").make()) == (401, "invalid_api_key")
