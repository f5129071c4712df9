"""With an account: the emulator stands in for Workers AI, so every call really goes over the wire."""

from __future__ import annotations

import io
import json
import re
import signal
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from tests.cli.commands import Home, emulated
from tests.emulator.calling import calls, holding
from tests.ports import free_port
from tests.rest.pictures import mask, picture
from tests.waiting import LONGEST, wait_for

if TYPE_CHECKING:
    import subprocess
    import threading
    from collections.abc import Iterator


STORING = "\nStoring images that are already paid for; interrupt again to discard them.\n"


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with emulated(Home(tmp_path_factory.mktemp("emulator"))) as home:
        yield home


def test_neurons_and_ignored_parameters_are_reported(account: Home) -> None:
    ran = account.run("generate", "a red fox", "--seed", "7", "--size", "512x512", "--json", "-o", "reported/")
    assert ran.status == 0, ran.stderr
    report = json.loads(ran.stdout)
    assert (report["backend"], report["seed"], report["size"]) == ("workers-ai", None, "512x512")
    assert report["neurons"] > 0
    assert "seed is not supported by flux-1-schnell and was ignored" in report["warnings"]
    assert "Warning: seed is not supported by flux-1-schnell and was ignored\n" in ran.stderr
    assert report["paths"] == [
        str(account.path / "reported" / f"a-red-fox.{'jpg' if report['images'][0]['format'] == 'jpeg' else 'png'}")
    ]
    with Image.open(report["paths"][0]) as picture:
        assert picture.size == (512, 512)


def test_the_cache_outlives_the_command(account: Home) -> None:
    home = account.set(IMAGE_CACHE="on")
    command = ("generate", "a dot", "--model", "flux-2-klein-4b", "--size", "256x256", "--seed", "3")
    first, second = home.run(*command, "--json", "-o", "first/"), home.run(*command, "--json", "-o", "second/")
    reports = [json.loads(ran.stdout) for ran in (first, second)]
    assert [report["cache"] for report in reports] == ["miss", "hit"]
    assert [report["neurons"] > 0 for report in reports] == [True, False]
    files = [Path(report["paths"][0]).read_bytes() for report in reports]
    assert files[0] == files[1]
    assert "from the cache\n" in home.run(*command, "-o", "third/").stderr


def neurons(account: Home) -> dict[str, dict[str, Any]]:
    """The neurons in ``doctor``'s report, by the account's label."""
    ran = account.run("doctor", "--json")
    assert ran.status == 0, ran.stderr
    rows = {row["name"]: row for row in json.loads(ran.stdout)["findings"]}
    return {name.removeprefix("neurons "): row for name, row in rows.items() if name.startswith("neurons ")}


def test_doctor_adds_up_what_other_processes_spent(account: Home, tmp_path: Path) -> None:
    several = json.dumps([{"account_id": "f" * 32, "api_token": "b" * 40}])
    home = Home(tmp_path, account.environ)
    ledger = home.set(AI_ACCOUNTS=several)
    unspent = "0.00 today, 10,000.00 left of the free 10,000; the next day begins at "
    before = datetime.now(UTC)
    assert [row["value"][: len(unspent)] for row in neurons(ledger).values()] == [unspent] * 2
    first, second = (json.loads(home.run("generate", "a fox", "--json").stdout)["neurons"] for _ in range(2))
    assert first == second == 172.8
    rows = neurons(ledger)
    if datetime.now(UTC).date() != before.date():
        pytest.skip("midnight UTC came in between")
    assert {name: (row["figures"]["spent"], row["figures"]["left"]) for name, row in rows.items()} == {
        "0123•••cdef": (345.6, 9654.4),
        "ffff•••ffff": (0, 10_000),
    }
    reset = datetime.fromisoformat(rows["0123•••cdef"]["figures"]["reset"])
    assert (reset.utcoffset(), reset.time(), reset.date() - before.date()) == (timedelta(0), time(), timedelta(days=1))
    assert f"the next day begins at {reset:%Y-%m-%d} 00:00 UTC" in ledger.run("doctor").stdout.decode()
    assert "345.60 today, 9,654.40 left" in ledger.run("doctor").stdout.decode()


