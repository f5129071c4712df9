"""``batch``: OpenAI's batch format in and out, and nothing made twice after an interruption."""

from __future__ import annotations

import base64
import json
import re
import signal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pytest
from openai.types import ImagesResponse
from PIL import Image

from tests.cli.commands import Home
from tests.emulator.calling import calls, holding
from tests.rest.pictures import picture
from tests.waiting import LONGEST, wait_for

GENERATIONS = "/v1/images/generations"
CLI_PAGE = Path(__file__).parents[2] / "docs" / "cli.md"


def line(custom_id: str, url: str = GENERATIONS, **body: Any) -> dict[str, Any]:
    fields = {"prompt": "a red fox", "size": "256x256", "seed": 1, **body}
    return {"custom_id": custom_id, "method": "POST", "url": url, "body": fields}


def written(home: Home, *lines: dict[str, Any]) -> str:
    (home.path / "requests.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n\n", "utf-8")
    return "requests.jsonl"


def rows(home: Home, name: str = "output.jsonl") -> dict[str, dict[str, Any]]:
    """The lines of a result file by their custom_id, of which none comes twice."""
    found = [json.loads(text) for text in (home.path / "out" / name).read_text("utf-8").splitlines()]
    by_id = {row["custom_id"]: row for row in found}
    assert len(by_id) == len(found)
    return by_id


def files_of(row: dict[str, Any]) -> list[Path]:
    return [Path(url2pathname(urlsplit(image["url"]).path)) for image in row["response"]["body"]["data"]]


def test_results_have_openais_form_and_images_their_files(tmp_path: Path) -> None:
    home = Home(tmp_path)
    image = base64.b64encode(picture(256, 256)).decode()
    file = written(
        home,
        line("fox"),
        line("two", n=2, response_format="b64_json", unknown=1),
        line("../Étude 1", "/v1/images/edits", image=image, prompt="make it blue"),
        line("vary", "/v1/images/variations", image=image),
        line("wrong", steps=999),
        line("misspelt", prompt=None, promt="a red fox"),
        {**line("asks"), "body": {"prompt": "a fox", "size": "256x256", "async": True, "stream": True}},
    )
    ran = home.run("batch", file, "-o", "out")
    assert ran.status == 2, ran.stderr
    assert "5 of 7 requests done; 2 failed: see errors.jsonl" in ran.stderr
    assert ran.lines == [str(Path("out", "output.jsonl"))]
    done = rows(home)
    assert done.keys() == {"fox", "two", "../Étude 1", "vary", "asks"}
    for row in done.values():
        assert row.keys() == {"id", "custom_id", "response", "error"}
        assert row["error"] is None
        assert row["id"].startswith("batch_req_")
        response = row["response"]
        assert response["status_code"] == 200
        assert response["request_id"].startswith("req_")
        assert ImagesResponse.model_validate(response["body"]).data
        for path in files_of(row):
            assert path.parent == (tmp_path / "out").resolve()
            with Image.open(path) as opened:
                opened.load()
                assert opened.size == (256, 256)
    assert [path.name for path in files_of(done["two"])] == ["two-1.png", "two-2.png"]
    two = done["two"]["response"]["body"]
    assert [base64.b64decode(row["b64_json"]) for row in two["data"]] == [
        path.read_bytes() for path in files_of(done["two"])
    ]
    assert any("unknown" in warning for warning in two["warnings"])
    errors = {name: row["response"] for name, row in rows(home, "errors.jsonl").items()}
    assert [errors[name]["status_code"] for name in ("wrong", "misspelt")] == [400, 400]
    assert errors["wrong"]["body"]["error"]["param"] == "steps"
    assert "did you mean prompt?" in errors["misspelt"]["body"]["error"]["message"]

    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir() if path.suffix == ".png"}
    again = home.run("batch", file, "-o", "out")
    assert again.status == 2
    assert "5 of 7 requests were done before; 0 of 2 requests done; 2 failed" in again.stderr
    assert rows(home) == done
    assert before == {
        path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir() if path.suffix == ".png"
    }


def test_the_documented_file_is_taken(tmp_path: Path) -> None:
    block = re.search(r"^```jsonl\n(.+?)^```$", CLI_PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert block is not None
    (tmp_path / "requests.jsonl").write_text(block[1], "utf-8")
    ran = Home(tmp_path).run("batch", "requests.jsonl", "-o", "out", "-q")
    assert (ran.status, ran.stderr) == (0, "")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        *("fox.png", "owl-1.png", "owl-2.png", "output.jsonl", "errors.jsonl")
    }


