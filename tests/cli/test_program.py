"""The program as a whole: help, version, exit codes."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

import cloudflare_image_illustrator
from cloudflare_image_mcp import __version__
from cloudflare_image_mcp.cli.program import program
from tests.cli.commands import SOURCE, emulated
from tests.waiting import LONGEST, wait_for

if TYPE_CHECKING:
    from tests.cli.commands import Home

ENGINE = Path(cloudflare_image_illustrator.__file__).parent
COMMANDS = ("generate", "edit", "vary", "batch", "models", "serve", "mcp", "emulate", "keys", "doctor")


def test_help_lists_the_commands_the_most_used_first(home: Home) -> None:
    ran = home.run("--help")
    assert (ran.status, ran.stderr) == (0, "")
    listed = ran.lines[ran.lines.index("Commands:") + 1 :]
    assert [line.split()[0] for line in listed] == list(COMMANDS)
    assert [line for line in listed if line.endswith("...")] == []


def test_version(home: Home) -> None:
    assert home.run("--version").stdout.decode().split() == ["cloudflare-image-mcp,", "version", __version__]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(home: Home, name: str) -> None:
    ran = home.run(name, "-h")
    assert (ran.status, ran.stderr) == (0, "")
    assert ran.lines[0].startswith(f"Usage: cloudflare-image-mcp {name} ")


def test_an_interrupt_during_the_imports_shows_no_traceback(home: Home) -> None:
    program = (
        "import sys\n"
        "class Interrupted:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'click':\n"
        "            raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupted())\n"
        "from cloudflare_image_mcp.cli import main\n"
        "main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=home.environ, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "\nError: interrupted\n")


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["nonsense"], 2, "No such command 'nonsense'"),
        (["generate"], 2, "Missing argument 'PROMPT...'"),
        (["generate", "x", "--wrong"], 2, "No such option '--wrong'"),
        (["generate", "x", "--model", "flux-9"], 3, 'model "flux-9" does not exist; try @cf/'),
        (["generate", "x", "--steps", "99"], 2, "steps must be an integer from 1 to 8 for flux-1-schnell, not 99"),
        (["generate", "x", "--steps", "many"], 2, 'steps must be an integer, not "many"'),
        (["generate", "x", "--size", "10x10"], 2, "size must be 256x256 to 2048x2048, not 10x10"),
        (["generate", "x", "--n", "9"], 2, "n must be an integer from 1 to 8, not 9"),
        (["generate", "x", "--format", "gif"], 2, 'Error: --format must be one of png, jpeg, jpg, webp, not "gif"'),
        (["generate", "x", "-f", "gif"], 2, 'Error: -f must be one of png, jpeg, jpg, webp, not "gif"'),
        (["generate", "x", "--ar=0:1"], 2, "Error: --ar must "),
        (["generate", "x", "-n9"], 2, "Error: -n must be an integer from 1 to 8, not 9"),
        (["generate", "x", "-o", "-", "--n", "2"], 2, "Error: -o - takes one image; 2 were asked for"),
        (["generate", "x", "--output=-", "-n2"], 2, "Error: --output - takes one image; 2 were asked for"),
        (["generate", "x", "-o", "-", "--json"], 2, "--json and --output - cannot both write to standard output"),
        (["generate", "x", "-o", "/dev/null/x.png"], 7, "cannot write /dev/null"),
        (["generate", " "], 2, "Error: prompt is required"),
        (["edit", "picture.png"], 2, "Error: --prompt is required"),
        (["edit", "picture.png", "--prompt", "x", "-m", "stable-diffusion-v1-5-inpainting"], 2, "--mask is required"),
        (["batch", "picture.png", "-o", "x"], 2, "picture.png cannot be read: it is not UTF-8 text"),
        (["edit", "missing.png", "--prompt", "x"], 3, "image missing.png does not exist"),
        (["edit", ".", "--prompt", "x"], 2, "image . cannot be read: Is a directory"),
        (["edit", "README", "--prompt", "x"], 2, "image must be a PNG, JPEG, WebP or GIF image"),
        (["edit", "/dev/null", "--prompt", "x"], 2, "image /dev/null is empty"),
        (["edit", "README", "--prompt", "x", "--mask", "-"], 2, "mask - is empty"),
        (["vary", "-"], 2, "image - is empty"),
        (["edit", "-", "-", "--prompt", "x"], 2, "standard input can be read only once"),
        (["edit", "x.png", "--mask", "-", "--prompt", "-"], 2, "standard input can be read only once"),
        (["generate", "x", "-o", "x" * 300], 7, "File name too long"),
        (["edit", "https://localhost/x.png", "--prompt", "x"], 2, "https://localhost/x.png"),
        (["models", "nope"], 3, 'model "nope" does not exist'),
        (["serve", "--port", "70000"], 2, "70000 is not in the range 0<=x<=65535"),
    ],
)
def test_a_user_error_is_a_sentence_and_a_status(home: Home, arguments: list[str], status: int, words: str) -> None:
    (home.path / "README").write_text("no image")
    Image.new("RGB", (256, 256)).save(home.path / "picture.png")
    ran = home.run(*arguments)
    assert words in ran.stderr
    assert ran.status == status
    assert "Traceback" not in ran.stderr
    assert ran.stdout == b""


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("IMAGE_BACKEND", "gpu", 'IMAGE_BACKEND must be one of auto, workers-ai, local; "gpu" is not'),
        ("LOCAL_ENGINE", "gpu", 'LOCAL_ENGINE must be one of illustrator, diffusers; "gpu" is not'),
        ("LOCAL_ENGINE", "diffusers", 'LOCAL_ENGINE is "diffusers", which needs DIFFUSERS_MODEL'),
        ("DEFAULT_MODEL", "flux-9", '"flux-9" is no model'),
        ("DEFAULT_MODEL", "stable-diffusion-v1-5-img2img", '"stable-diffusion-v1-5-img2img" can only edit, vary'),
        ("IMAGE_STORAGE_URL", "ftp://x", "IMAGE_STORAGE_URL"),
        (
            "CLOUDFLARE_API_TOKEN",
            "secret-token-value",
            "CLOUDFLARE_ACCOUNT_ID is not set; CLOUDFLARE_API_TOKEN needs it",
        ),
    ],
)
def test_a_setting_that_cannot_be_used_is_status_8(home: Home, name: str, value: str, words: str) -> None:
    ran = home.set(**{name: value}).run("generate", "x")
    assert (ran.status, ran.stdout) == (8, b"")
    assert words in ran.stderr
    assert "Traceback" not in ran.stderr
    assert "secret-token-value" not in ran.stderr


def test_json_says_errors_in_json(home: Home) -> None:
    ran = home.run("generate", "x", "--seed", "1.5", "--json")
    assert ran.status == 2
    message = '--seed must be an integer, not "1.5"'
    assert json.loads(ran.stdout) == {
        "error": {"message": message, "type": "invalid_request_error", "param": "seed", "code": None},
        "exit_code": 2,
    }
    assert message in ran.stderr


@pytest.mark.parametrize("command", [("generate", "x"), ("models",)])
def test_json_says_settings_in_json(home: Home, command: tuple[str, ...]) -> None:
    ran = home.set(IMAGE_BACKEND="gpu").run(*command, "--json")
    assert ran.status == 8
    message = 'IMAGE_BACKEND must be one of auto, workers-ai, local; "gpu" is not'
    assert json.loads(ran.stdout) == {
        "error": {"message": message, "type": "invalid_request_error", "param": None, "code": "invalid_setting"},
        "exit_code": 8,
    }
    assert message in ran.stderr


DRAWING_COMMANDS = [("generate", "x"), ("serve", "--port", "0"), ("mcp",), ("emulate", "--port", "0")]


@pytest.mark.parametrize("command", DRAWING_COMMANDS)
def test_without_the_artwork_nothing_begins_to_draw(home: Home, command: tuple[str, ...]) -> None:
    """A copy of the project without the folder that scripts/artwork makes, as on a machine without npm."""
    engine = ENGINE.name
    shutil.copytree(
        ENGINE, home.path / "src" / engine, ignore=lambda folder, names: {"artwork", "__pycache__"} & {*names}
    )
    ran = home.set(PYTHONPATH=f"{home.path / 'src'}:{SOURCE}").run(*command)
    assert (ran.status, ran.stdout) == (8, b"")
    assert ran.stderr.startswith("Error: the illustrator's artwork is not installed (artwork.zip): run scripts/artwork")


def without_the_engine(home: Home) -> Home:
    """Every Python process of this home finds no package of the embedded engine."""
    folder = home.path / "hidden"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(f'import sys\nsys.modules["{ENGINE.name}"] = None\n')
    return home.set(PYTHONPATH=f"{folder}:{SOURCE}")


@pytest.mark.parametrize("command", DRAWING_COMMANDS)
def test_without_the_engine_the_error_says_what_to_install(home: Home, command: tuple[str, ...]) -> None:
    ran = without_the_engine(home).set(IMAGE_BACKEND="local").run(*command)
    assert (ran.status, ran.stdout) == (8, b"")
    assert ran.stderr == (
        "Error: the embedded engine is not installed: run scripts/install in the checkout, "
        "or set CLOUDFLARE_ACCOUNT_ID and CLOUDFLARE_API_TOKEN\n"
    )


def test_with_an_account_the_gateway_makes_images_without_the_engine(home: Home) -> None:
    with emulated(home) as emulator:
        ran = without_the_engine(emulator).run("generate", "a fox", "--json")
        assert ran.status == 0, ran.stderr
        assert json.loads(ran.stdout)["backend"] == "workers-ai"


def test_a_prompt_that_is_no_text_is_a_sentence(home: Home) -> None:
    ran = home.run("generate", "-", stdin=b"\x89PNG\xff")
    assert (ran.status, ran.stdout) == (2, b"")
    assert ran.stderr.startswith("Error: prompt must be valid Unicode")


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (
            "generate a fox -s 256x256 -o - > /dev/full",
            "No space left on device; the image is kept in the store as image://",
        ),
        ("generate a fox -s 256x256 > /dev/full", "cannot write standard output: No space left on device"),
        ("models --json > /dev/full", "cannot write standard output: No space left on device"),
    ],
)
def test_a_full_disk_behind_standard_output_is_a_sentence(home: Home, command: str, words: str) -> None:
    ran = home.run_in_shell(command)
    assert ran.status == 7
    assert words in ran.stderr
    assert "Exception ignored" not in ran.stderr


@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("generate a fox -s 256x256 --seed 1 <&- >&- 2>&-", 0),
        ("generate - <&-", 2),
        ("vary - <&-", 2),
        ("models <&- >&-", 0),
    ],
)
def test_streams_that_were_closed_are_no_defect(home: Home, command: str, status: int) -> None:
    ran = home.run_in_shell(command)
    assert ran.status == status, ran.stderr
    assert "unexpected" not in ran.stderr


def test_ctrl_c_ends_the_work_cleanly(home: Home) -> None:
    process = home.start("generate", "a busy market", "-n", "8", "-s", "2048x2048", "--seed", "1", "-o", "market/")
    # The output directory is created after all input is read, when only the image is left to make.
    wait_for((home.path / "market").exists, "the image was not begun", process)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=LONGEST)
    assert (process.returncode, output) == (130, b"")
    assert errors.decode().strip() == "Error: interrupted"
    assert home.pictures == []


def test_a_closed_pipe_is_no_error_message(home: Home) -> None:
    with home.start("models", "--json") as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == b""
        assert process.wait(LONGEST) == 1


def test_without_colour_when_no_color_is_set(home: Home) -> None:
    coloured, plain = (where.run_in_terminal("generate", "x", "-n9").stdout for where in (home, home.set(NO_COLOR="1")))
    assert b"\x1b[31m" in coloured
    assert b"\x1b[" not in plain
    assert b"Error: -n must be" in plain


@pytest.mark.parametrize(
    "command", ["models", "models flux-1-schnell", "doctor --offline", "keys list", "--help", "generate --help"]
)
def test_no_command_writes_escape_codes_when_no_color_is_set(home: Home, command: str) -> None:
    ran = home.set(NO_COLOR="1").run_in_terminal(*command.split())
    assert b"\x1b" not in ran.stdout
    assert ran.lines


@pytest.mark.parametrize("name", program.commands)
def test_the_help_of_every_command_has_an_example(home: Home, name: str) -> None:
    assert "Example: " in home.run(name, "--help").stdout.decode()
