"""Pictures and the progress bar on a pseudo-terminal that answers as a real terminal does."""

from __future__ import annotations

import re
import signal
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from tests.cli import sixel
from tests.cli.test_terminal_image import read_blocks, read_iterm2, read_kitty
from tests.emulator.calling import holding

if TYPE_CHECKING:
    import subprocess

    from numpy.typing import NDArray

    from tests.cli.commands import Home, Ran

FOX = ("generate", "a red fox", "--size", "256x256", "--steps", "1", "--seed", "7")
XTERM = b"\x1b[?62;22c"
WITH_SIXEL = b"\x1b[6;20;10t\x1b[?62;4;22c"
WITH_KITTY = b"\x1b_Gi=31;OK\x1b\\\x1b[6;20;10t\x1b[?62;4;22c"


def file(home: Home) -> NDArray[np.uint8]:
    return np.asarray(Image.open(home.path / "a-red-fox-7.png").convert("RGB"))


def found(pattern: str, ran: Ran) -> str:
    match = re.search(pattern, ran.stdout.decode("utf-8"), re.DOTALL)
    assert match is not None, ran.shown
    return match[0]


def path_is_last(ran: Ran) -> bool:
    return ran.shown.rstrip("\n").split("\n")[-1] == "a-red-fox-7.png"


@pytest.mark.parametrize("how", ["asked", "known"])
def test_kitty(home: Home, how: str) -> None:
    asked = how == "asked"
    ran = home.set(**({} if asked else {"TERM": "xterm-kitty"})).run_in_terminal(
        *FOX, answer=WITH_KITTY if asked else b""
    )
    back = read_kitty(found(r"\x1b_Ga=T.*m=0;[^\x1b]*\x1b\\\n", ran))
    assert (back == file(home)).all()
    assert path_is_last(ran)
    assert (b"\x1b[c" in ran.stdout) is asked


def test_iterm2(home: Home) -> None:
    ran = home.set(TERM_PROGRAM="iTerm.app").run_in_terminal(*FOX)
    assert (read_iterm2(found(r"\x1b\]1337;File.*?\a\n", ran)) == file(home)).all()
    assert path_is_last(ran)


def test_sixel(home: Home) -> None:
    ran = home.run_in_terminal(*FOX, answer=WITH_SIXEL)
    back = sixel.decode(found(r"\x1bPq.*?\x1b\\\n", ran))
    assert back.shape == (256, 256, 3)
    assert np.abs(back.astype(int) - file(home)).mean() < 20
    assert path_is_last(ran)


@pytest.mark.parametrize("colours", ["truecolor", ""])
def test_half_blocks_elsewhere(home: Home, colours: str) -> None:
    ran = home.set(COLORTERM=colours).run_in_terminal(*FOX, answer=XTERM)
    back = read_blocks(found(r"(\x1b\[38;[^\n]*▀\x1b\[0m\n)+", ran))
    assert back.shape == (56, 56, 3)  # 0.7 of 40 rows
    small = np.asarray(Image.fromarray(file(home)).resize((56, 56), Image.Resampling.LANCZOS), int)
    assert np.abs(back - small).mean() < (1 if colours else 25)
    assert path_is_last(ran)


def test_a_terminal_that_does_not_answer_gets_half_blocks_soon(home: Home) -> None:
    ran = home.run_in_terminal(*FOX)
    assert "▀" in ran.shown
    assert path_is_last(ran)


def test_inside_a_multiplexer_the_outer_terminal_does_not_count(home: Home) -> None:
    ran = home.set(TMUX="/tmp/tmux-0/default,1,0", KITTY_WINDOW_ID="1").run_in_terminal(*FOX, answer=XTERM)
    assert b"\x1b_Ga=T" not in ran.stdout
    assert "▀" in ran.shown


@pytest.mark.parametrize(
    ("environ", "options"),
    [({"NO_COLOR": "1"}, []), ({}, ["--no-preview"]), ({}, ["--quiet"]), ({"TERM": "dumb"}, []), ({}, ["--json"])],
)
def test_no_picture_where_none_is_wanted(home: Home, environ: dict[str, str], options: list[str]) -> None:
    ran = home.set(**environ).run_in_terminal(*FOX, *options, answer=WITH_KITTY)
    assert (ran.status, "▀" in ran.shown, b"\x1b_G" in ran.stdout) == (0, False, False)
    assert (home.path / "a-red-fox-7.png").exists()


def test_a_picture_can_be_demanded(home: Home) -> None:
    ran = home.run_in_terminal(*FOX, "--preview-as", "sixel", answer=XTERM)
    assert sixel.decode(found(r"\x1bPq.*?\x1b\\\n", ran)).shape == (256, 256, 3)


def test_no_terminal_no_picture(home: Home) -> None:
    ran = home.set(TERM="xterm-kitty").run(*FOX)
    assert ran.stdout == b"a-red-fox-7.png\n"


def test_the_image_itself_is_not_thrown_at_a_terminal(home: Home) -> None:
    ran = home.run_in_terminal(*FOX, "-o", "-")
    assert ran.status == 2
    assert "would write an image to the terminal" in ran.shown


BAR = "Making the image"


def test_a_bar_on_long_work(home: Home) -> None:
    with holding() as (emulator, released):

        def release(process: subprocess.Popen[bytes], written: bytes) -> None:
            if BAR.encode() in written:
                released.set()

        ran = home.set_account(emulator).run_in_terminal(*FOX, "--no-preview", then=release)
    assert ran.status == 0
    assert BAR in ran.shown
    assert b"\x1b[?25l" in ran.stdout
    assert ran.stdout.rindex(b"\x1b[?25h") > ran.stdout.rindex(b"\x1b[?25l")


def test_ctrl_c_gives_the_cursor_back(home: Home) -> None:
    """The second one: after the first, the command waits for the image, which is paid for."""
    awaited = [BAR.encode(), b"interrupt again"]

    def interrupt(process: subprocess.Popen[bytes], written: bytes) -> None:
        if awaited and awaited[0] in written:
            awaited.pop(0)
            process.send_signal(signal.SIGINT)

    with holding() as (emulator, _):
        ran = home.set_account(emulator).run_in_terminal(*FOX, "--no-preview", then=interrupt)
    assert awaited == []
    assert ran.status == 130
    assert ran.stdout.rindex(b"\x1b[?25h") > ran.stdout.rindex(b"\x1b[?25l")
    assert ran.shown.rstrip().endswith("Error: interrupted")
    assert home.pictures == []