def test_no_request_overwrites_the_images_of_another(tmp_path: Path) -> None:
    home = Home(tmp_path)
    files: set[Path] = set()
    # "fox-1" against what the first command has made, "owl" against the line before it.
    for lines in ([line("fox", n=2)], [line("fox"), line("fox-1"), line("owl-2"), line("owl", n=2)]):
        ran = home.run("batch", written(home, *lines), "-o", "out", "--parallel", "1")
        assert ran.status == 0, ran.stderr
    for row in rows(home).values():
        for path in files_of(row):
            assert path not in files
            assert path.stat().st_size
            files.add(path)
    names = sorted(path.name for path in files)
    assert {"fox-1.png", "fox-2.png", "owl-2.png"} < set(names)
    assert len(names) == 6


def test_a_long_id_makes_a_name_that_the_file_system_takes(tmp_path: Path) -> None:
    home = Home(tmp_path)
    wide, narrow = "\U00020000" * 90, "x" * 300
    ran = home.run("batch", written(home, line(wide, n=2), line(narrow)), "-o", "out")
    assert ran.status == 0, ran.stderr
    names = [path.name for row in rows(home).values() for path in files_of(row) if path.exists()]
    assert len(set(names)) == 3
    again = home.run("batch", "requests.jsonl", "-o", "out")
    assert (again.status, again.stderr) == (0, "2 of 2 requests were done before\n")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("{", "line 1 is not JSON"),
        ("[]", "line 1 must be an object"),
        (json.dumps(line("")), "line 1: custom_id must be"),
        (json.dumps({**line("a"), "url": "/v1/chat/completions"}), "line 1: url must be one of"),
        (json.dumps({**line("a"), "method": "GET"}), "line 1: method must be POST"),
        (json.dumps({**line("a"), "body": 3}), "line 1: body must be"),
        (f"{json.dumps(line('a'))}\n\n{json.dumps(line('a'))}", "line 3: line 1 has the same custom_id"),
    ],
)
def test_a_line_that_is_no_request_is_named_before_anything_is_made(tmp_path: Path, text: str, named: str) -> None:
    (tmp_path / "requests.jsonl").write_text(text, "utf-8")
    ran = Home(tmp_path).run("batch", "requests.jsonl", "-o", "out")
    assert (ran.status, ran.stdout) == (2, b"")
    assert f"requests.jsonl {named}" in ran.stderr
    assert not (tmp_path / "out").exists()


def test_files_that_are_not_there_and_folders_that_are_no_folders(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert home.run("batch", "none.jsonl", "-o", "out").status == 3
    (tmp_path / "out").write_text("in the way")
    assert home.run("batch", written(home, line("a")), "-o", "out").status == 7


def test_a_bar_counts_on_a_terminal(tmp_path: Path) -> None:
    home = Home(tmp_path)
    ran = home.run_in_terminal("batch", written(home, *(line(str(number)) for number in range(3))), "-o", "out")
    assert ran.status == 0, ran.shown
    assert "Making images" in ran.shown
    assert "3 of 3 requests done" in ran.shown


JOBS = 40
AT_ONCE = 4


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_nothing_is_paid_twice_after_an_interruption(tmp_path: Path, number: signal.Signals) -> None:
    with holding() as (emulator, released):
        account = Home(tmp_path).set_account(emulator)
        file = written(account, *(line(f"request-{index}") for index in range(JOBS)))
        command = ("batch", file, "-o", "out", "--parallel", str(AT_ONCE))
        released.set()
        process = account.start(*command)
        output = account.path / "out" / "output.jsonl"
        wait_for(lambda: output.exists() and output.read_bytes().count(b"\n") >= 5, "no five images are made", process)
        released.clear()
        process.send_signal(number)
        if number is not signal.SIGKILL:
            assert process.stderr is not None
            assert b"interrupt again" in process.stderr.readline() + process.stderr.readline()
        released.set()
        process.communicate(timeout=LONGEST)
        whole = output.read_bytes().count(b"\n")
        assert whole < JOBS
        if number is signal.SIGKILL:
            with output.open("ab") as torn:  # as a kill in the middle of writing leaves it
                torn.write(b'{"id": "batch_req_')
        else:
            assert process.returncode == 130
            assert calls(emulator) == whole
        ran = account.run(*command)
        assert ran.status == 0, ran.stderr
        assert rows(account).keys() == {f"request-{index}" for index in range(JOBS)}
        lost = AT_ONCE if number is signal.SIGKILL else 0  # calls that were under way
        assert JOBS <= calls(emulator) <= JOBS + lost
    for row in rows(account).values():
        (path,) = files_of(row)
        with Image.open(path) as opened:
            opened.load()
