"""The command ``doctor``: which checks pass and fail, and that no secret is shown."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import requests

from cloudflare_image_mcp.settings import SETTINGS
from tests.cli.commands import emulated
from tests.waiting import LONGEST

if TYPE_CHECKING:
    from tests.cli.commands import Home

TOKEN = "a-token-that-nobody-may-see-1234"


def findings(home: Home, status: int = 0) -> dict[str, dict[str, Any]]:
    ran = home.run("doctor", "--json")
    assert ran.status == status, ran.stderr
    report = json.loads(ran.stdout)
    assert report["ok"] is (status == 0)
    return {row["name"]: row for row in report["findings"]}


def test_a_fresh_installation_is_in_order(home: Home) -> None:
    found = findings(home)
    assert {setting.name for setting in SETTINGS} <= set(found)
    assert {row["state"] for row in found.values()} == {"ok", "unset"}
    assert found["backend"]["value"] == "local, because no account is set"
    assert "drawings" in found["artwork"]["value"]
    assert found["store"]["value"].startswith(f"file://{home.path}")
    assert home.pictures == []


def test_every_setting_says_where_it_came_from(home: Home) -> None:
    (home.path / ".env").write_text("DEFAULT_MODEL=flux-2-dev\nIMAGE_EXPIRY_HOURS=2\n")
    found = findings(home.set(IMAGE_EXPIRY_HOURS="3"))
    values = {name: (row["value"], row["source"]) for name, row in found.items()}
    assert values["DEFAULT_MODEL"] == ("flux-2-dev", ".env")
    assert values["IMAGE_EXPIRY_HOURS"] == ("3", "environment")
    assert values["EDIT_FALLBACK"] == ("on", "default")


def test_the_names_of_models_are_shown_whole(home: Home) -> None:
    fallbacks = '{"@cf/black-forest-labs/flux-1-schnell": ["@cf/black-forest-labs/flux-2-dev", "local"]}'
    found = findings(home.set(FALLBACKS=fallbacks))
    assert found["FALLBACKS"]["value"] == fallbacks
    assert found["PROMPT_MODEL"]["value"].startswith("@cf/")


ACCOUNT = {"CLOUDFLARE_ACCOUNT_ID": "a" * 32, "CLOUDFLARE_API_TOKEN": "t" * 40}


@pytest.mark.parametrize(
    ("environ", "name", "words"),
    [
        ({"IMAGE_BACKEND": "workers-ai"}, "backend", "needs CLOUDFLARE_ACCOUNT_ID and CLOUDFLARE_API_TOKEN"),
        ({"CLOUDFLARE_CATALOGUE": "on"}, "catalogue", "set CLOUDFLARE_ACCOUNT_ID and CLOUDFLARE_API_TOKEN"),
        (ACCOUNT | {"CLOUDFLARE_CATALOGUE": "on", "IMAGE_BACKEND": "local"}, "catalogue", "IMAGE_BACKEND is local"),
    ],
)
def test_what_needs_workers_ai_is_broken_without_it_as_for_the_commands(
    home: Home, environ: dict[str, str], name: str, words: str
) -> None:
    with emulated(home) as emulator:
        url = emulator.environ["CLOUDFLARE_API_BASE_URL"]
        set_up = home.set(**environ, CLOUDFLARE_API_BASE_URL=url)
        found = json.loads(set_up.run("doctor", "--json").stdout)["findings"]
        broken = {row["name"]: row["value"] for row in found if row["state"] == "broken"}
        ran = set_up.run("generate", "a dot", "--size", "256x256")
    assert words in broken[name]
    assert ran.status == 8
    assert ran.stderr.strip() == f"Error: {broken[name]}"


def test_a_file_of_keys_that_a_server_does_not_start_with_is_broken(home: Home) -> None:
    file = home.path / "keys.toml"
    file.write_text("[keys.a\n")
    found = findings(home.set(API_KEYS_FILE=str(file)), status=1)
    assert found["API keys"]["state"] == "broken"
    assert "line 1" in found["API keys"]["value"]
    file.write_text(f'[keys.a]\nsha256 = "{"0" * 64}"\nexpires = 2020-01-01\n[keys.b]\nsha256 = "{"1" * 64}"\n')
    assert findings(home.set(API_KEYS_FILE=str(file)))["API keys"]["value"] == "1 valid in API_KEYS_FILE, 0 in API_KEYS"


def test_secrets_are_masked(home: Home) -> None:
    account = "0123456789abcdef0123456789abcdef"
    several = json.dumps([{"account_id": "f" * 32, "api_token": TOKEN + "-2"}])
    set_up = home.set(
        CLOUDFLARE_ACCOUNT_ID=account, CLOUDFLARE_API_TOKEN=TOKEN, AI_ACCOUNTS=several, API_KEYS=f"{TOKEN},{TOKEN}-3"
    )
    with emulated(set_up) as emulator:
        set_up = set_up.set(CLOUDFLARE_API_BASE_URL=emulator.environ["CLOUDFLARE_API_BASE_URL"])
        for arguments in (["doctor"], ["doctor", "--json"]):
            ran = set_up.run(*arguments)
            assert TOKEN not in ran.stdout.decode() + ran.stderr
            assert "f" * 32 not in ran.stdout.decode()
        found = findings(set_up)
    assert found["accounts"]["value"] == "0123•••cdef, ffff•••ffff"
    assert found["backend"]["value"] == "workers-ai, because an account is set"


def test_each_broken_setting_is_found_at_once(home: Home) -> None:
    found = findings(home.set(IMAGE_BACKEND="gpu", EDIT_FALLBACK="perhaps"), status=1)
    assert [name for name, row in found.items() if row["state"] == "broken"] == ["IMAGE_BACKEND", "EDIT_FALLBACK"]


def test_a_store_that_cannot_be_written_to_is_broken(home: Home) -> None:
    (home.path / "file").write_text("")
    set_up = home.set(IMAGE_STORAGE_URL=f"file://{home.path}/file/images")
    assert findings(set_up, status=1)["store"]["state"] == "broken"
    ran = set_up.run("doctor")
    assert ran.status == 1
    assert ran.stderr == "1 broken: store\n"


def test_half_an_account_is_broken(home: Home) -> None:
    found = findings(home.set(CLOUDFLARE_ACCOUNT_ID="a" * 32), status=1)
    assert "is not set; CLOUDFLARE_" in found["accounts"]["value"]


def test_a_line_that_cannot_be_read_is_broken(home: Home) -> None:
    (home.path / ".env").write_text('DEFAULT_MODEL=flux-2-dev\nnot a setting\nAPI_KEYS="one,two\n')
    found = findings(home, status=1)
    assert found["DEFAULT_MODEL"]["source"] == ".env"
    assert (found[".env"]["state"], found["API_KEYS"]["state"]) == ("broken", "unset")
    assert found[".env"]["value"].startswith(f"{home.path / '.env'}: lines 2, 3 left out")


def test_a_default_model_that_does_something_else_is_broken(home: Home) -> None:
    found = findings(home.set(DEFAULT_EDIT_MODEL="flux-1-schnell"), status=1)
    assert found["default models"]["value"].startswith("DEFAULT_EDIT_MODEL must be one of flux-2-klein-4b, ")
    assert found["default models"]["value"].endswith('"flux-1-schnell" can only generate')


def test_models_that_are_newer_than_the_release_are_named(home: Home) -> None:
    assert findings(home)["catalogue"]["value"].startswith("off")
    schema = {"input": {"type": "object", "properties": {"prompt": {"type": "string"}}, "required": ["prompt"]}}
    with emulated(home) as emulator:
        base = emulator.environ["CLOUDFLARE_API_BASE_URL"]
        address = base.removesuffix("/client/v4")
        requests.put(f"{address}/emulator/models/acme/brush-9", data=json.dumps(schema), timeout=LONGEST)
        account = {"CLOUDFLARE_ACCOUNT_ID": "demo", "CLOUDFLARE_API_TOKEN": "demo", "CLOUDFLARE_CATALOGUE": "on"}
        found = findings(home.set(CLOUDFLARE_API_BASE_URL=base, **account))
    assert found["catalogue"]["value"].endswith("models, and newer than this release: acme/brush-9")