def test_the_ledger_is_where_it_is_set_and_its_absence_stops_nothing(account: Home, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    elsewhere = Home(tmp_path, account.environ).set(NEURON_LEDGER_URL=(tmp_path / "ledger").as_uri())
    in_the_way = elsewhere.set(NEURON_LEDGER_URL=f"file://{tmp_path}/file/ledger")
    made = in_the_way.run("generate", "a fox", "--json", "--n", "2")
    assert made.status == 0
    assert made.stderr.count("neurons are counted in this process alone") == 1
    ran = in_the_way.run("doctor")
    assert (ran.status, ran.stderr) == (1, "1 broken: neurons\n")
    assert elsewhere.run("generate", "a fox").status == 0
    assert neurons(elsewhere)["0123•••cdef"]["figures"]["spent"] == 172.8
    assert len(list((tmp_path / "ledger").iterdir())) == 1


@pytest.mark.parametrize("url", ["redis://localhost", "file://relative/path", "ledger"])
def test_a_ledger_that_cannot_be(account: Home, url: str) -> None:
    cloud = account.set(NEURON_LEDGER_URL=url)
    ran = cloud.run("generate", "a fox")
    assert ran.status == 8
    assert "NEURON_LEDGER_URL must be file:///directory or memory:" in ran.stderr
    assert cloud.run("doctor").stderr == "1 broken: neurons\n"


def test_a_ledger_in_memory_is_not_doctors_to_read(account: Home) -> None:
    assert "counted in each process" in account.set(NEURON_LEDGER_URL="memory:").run("doctor").stdout.decode()


@pytest.mark.parametrize(
    ("token", "answer"),
    [
        ("wrong", "HTTP 401, code 10000"),
        ("short", "HTTP 400, code 9106"),
        ("foreign", "HTTP 403, code 10000"),
        ("unpermitted", "HTTP 403, code 10000"),
    ],
)
def test_doctor_says_which_account_is_not_accepted(account: Home, token: str, answer: str) -> None:
    several = json.dumps([{"account_id": "f" * 32, "api_token": token}])
    ran = account.set(AI_ACCOUNTS=several).run("doctor", "--json")
    rows = {row["name"]: row for row in json.loads(ran.stdout)["findings"]}
    assert rows["account 0123•••cdef"]["state"] == "ok"
    assert rows["account ffff•••ffff"]["state"] == "broken"
    assert answer in rows["account ffff•••ffff"]["value"]
    assert "the permission Workers AI" in rows["account ffff•••ffff"]["value"]
    assert (ran.status, ran.stderr) == (1, "1 broken: account ffff•••ffff\n")


@pytest.mark.parametrize(
    ("address", "words"),
    [("http://127.0.0.1:{closed}", "cannot be reached"), ("{emulator}", "HTTP 404, code 7000 instead of the list")],
)
def test_doctor_reports_an_unreachable_service(account: Home, address: str, words: str) -> None:
    emulator = account.environ["CLOUDFLARE_API_BASE_URL"].removesuffix("/client/v4")
    there = account.set(CLOUDFLARE_API_BASE_URL=address.format(closed=free_port(), emulator=emulator))
    ran = there.run("doctor")
    assert words in ran.stdout.decode()
    assert (ran.status, ran.stderr) == (1, "1 broken: account 0123•••cdef\n")


def test_what_surrounds_a_token_is_no_part_of_it(account: Home) -> None:
    ran = account.set(CLOUDFLARE_API_TOKEN="  " + "a" * 40 + "\n").run("generate", "a fox", "-o", "surrounded.png")
    assert (ran.status, ran.lines) == (0, ["surrounded.png"]), ran.stderr


def test_a_masked_edit_over_the_wire(account: Home) -> None:
    (account.path / "red.png").write_bytes(picture(512, 512))
    (account.path / "mask.png").write_bytes(mask(512, 512))
    ran = account.run("edit", "red.png", "--prompt", "a tree", "--mask", "mask.png", "-o", "-", "--format", "png", "-q")
    assert ran.status == 0, ran.stderr
    edited = Image.open(io.BytesIO(ran.stdout)).convert("RGB")
    assert edited.size == (512, 512)
    assert edited.crop((320, 0, 512, 512)).getcolors() == [(192 * 512, (200, 40, 40))]


def test_an_error_is_printed_once_and_debug_shows_the_log(account: Home) -> None:
    ran = account.run("generate", "nsfw")
    assert re.fullmatch(r"Error: [^\n]*\(code 3030\)\.\n", ran.stderr)
    shown = account.run("--debug", "generate", "nsfw").stderr
    assert re.search(r"WARNING - cloudflare_image_mcp\.\S+: upstream failure: .* code=3030 attempt=1 ", shown)
    assert shown.endswith(ran.stderr)


def test_a_refused_prompt_is_status_4(account: Home) -> None:
    ran = account.run("generate", "nsfw", "--json")
    assert ran.status == 4
    assert json.loads(ran.stdout)["error"]["code"] == "content_policy_violation"


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("3036:1", 5, "insufficient_quota"),
        ("10000:1", 8, "upstream_authentication_error"),
    ],
)
def test_the_service_s_own_refusals(home: Home, fault: str, status: int, code: str) -> None:
    with emulated(home, "--faults", fault) as account:
        ran = account.run("generate", "a red fox", "--json")
    assert ran.status == status, ran.stderr
    report = json.loads(ran.stdout)
    assert (report["error"]["code"], report["exit_code"]) == (code, status)
    assert "a" * 40 not in ran.stderr + ran.stdout.decode()


