"""models: the table, one model, and JSON as the REST API answers it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
import requests

from cloudflare_image_mcp.catalog import models
from tests.live import gateway, workers_ai_at
from tests.ports import free_port
from tests.waiting import LONGEST

if TYPE_CHECKING:
    from tests.cli.commands import Home


def test_the_table_has_every_model(home: Home) -> None:
    ran = home.run("models")
    assert ran.status == 0
    rows = {line.split()[0]: line for line in ran.lines if line.strip()}
    for model in models().values():
        assert model.best_for in rows[model.short_name]
        assert (
            " ".join(task for task in ("generate", "edit", "vary") if task in model.promise.tasks)
            in rows[model.short_name]
        )


@pytest.mark.parametrize("name", ["flux-2-dev", "@cf/black-forest-labs/flux-2-dev"])
def test_one_model(home: Home, name: str) -> None:
    text = home.run("models", name).stdout.decode()
    model = models()["@cf/black-forest-labs/flux-2-dev"]
    for parameter in model.promise.parameters:
        assert f"\n {parameter} " in text
    assert model.id in text
    assert all(str(size) in text for size in model.promise.sizes.listed)


def test_json_is_the_list_of_the_rest_api(home: Home) -> None:
    listing = json.loads(home.run("models", "--json").stdout)
    assert [row["id"] for row in listing["data"]] == list(models())
    assert {row["backend"] for row in listing["data"]} == {"local"}
    one = json.loads(home.run("models", "flux-1-schnell", "--json").stdout)
    assert one == listing["data"][0]


@pytest.mark.parametrize(("settings", "expected"), [({}, False), ({"CLOUDFLARE_CATALOGUE": "on"}, True)])
def test_json_of_an_account_is_that_of_the_rest_api(home: Home, settings: dict[str, str], *, expected: bool) -> None:
    account = workers_ai_at(f"http://127.0.0.1:{free_port()}", IMAGE_BACKEND="workers-ai", **settings)
    one = json.loads(home.set(**account).run("models", "flux-2-dev", "--json").stdout)
    with gateway(home.path / "images", **account) as origin:
        assert one == requests.get(f"{origin}/v1/models/flux-2-dev", timeout=LONGEST).json()
    assert one["transparent_background"] is expected


@pytest.mark.parametrize("name", ["dall-e-3", "gpt-image-2", "house"])
def test_a_name_that_stands_for_a_model_is_described_as_in_the_rest_api(home: Home, name: str) -> None:
    named = home.set(MODEL_ALIASES='{"house": "flux-2-dev", "gpt-image-2": "flux-2-dev"}')
    one = json.loads(named.run("models", name, "--json").stdout)
    with gateway(home.path / "images", MODEL_ALIASES=named.environ["MODEL_ALIASES"]) as origin:
        assert one == requests.get(f"{origin}/v1/models/{name}", timeout=LONGEST).json()
    text = " ".join(named.run("models", name).stdout.decode().split())
    assert f"stands for {one['alias_of']}" in text


def test_a_model_whose_edits_another_makes_says_which_and_at_what_price(home: Home) -> None:
    cloud = home.set(CLOUDFLARE_ACCOUNT_ID="a" * 32, CLOUDFLARE_API_TOKEN="t" * 40)
    rows = json.loads(cloud.run("models", "--json").stdout)["data"]
    others = {row["id"].rpartition("/")[2]: row["edits_made_by"] for row in rows if row["edits_made_by"]}
    assert {"stable-diffusion-xl-base-1.0", "dreamshaper-8-lcm", "stable-diffusion-v1-5-img2img"} <= others.keys()
    assert others["dreamshaper-8-lcm"] == {
        "model": "@cf/black-forest-labs/flux-2-klein-4b",
        "price": {"neurons": 109.55, "usd": 0.001205, "per": "edit of one image at 1024x1024 and default steps"},
    }
    text = " ".join(cloud.run("models", "dreamshaper-8-lcm").stdout.decode().split())
    assert "edits made by @cf/black-forest-labs/flux-2-klein-4b, $0.0012 for an edit" in text
    off = cloud.set(EDIT_FALLBACK="off")
    assert json.loads(off.run("models", "dreamshaper-8-lcm", "--json").stdout)["edits_made_by"] is None


def test_what_the_backend_ignores_is_shown(home: Home) -> None:
    cloud = home.set(CLOUDFLARE_ACCOUNT_ID="a" * 32, CLOUDFLARE_API_TOKEN="t" * 40)
    here, there = (json.loads(where.run("models", "flux-1-schnell", "--json").stdout) for where in (home, cloud))
    assert (here["backend"], here["parameters"]["seed"]["supported"]) == ("local", True)
    assert (there["backend"], there["parameters"]["seed"]["supported"]) == ("workers-ai", False)


@pytest.mark.parametrize(
    ("columns", "headings"),
    [
        (132, ["model", "tasks", "mask", "price", "steps", "sizes", "best for"]),
        (80, ["model", "tasks", "mask", "price"]),
        (40, ["model"]),
    ],
)
def test_a_narrow_terminal_gets_fewer_columns_and_whole_words(home: Home, columns: int, headings: list[str]) -> None:
    cloud = home.set(CLOUDFLARE_ACCOUNT_ID="a" * 32, CLOUDFLARE_API_TOKEN="t" * 40)
    ran = cloud.run_in_terminal("models", columns=columns)
    table = [line.rstrip() for line in ran.shown.split("Prices are")[0].splitlines() if line.strip()]
    assert max(map(len, table)) <= columns
    assert re.split(r" {2,}", table[0].strip()) == headings
    rows = [re.split(r" {2,}", line.strip()) for line in table[2:]]
    assert [row[0] for row in rows] == [model.short_name for model in models().values()]
    assert {len(row) for row in rows} == {len(headings)}


def test_prices_are_shown_only_where_they_are_asked(home: Home) -> None:
    cloud = home.set(CLOUDFLARE_ACCOUNT_ID="a" * 32, CLOUDFLARE_API_TOKEN="t" * 40)
    assert "$" in cloud.run("models").stdout.decode()
    assert json.loads(cloud.run("models", "flux-1-schnell", "--json").stdout)["price"]["neurons"] == 172.8
    here = home.run("models")
    assert "$" not in here.stdout.decode()
    assert "nothing is billed" in here.stderr
    assert json.loads(home.run("models", "flux-1-schnell", "--json").stdout)["price"] is None
    assert "nothing is billed" in home.run("models", "flux-1-schnell").stdout.decode()


def test_the_shell_completes_model_names(home: Home) -> None:
    asking = {"_CLOUDFLARE_IMAGE_MCP_COMPLETE": "bash_complete", "COMP_CWORD": "3"}
    for command in ("generate --model", "edit -m"):
        ran = home.set(COMP_WORDS=f"cloudflare-image-mcp {command} flux-2-k", **asking).run()
        assert ran.lines == ["plain,flux-2-klein-4b", "plain,flux-2-klein-9b"]
