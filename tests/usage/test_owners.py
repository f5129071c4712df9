"""Owners of images: a key reads no image of another key over any route or MCP method; an admin key reads all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from cloudflare_image_mcp.assembly import assemble
from cloudflare_image_mcp.core.jobs import Jobs
from cloudflare_image_mcp.mcp_server.endpoint import McpEndpoint
from cloudflare_image_mcp.mcp_server.server import build_server
from cloudflare_image_mcp.rest.server import app_over
from cloudflare_image_mcp.settings import Settings
from tests.cli.commands import Home
from tests.live import serving
from tests.mcp_server.backends import NoiseBackend
from tests.mcp_server.test_json_answers import call, request
from tests.mcp_server.test_owners import Caller
from tests.waiting import LONGEST

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi import FastAPI

PROMPT = "heliotrope zeppelin"
A, B = "key A", "key B"


class World:
    """A server with the keys A, B and an admin's, and what A made there over REST and MCP."""

    def __init__(self, origin: str, app: FastAPI, admin: str) -> None:
        self.origin, self.app, self.admin = origin, app, admin
        fields = {"prompt": PROMPT, "size": "256x256", "response_format": "url"}
        made = self.rest(A, "POST", "/v1/images/generations", json=fields)
        assert made.status_code == 200, made.text
        self.url: str = made.json()["data"][0]["url"]
        self.image_id = self.url.rsplit("/", 1)[1].split(".")[0]
        over_mcp = Caller(origin, A).post(call(2, "run_model", prompt=PROMPT, size="256x256")).json()["result"]
        self.job_id: str = over_mcp["structuredContent"]["job_id"]

    def rest(self, key: str, method: str, path: str, **rest: Any) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {key}"}
        return httpx2.request(method, f"{self.origin}{path}", headers=headers, timeout=LONGEST, **rest)

    def listed(self, key: str) -> int:
        return len(self.rest(key, "GET", "/v1/images").json()["data"])


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("owners")
    file = str(folder / "keys.toml")
    added = Home(folder).set(API_KEYS_FILE=file).run("keys", "add", "boss", "--admin")
    assert added.status == 0, added.stderr
    environ = {"IMAGE_STORAGE_URL": (folder / "images").as_uri(), "API_KEYS": f"{A},{B}", "API_KEYS_FILE": file}
    settings = Settings.read(environ)
    app = app_over(assemble(settings, backend=NoiseBackend()), settings)
    with serving(app) as origin:
        yield World(origin, app, added.stdout.decode().strip())


def test_no_route_shows_a_key_what_another_made(world: World) -> None:
    walked = 0
    for path in world.app.openapi()["paths"]:
        if path == "/images/{key}":
            continue  # the unguessable URL needs no key
        filled = path.replace("{image_id}", world.image_id).replace("{model_id}", "flux-1-schnell")
        filled = filled.replace("{job_id}", world.job_id)
        assert "{" not in filled, path
        for query in ("", f"?q={PROMPT}", f"?after={world.image_id}"):
            for method in ("GET", "DELETE"):
                answer = world.rest(B, method, f"{filled}{query}")
                walked += 1
                assert PROMPT not in answer.text, (method, filled)
                if "{job_id}" not in path:  # a refusal names what was asked for
                    assert world.job_id not in answer.text
    assert walked > 20
    record = f"/v1/images/{world.image_id}"
    job = f"/v1/images/jobs/{world.job_id}"
    assert [world.rest(B, method, job).status_code for method in ("GET", "DELETE")] == [404, 404]
    assert world.rest(A, "GET", job).json()["status"] == "completed"
    assert [world.rest(B, method, record).status_code for method in ("GET", "DELETE")] == [404, 404]
    assert world.listed(B) == 0
    assert world.rest(A, "GET", record).status_code == 200
    assert world.listed(A) == 2
    assert httpx2.get(world.url, timeout=LONGEST).status_code == 200


RESOURCE = {"type": "ref/resource", "uri": "image://{{id}}"}
EDITING = {"type": "ref/prompt", "name": "edit_image"}
MCP_REQUESTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("resources/list", {}),
    ("resources/read", {"uri": "image://{image}"}),
    ("resources/read", {"uri": "image://{image}/preview"}),
    ("resources/read", {"uri": "models://catalog"}),
    ("resources/templates/list", {}),
    ("completion/complete", {"ref": RESOURCE, "argument": {"name": "id", "value": ""}}),
    ("completion/complete", {"ref": EDITING, "argument": {"name": "image", "value": ""}}),
    ("tools/list", {}),
    ("prompts/list", {}),
    ("tools/call", {"name": "list_images", "arguments": {}}),
    ("tools/call", {"name": "get_job", "arguments": {"job_id": "{job}"}}),
    ("tools/call", {"name": "cancel_job", "arguments": {"job_id": "{job}"}}),
    ("tools/call", {"name": "list_models", "arguments": {}}),
    ("tools/call", {"name": "describe_model", "arguments": {"model": "flux-1-schnell"}}),
    ("prompts/get", {"name": "edit_image", "arguments": {"image": "an image", "change": "red"}}),
)  # fmt: skip
TASK_METHODS = ("tasks/get", "tasks/update", "tasks/cancel")
OTHER_METHODS = {"ping", "server/discover", "subscriptions/listen"}
"""Those that say nothing of images: no list of ours changes, so nothing comes of listening."""


