"""Limits and budgets of API keys, over every interface: what a key may use in a minute and in a day."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import requests

from cloudflare_image_mcp.catalog import Operation, proxied_models
from cloudflare_image_mcp.rest.server import build_app
from cloudflare_image_mcp.settings import Settings
from tests.cli.commands import Home
from tests.emulator.calling import emulating
from tests.live import serving, workers_ai_at
from tests.mcp_server.test_json_answers import call
from tests.mcp_server.test_owners import Caller
from tests.waiting import LONGEST

if TYPE_CHECKING:
    from collections.abc import Iterator, MutableMapping
    from pathlib import Path

    from cloudflare_image_mcp.catalog import Model

KLEIN = "flux-2-klein-4b"
NEURONS = 6.5125
"""The price of an image of 256x256 with it."""


class Server:
    """A gateway over the emulator, and keys with limits."""

    def __init__(self, folder: Path, emulator: str, **more: str) -> None:
        ledger = (folder / "ledger").as_uri()
        self.home = Home(folder).set(API_KEYS_FILE=str(folder / "keys.toml"), NEURON_LEDGER_URL=ledger, **more)
        self.environ = workers_ai_at(emulator, **self.home.environ)
        self.origin = ""

    def add(self, *arguments: str) -> str:
        ran = self.home.run("keys", "add", *arguments)
        assert ran.status == 0, ran.stderr
        return ran.stdout.decode().strip()

    def used(self, *names: str) -> str:
        ran = self.home.run("keys", "usage", *names)
        assert ran.status == 0, ran.stderr
        return ran.stdout.decode()

    def post(self, key: str, path: str = "/v1/images/generations", **fields: Any) -> requests.Response:
        body = {"prompt": "a red dot", "model": KLEIN, "size": "256x256", "response_format": "b64_json", **fields}
        headers = {"Authorization": f"Bearer {key}"}
        return requests.post(f"{self.origin}{path}", json=body, headers=headers, timeout=LONGEST)


NAMES = {
    "minute": ("--requests-per-minute", "3"),
    "images": ("--images-per-day", "3"),
    "neurons": ("--neurons-per-day", "15"),
    "usd": ("--usd-per-day", "0.0001"),
    "chat": ("--images-per-day", "1"),
    "mcp": ("--images-per-day", "1"),
    "mcp-minute": ("--requests-per-minute", "1"),
    "failing": ("--images-per-day", "2", "--neurons-per-day", "100"),
    "unlimited": (),
}
NAMES |= {f"{kind}-next-day": NAMES[kind] for kind in ("images", "neurons", "usd")}


@pytest.fixture(scope="module")
def keys() -> dict[str, str]:
    return {}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, keys: dict[str, str]) -> Iterator[Server]:
    with emulating(daily_neurons=1e12, requests_per_minute=10**9) as emulator:
        made = Server(tmp_path_factory.mktemp("limits"), emulator)
        keys.update({name: made.add(name, *options) for name, options in NAMES.items()})
        with serving(build_app(Settings.read(made.environ))) as origin:
            made.origin = origin
            yield made


RATE = ("x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests")


def rate(answer: requests.Response) -> tuple[str | None, ...]:
    return tuple(answer.headers.get(name) for name in RATE)


def test_the_requests_of_a_minute_are_limited_and_every_answer_says_how_many_are_left(
    server: Server, keys: dict[str, str]
) -> None:
    def listed() -> requests.Response:
        headers = {"Authorization": f"Bearer {keys['minute']}"}
        return requests.get(f"{server.origin}/v1/models", headers=headers, timeout=LONGEST)

    assert rate(listed()) == ("3", "3", "0s")
    answers = [server.post(keys["minute"]) for _ in range(5)]
    # A new minute may have begun meanwhile, but the one before counts for as long as it lies within 60 seconds.
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert [rate(answer)[1] for answer in answers] == ["2", "1", "0", "0", "0"]
    refused = answers[-1]
    assert refused.json()["error"]["code"] == "rate_limit_exceeded"
    assert 0 < int(refused.headers["retry-after"]) <= 120
    assert "x-should-retry" not in refused.headers
    assert rate(refused)[0] == "3"
    assert rate(listed())[:2] == ("3", "0")
    assert rate(server.post(keys["unlimited"])) == (None, None, None)


@pytest.mark.parametrize(
    ("name", "unit", "fitting"), [("images", "images", 3), ("neurons", "neurons", 2), ("usd", "US dollars", 1)]
)
def test_a_day_is_limited_and_the_error_says_when_it_ends(
    server: Server, keys: dict[str, str], name: str, unit: str, fitting: int
) -> None:
    for key in (keys[name], keys[f"{name}-next-day"]):
        day = datetime.now(UTC).date()
        answers = [server.post(key) for _ in range(fitting + 1)]
        if day == datetime.now(UTC).date():  # else a new day began meanwhile, with a budget of its own
            break
    assert [answer.status_code for answer in answers] == [200] * fitting + [429]
    refused = answers[-1]
    error = refused.json()["error"]
    assert (error["code"], refused.headers["x-should-retry"]) == ("insufficient_quota", "false")
    assert f"{unit} a day" in error["message"]
    assert "The limit is reset at " in error["message"]
    assert error["message"].endswith(" 00:00 UTC")
    assert 0 < int(refused.headers["retry-after"]) <= 86_400
    assert rate(refused) == (None, None, None)


def test_several_images_are_reserved_together(server: Server, keys: dict[str, str]) -> None:
    key = keys["failing"]
    assert server.post(key, n=3).status_code == 429
    assert server.post(key, n=2).status_code == 200
    used = server.used("failing")
    assert used == "failing: 2 of 2 images today; 13.02 of 100 neurons today\n"


def test_what_fails_is_given_back(server: Server, keys: dict[str, str]) -> None:
    limited = Server(server.home.path, "http://127.0.0.1:9")
    key = server.add("given-back", "--images-per-day", "1")
    with serving(build_app(Settings.read(limited.environ))) as limited.origin:
        failed = [limited.post(key).status_code for _ in range(2)]
    assert failed == [502, 502]
    assert server.used("given-back") == "given-back: 0 of 1 images today\n"


@pytest.mark.parametrize("path", ["/v1/images/generations", "/v1/chat/completions"])
async def test_a_stream_that_nobody_waits_for_is_given_back(server: Server, path: str) -> None:
    """The client has left before the answer begins: a server of ASGI 2.4 then raises when the headers are sent."""
    name = f"left-{path.split('/')[2]}"
    key = server.add(name, "--images-per-day", "1")
    fields = {"prompt": "x", "messages": [{"role": "user", "content": "x"}], "size": "256x256", "stream": True}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [
            (b"host", b"127.0.0.1"),
            (b"authorization", f"Bearer {key}".encode()),
            (b"content-type", b"application/json"),
        ],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": json.dumps(fields).encode(), "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        raise ConnectionResetError

    app = build_app(Settings.read(server.environ))
    async with app.router.lifespan_context(app):
        await app(scope, receive, send)
    assert server.used(name) == f"{name}: 0 of 1 images today\n"


def test_chat_is_limited(server: Server, keys: dict[str, str]) -> None:
    message = {"role": "user", "content": "a red dot --size=256x256"}
    answers = [server.post(keys["chat"], "/v1/chat/completions", messages=[message]) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 429]


def test_mcp_is_limited(server: Server, keys: dict[str, str]) -> None:
    def results(name: str) -> list[dict[str, Any]]:
        caller = Caller(server.origin, keys[name])
        asked = [call(number, "run_model", prompt="x", model=KLEIN, size="256x256") for number in (2, 3)]
        return [caller.post(message).json()["result"] for message in asked]

    made, refused = results("mcp")
    assert not made.get("isError")
    assert "images a day" in refused["content"][0]["text"]
    made, refused = results("mcp-minute")
    assert not made.get("isError")
    assert "1 requests a minute" in refused["content"][0]["text"]
    assert "try again in" in refused["content"][0]["text"]


def test_the_commands_show_limits_and_what_is_used(server: Server, keys: dict[str, str]) -> None:
    listed = server.home.run("keys", "list").stdout.decode()
    assert "neurons: valid; 15 neurons a day\n" in listed
    assert "usd: valid; 0.0001 US dollars a day\n" in listed
    assert "unlimited: valid\n" in listed
    used = server.used()
    assert "unlimited: no limits\n" in used
    assert "of 3 requests in the last minute\n" in used
    assert server.home.run("keys", "usage", "nobody").status == 2
    assert server.home.run("keys", "add", "zero", "--images-per-day", "0").status == 2
    alone = server.home.set(NEURON_LEDGER_URL="memory:").run("keys", "usage")
    assert alone.status == 8
    unreachable = server.home.set(REDIS_URL="redis://127.0.0.1:9/0").run("keys", "usage", "images")
    assert unreachable.status != 0
    assert "does not answer" in unreachable.stderr
    assert "Traceback" not in unreachable.stderr


def test_models_that_are_paid_in_dollars_count_in_dollars(server: Server) -> None:
    priced = next(model for model in proxied_models().values() if model.price.known and generates(model))
    unknown = next(model for model in proxied_models().values() if not model.price.known and generates(model))
    with emulating() as emulator:
        dollars = Server(server.home.path, emulator, CLOUDFLARE_CATALOGUE="on")
        key = server.add("dollars", "--usd-per-day", "1000", "--neurons-per-day", "1")
        other = server.add("in-neurons", "--neurons-per-day", "1")
        with serving(build_app(Settings.read(dollars.environ))) as dollars.origin:
            assert dollars.post(key, model=priced.id, size="auto").status_code == 200
            refused = dollars.post(key, model=unknown.id, size="auto")
            assert dollars.post(other, model=unknown.id, size="auto").status_code == 200
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "not_allowed")
    cost = priced.price.amount(priced.promise.sizes.default)
    assert server.used("dollars") == f"dollars: 0 of 1 neurons today; {cost:g} of 1,000 US dollars today\n"


def generates(model: Model) -> bool:
    return Operation.GENERATE in model.promise.tasks
