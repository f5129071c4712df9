"""Named API keys: the command ``keys``, and how a running server reads their file."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Any

import pytest
import requests

from cloudflare_image_mcp.catalog import Operation, models
from cloudflare_image_mcp.cli.keys import _OPERATIONS
from cloudflare_image_mcp.errors import SettingError
from cloudflare_image_mcp.settings import Settings
from cloudflare_image_mcp.usage.key_file import read_keys
from cloudflare_image_mcp.usage.named_keys import parse_named_keys
from tests.cli.commands import Home
from tests.live import gateway
from tests.mcp_server.test_json_answers import call
from tests.mcp_server.test_owners import Caller
from tests.waiting import LONGEST, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HASH = hashlib.sha256(b"secret").hexdigest()


class Keys:
    """The command ``keys`` on a file, and a server that reads it."""

    def __init__(self, home: Home, file: Path) -> None:
        self.home = home.set(API_KEYS_FILE=str(file))
        self.file = file
        self.origin = ""

    def add(self, *arguments: str) -> str:
        ran = self.home.run("keys", "add", *arguments)
        assert ran.status == 0, ran.stderr
        return ran.stdout.decode().strip()

    def get(self, key: str, path: str) -> requests.Response:
        return requests.get(f"{self.origin}{path}", headers={"Authorization": f"Bearer {key}"}, timeout=LONGEST)

    def post(self, key: str, path: str = "/v1/images/generations", **fields: Any) -> requests.Response:
        body = {"prompt": "a red dot", "size": "256x256", "response_format": "b64_json", **fields}
        headers = {"Authorization": f"Bearer {key}"}
        return requests.post(f"{self.origin}{path}", json=body, headers=headers, timeout=LONGEST)

    def wait_for_status(self, key: str, status: int) -> None:
        """The file is read again within some seconds."""
        wait_for(lambda: self.post(key).status_code == status, f"the key is not answered with {status}")


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keys]:
    folder = tmp_path_factory.mktemp("keys")
    file = folder / "keys.toml"
    kept = Keys(Home(folder), file)
    file.write_text("# of the team\n", "utf-8")
    kept.add("first", "--admin")
    text = f'[keys.narrow]\nsha256 = "{HASH}"\nmodels = ["flux-*"]'
    with gateway(folder / "images", API_KEYS_FILE=str(file), API_KEYS="old key", API_KEYS_TOML=text) as origin:
        kept.origin = origin
        yield kept


def test_a_key_is_printed_once_and_only_its_hash_is_kept(keys: Keys) -> None:
    key = keys.add("hashed")
    text = keys.file.read_text("utf-8")
    assert key not in text
    assert hashlib.sha256(key.encode()).hexdigest() in text
    assert text.startswith("# of the team")
    assert keys.file.stat().st_mode & 0o077 == 0
    assert keys.home.run("keys", "add", "hashed").status == 2


def test_a_new_key_is_valid_without_a_restart_and_a_revoked_one_is_not(keys: Keys) -> None:
    key = keys.add("short-lived")
    keys.wait_for_status(key, 200)
    assert keys.home.run("keys", "revoke", "short-lived").status == 0
    keys.wait_for_status(key, 401)
    assert keys.post(key).json()["error"]["code"] == "invalid_api_key"
    assert b"short-lived: revoked" in keys.home.run("keys", "list").stdout
    assert keys.home.run("keys", "revoke", "nobody").status == 2


def test_an_expired_key_is_refused(keys: Keys) -> None:
    key, other = keys.add("past", "--expires", "2020-01-01"), keys.add("future", "--expires", "2100-01-01")
    keys.wait_for_status(other, 200)
    assert keys.post(key).status_code == 401


def test_keys_of_all_settings_count(keys: Keys) -> None:
    assert keys.post("old key").status_code == 200
    assert keys.post("secret").status_code == 200
    assert keys.post("secret", model="lucid-origin").status_code == 403
    assert keys.post("").status_code == 401


def test_what_a_key_may_not_do_is_403_in_every_interface(keys: Keys) -> None:
    key = keys.add("limited", "--models", "FLUX-1-*", "--operations", "generate")
    keys.wait_for_status(key, 200)
    refused = keys.post(key, model="lucid-origin")
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "not_allowed")
    assert refused.json()["error"]["param"] == "model"
    assert "lucid-origin" in refused.json()["error"]["message"]
    image = keys.post(key).json()["data"][0]["b64_json"]
    assert keys.post(key, "/v1/images/edits", image=image).status_code == 403
    message = {"role": "user", "content": "a red dot"}
    chat = keys.post(key, "/v1/chat/completions", model="lucid-origin", messages=[message])
    assert chat.status_code == 403
    caller = Caller(keys.origin, key)
    made = caller.post(call(2, "run_model", prompt="x", size="256x256")).json()["result"]
    assert not made.get("isError")
    over_mcp = caller.post(call(3, "run_model", prompt="x", model="lucid-origin")).json()["result"]
    assert over_mcp["isError"]
    assert "may not use lucid-origin" in over_mcp["content"][0]["text"]


def test_a_key_is_shown_the_models_that_it_may_use(keys: Keys) -> None:
    key = keys.add("painter", "--models", "flux-2-*", "--operations", "edit")
    wait_for(lambda: keys.get(key, "/v1/models").status_code == 200, "the key is not known")
    rows = keys.get(key, "/v1/models").json()["data"]
    own = [row["id"] for row in rows if not row.get("alias_of")]
    assert own == [model.id for model in models().values() if model.short_name.startswith("flux-2-")]
    # They stand for FLUX.2 [klein] 4B in edits.
    assert "dall-e-2" in [row["id"] for row in rows]
    caller = Caller(keys.origin, key)
    listed = caller.post(call(2, "list_models")).json()["result"]
    assert [row["id"] for row in listed["structuredContent"]["models"]] == own
    assert listed["content"][0]["text"].startswith("3 models ")
    other = keys.add("generator", "--models", "flux-1-*", "--models", "*-inpainting", "--operations", "generate")
    wait_for(lambda: keys.get(other, "/v1/models").status_code == 200, "the key is not known")
    shown = keys.get(other, "/v1/models").json()["data"]
    assert "dall-e-2" in [row["id"] for row in shown]
    assert [row["id"] for row in shown if not row.get("alias_of")] == ["@cf/black-forest-labs/flux-1-schnell"]


def test_a_name_whose_model_the_key_may_not_use_is_not_listed(keys: Keys) -> None:
    # The names of OpenAI stand for FLUX.2 [klein] 4B in edits alone.
    key = keys.add("flux-2-only", "--models", "flux-2-*", "--operations", "generate")
    wait_for(lambda: keys.get(key, "/v1/models").status_code == 200, "the key is not known")
    assert [row["id"] for row in keys.get(key, "/v1/models").json()["data"] if row.get("alias_of")] == []


def test_a_broken_file_leaves_the_last_good_keys_in_force(keys: Keys, caplog: pytest.LogCaptureFixture) -> None:
    key, before = keys.add("lasting"), keys.file.read_text("utf-8")
    keys.wait_for_status(key, 200)
    try:
        keys.file.write_text("[keys.lasting\n", "utf-8")
        wait_for(lambda: keys.post(key).status_code == 200 and "stay in force" in caplog.text, "stay in force")
        keys.file.unlink()
        wait_for(lambda: keys.post(key).status_code == 200 and "does not exist" in caplog.text, "does not exist")
        assert keys.home.run("keys", "list").status == 8
    finally:
        keys.file.write_text(before, "utf-8")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (f'[keys.a]\nsha256 = "{HASH}"\nmodel = ["x"]', "keys.a.model"),
        ('[keys.a]\nsha256 = "short"', "keys.a.sha256 must be the SHA-256 hash of the key"),
        ("[keys.a]\nadmin = true", "keys.a.sha256 is required"),
        ("[keys]\na = 3", "keys.a must be a table"),
        (f'[keys.a]\nsha256 = "{HASH}"\nmodels = []', r"keys.a.models must be a list of patterns, .*, not \[\]"),
        (f'[keys.a]\nsha256 = "{HASH}"\noperations = []', "keys.a.operations must be a list of some of .*, not"),
        (f'[keys.a]\nsha256 = "{HASH}"\nexpires = "soon"', 'keys.a.expires must be a date or a time, .*, not "soon"'),
        (f'[keys.a]\nsha256 = "{HASH}"\noperations = ["draw"]', 'keys.a.operations.*not "draw"'),
        (f'[keys.a]\nsha256 = "{HASH}"\nimages_per_day = 0', "keys.a.images_per_day.*not 0"),
        (f'[keys.a]\nsha256 = "{HASH}"\nkey = "{HASH}"', "keys.a.key"),
        (f'[keys.a]\nsha256 = "{HASH}"\n[keys.b]\nsha256 = "{HASH}"', "keys.a and keys.b"),
        (f'[keys."a b"]\nsha256 = "{HASH}"', "a b"),
        (f'[keys.api-keys-1]\nsha256 = "{HASH}"', "api-keys-1"),
        ("[other]\na = 1", "other"),
        ("keys = 3", "keys"),
        ("[keys\n", "line 1"),
    ],
)
def test_a_mistake_is_named_with_its_place(text: str, named: str) -> None:
    with pytest.raises(ValueError, match=named) as raised:
        parse_named_keys(text)
    assert HASH not in str(raised.value)


@pytest.mark.parametrize("amount", ["nan", "inf", "0", "-1", "many"])
def test_a_limit_that_is_no_finite_amount_leaves_the_file_as_it_was(keys: Keys, amount: str) -> None:
    before = keys.file.read_bytes()
    ran = keys.home.run("keys", "add", "spender", "--usd-per-day", amount)
    assert ran.status == 2
    assert "--usd-per-day" in ran.stderr
    assert amount in ran.stderr
    assert keys.file.read_bytes() == before


def test_the_file_keeps_its_owner_and_rights(tmp_path: Path) -> None:
    """The server may run as another user than the one who adds a key."""
    file = tmp_path / "keys.toml"
    home = Home(tmp_path).set(API_KEYS_FILE=str(file))
    assert home.run("keys", "add", "first").status == 0
    assert file.stat().st_mode & 0o777 == 0o600
    owner = (4321, 1234) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
    os.chown(file, *owner)
    file.chmod(0o640)
    assert home.run("keys", "add", "second").status == 0
    after = file.stat()
    assert (after.st_uid, after.st_gid, after.st_mode & 0o777) == (*owner, 0o640)
    assert list(read_keys(file)) == ["first", "second"]
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["keys.toml"]


def test_the_folder_of_the_file_is_made(tmp_path: Path) -> None:
    file = tmp_path / "etc" / "gateway" / "keys.toml"
    assert Home(tmp_path).set(API_KEYS_FILE=str(file)).run("keys", "add", "first").status == 0
    assert list(read_keys(file)) == ["first"]


def test_a_server_does_not_start_without_its_file(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="does not exist"):
        read_keys(tmp_path / "missing.toml")
    with pytest.raises(SettingError, match="API_KEYS_FILE must be the absolute path"):
        Settings.read({"API_KEYS_FILE": "keys.toml"})


def test_a_text_of_keys_that_cannot_be_used_is_a_broken_setting(tmp_path: Path) -> None:
    text = f'[keys.a]\nsha256 = "{HASH}"\nimages_per_day = 0'
    with pytest.raises(SettingError, match=r"API_KEYS_TOML must be TOML tables .*keys\.a\.images_per_day") as raised:
        Settings.read({"API_KEYS_TOML": text})
    assert HASH not in str(raised.value)
    broken = Home(tmp_path).set(API_KEYS_TOML=text).run("serve", "--port", "0")
    assert broken.status == 8
    assert HASH not in broken.stderr
    found = Home(tmp_path).set(API_KEYS_TOML=text.removesuffix("0") + "5").run("doctor", "--json")
    assert "1 valid in API_KEYS_TOML" in found.stdout.decode()


def test_a_key_may_be_limited_to_any_operation() -> None:
    assert list(_OPERATIONS) == list(Operation)