def filled(value: Any, world: World) -> Any:
    if isinstance(value, dict):
        return {name: filled(one, world) for name, one in value.items()}
    return value.format(image=world.image_id, job=world.job_id)


@pytest.mark.parametrize(("method", "params"), MCP_REQUESTS)
def test_no_mcp_method_shows_a_key_what_another_made(world: World, method: str, params: dict[str, Any]) -> None:
    answer = Caller(world.origin, B).post(request(5, method, filled(params, world)))
    result = answer.json().get("result", {})
    assert PROMPT not in answer.text
    assert world.image_id not in str(result)
    if "image://{image}" in str(params):
        assert "does not exist" in answer.json()["error"]["message"]
    if "{job}" in str(params):
        assert result["isError"]


@pytest.mark.parametrize("method", TASK_METHODS)
def test_no_task_of_another_is_found(world: World, method: str) -> None:
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {"extensions": {"io.modelcontextprotocol/tasks": {}}},
    }
    headers = {"Accept": "application/json", "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": method}

    def asked(key: str, task: str) -> httpx2.Response:
        params = {"taskId": task, "inputResponses": {}, "_meta": meta}
        named = {**headers, "Authorization": f"Bearer {key}", "Mcp-Name": task}
        return httpx2.post(f"{world.origin}/mcp", json=request(5, method, params), headers=named, timeout=LONGEST)

    assert "there is no job" in asked(B, world.job_id).json()["error"]["message"]
    assert "result" in asked(A, world.job_id).json()


def test_every_mcp_method_and_tool_is_walked(world: World) -> None:
    gateway = assemble(Settings.read({"IMAGE_STORAGE_URL": "memory:"}), backend=NoiseBackend()).gateway
    server = build_server(McpEndpoint(gateway=gateway, jobs=Jobs(gateway)))
    walked = {method for method, _ in MCP_REQUESTS} | {*TASK_METHODS}
    assert set(server._request_handlers) == walked | OTHER_METHODS
    tools = Caller(world.origin, B).post(request(5, "tools/list")).json()["result"]["tools"]
    called = {params["name"] for method, params in MCP_REQUESTS if method == "tools/call"}
    assert {tool["name"] for tool in tools} == called | {"run_model"}


def test_metrics_are_for_admins(world: World) -> None:
    assert [world.rest(key, "GET", "/metrics").status_code for key in (A, B, world.admin)] == [403, 403, 200]


def test_the_owner_and_an_admin_see_it(world: World) -> None:
    for key in (A, world.admin):
        caller = Caller(world.origin, key)
        assert world.listed(key) == 2
        listed = caller.post(call(2, "list_images")).json()["result"]["structuredContent"]["images"]
        assert [row["prompt"] for row in listed] == [PROMPT, PROMPT]
        found = caller.post(call(3, "get_job", job_id=world.job_id)).json()["result"]
        assert found["structuredContent"]["status"] == "completed"
        read = caller.post(request(4, "resources/read", {"uri": f"image://{world.image_id}"})).json()["result"]
        assert read["contents"][0]["blob"]
        asked = filled(MCP_REQUESTS[5][1], world)
        completed = caller.post(request(5, "completion/complete", asked)).json()["result"]["completion"]
        assert len(completed["values"]) == 2


def test_many_images_of_others_do_not_hide_ones_own(world: World) -> None:
    fields = {"prompt": "b", "size": "256x256", "response_format": "url"}
    made = world.rest(B, "POST", "/v1/images/generations", json=fields)
    assert made.status_code == 200
    page = world.rest(A, "GET", "/v1/images?limit=1").json()
    assert page["has_more"]
    rest = world.rest(A, "GET", f"/v1/images?limit=5&after={page['last_id']}").json()
    assert len(rest["data"]) == 1
    other = made.json()["data"][0]["url"].rsplit("/", 1)[1].split(".")[0]
    assert world.rest(A, "GET", f"/v1/images?after={other}").status_code == 400
    assert world.rest(world.admin, "DELETE", f"/v1/images/{other}").json()["deleted"]