@contextmanager
def generating(home: Home, *options: str) -> Iterator[tuple[subprocess.Popen[bytes], threading.Event]]:
    """The command, once it has called the model, which answers when the event is set."""
    with holding() as (emulator, released):
        process = home.set_account(emulator).start("generate", "a red fox", *options)
        wait_for(lambda: calls(emulator), "the model was not called", process)
        yield process, released


def interrupt(process: subprocess.Popen[bytes]) -> None:
    """Ctrl-C, after which the command says that it waits for the image."""
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    shown = b"".join(process.stderr.readline() for _ in STORING.splitlines())
    assert shown.decode() == STORING


def test_ctrl_c_stores_what_is_already_paid_for(home: Home) -> None:
    with generating(home, "--size", "512x512") as (process, released):
        interrupt(process)
        released.set()
        output, errors = process.communicate(timeout=LONGEST)
    assert (process.returncode, output, errors) == (130, b"", b"\nError: interrupted\n")
    (stored,) = home.pictures
    (path,) = home.path.rglob(stored)
    assert "images" in path.parts
    with Image.open(path) as image:
        assert image.size == (512, 512)


def test_a_second_ctrl_c_does_not_wait(home: Home) -> None:
    with generating(home) as (process, _):
        interrupt(process)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=LONGEST)
    assert (process.returncode, errors) == (130, b"\nError: interrupted\n")
    assert home.pictures == []


def test_an_image_that_cannot_be_written_goes_into_the_store(home: Home) -> None:
    target = home.path / "out"
    with generating(home, "--size", "512x512", "-o", "out/") as (process, released):
        target.rmdir()
        target.write_text("in the way")
        released.set()
        _, errors = process.communicate(timeout=LONGEST)
    assert process.returncode == 7
    assert b"the image is kept in the store as image://" in errors
    assert len(home.pictures) == 1


def test_an_image_is_stored_when_the_reader_of_stdout_is_gone(home: Home) -> None:
    with emulated(home) as account:
        process = account.start("generate", "a red fox", "--size", "512x512", "-o", "-")
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        errors = process.stderr.read().decode()
        assert process.wait(LONGEST) == 7
    (stored,) = home.pictures
    assert errors == f"Error: standard output was closed; the image is kept in the store as image://{stored}\n"
