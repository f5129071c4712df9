"""generate, edit and vary, with the embedded engine and files on disk."""

from __future__ import annotations

import io
import json
import os
import re
import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from cloudflare_image_mcp.limits import MAX_IMAGE_BYTES, MEBIBYTE
from tests.rest.pictures import mask, picture

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from tests.cli.commands import Home

QUICK = ("--size", "256x256", "--steps", "1")


def pixels(source: Path | bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(source) if isinstance(source, bytes) else source).convert("RGB"))


def test_a_prompt_becomes_a_file_named_after_it(home: Home) -> None:
    ran = home.run("generate", "a", "red", "fox", *QUICK, "--seed", "7")
    assert (ran.status, ran.lines) == (0, ["a-red-fox-7.png"])
    assert pixels(home.path / "a-red-fox-7.png").shape == (256, 256, 3)
    assert re.fullmatch(r"illustrator on local, 256x256, seed 7, \d+\.\d s\n", ran.stderr)


def test_the_same_seed_is_the_same_file_and_keeps_the_first(home: Home) -> None:
    runs = [home.run("generate", "a red fox", *QUICK, "--seed", "7") for _ in range(2)]
    assert [ran.lines for ran in runs] == [["a-red-fox-7.png"], ["a-red-fox-7-2.png"]]
    first, second = (pixels(home.path / ran.lines[0]) for ran in runs)
    assert (first == second).all()


def test_json_for_scripts(home: Home) -> None:
    ran = home.run("generate", "a red fox", "-n", "2", *QUICK, "--seed", "7", "-o", "out/fox.webp", "--json")
    assert ran.status == 0
    report = json.loads(ran.stdout)
    paths = [str(home.path / "out" / f"fox-{number}.webp") for number in (1, 2)]
    assert report.pop("seconds") > 0
    sizes = [image.pop("bytes") for image in report["images"]]
    assert report == {
        "paths": paths,
        "operation": "generate",
        "prompt": "a red fox",
        "model": "illustrator",
        "requested_model": None,
        "backend": "local",
        "size": "256x256",
        "seed": 7,
        "neurons": None,
        "warnings": [],
        "images": [
            {"path": path, "size": "256x256", "format": "webp", "seed": seed, "neurons": None}
            for path, seed in zip(paths, (7, 8), strict=True)
        ],
    }
    assert sizes == [(home.path / path).stat().st_size for path in paths]
    for path in paths:
        with Image.open(path) as image:
            assert image.format == "WEBP"


def test_an_image_on_standard_output_and_nothing_else(home: Home) -> None:
    ran = home.run("generate", "a red fox", *QUICK, "-o", "-", "--format", "jpeg", "--quiet")
    assert (ran.status, ran.stderr) == (0, "")
    assert Image.open(io.BytesIO(ran.stdout)).format == "JPEG"
    assert pixels(ran.stdout).shape == (256, 256, 3)


def test_a_prompt_from_standard_input(home: Home) -> None:
    assert home.run("generate", "-", *QUICK, "--seed", "1", stdin=b"a blue\ncar\n").lines == ["a-blue-car-1.png"]


def test_warnings_go_to_standard_error(home: Home) -> None:
    ran = home.run("generate", "a fox", *QUICK, "--strength", "0.5")
    assert ran.status == 2  # generate has no such option
    image = home.path / "fox.png"
    image.write_bytes(picture(300, 200))
    ran = home.run("vary", "fox.png", "--model", "dreamshaper-8-lcm", "--steps", "1", "--seed", "3", "--quiet")
    assert ran.status == 0, ran.stderr
    assert ran.lines == ["fox-variation-3.png"]
    assert ran.stderr == "Warning: the image is 300x200; the result is 384x256 (allowed: 256x256 to 2048x2048)\n"


def test_a_masked_edit_leaves_the_rest_alone(home: Home) -> None:
    (home.path / "red.png").write_bytes(picture(256, 256))
    (home.path / "mask.png").write_bytes(mask(256, 256))
    ran = home.run("edit", "red.png", "--prompt", "a green tree", "--mask", "mask.png", "--seed", "5", "-o", "out.png")
    assert (ran.status, ran.lines) == (0, ["out.png"]), ran.stderr
    result = pixels(home.path / "out.png")
    assert result.shape == (256, 256, 3)
    assert (result[:, 160:] == (200, 40, 40)).all()
    assert (result[:, :96] != (200, 40, 40)).any()


def test_an_image_from_standard_input_with_references(home: Home) -> None:
    (home.path / "reference.jpg").write_bytes(picture(300, 300, kind="JPEG"))
    ran = home.run(
        "edit", "-", "reference.jpg", "--prompt", "a boat", "--seed", "5", "--format", "jpeg", stdin=picture(256, 256)
    )
    assert (ran.status, ran.lines) == (0, ["a-boat-5.jpg"]), ran.stderr


def test_the_mask_at_fault_is_named_by_its_file(home: Home) -> None:
    (home.path / "red.png").write_bytes(picture(256, 256))
    (home.path / "small.png").write_bytes(mask(100, 64))
    ran = home.run("edit", "red.png", "--prompt", "a tree", "--mask", "small.png", "--json")
    assert ran.status == 2
    assert json.loads(ran.stdout)["error"]["param"] == "mask"
    assert "(small.png)" in ran.stderr


@pytest.mark.parametrize("size", [25 * 1024 * 1024 + 1])
def test_a_file_too_large_is_not_read(home: Home, size: int) -> None:
    with (home.path / "large.png").open("wb") as file:
        file.truncate(size)
    ran = home.run("vary", "large.png")
    assert ran.status == 2
    assert "image large.png has 25.0 MiB; at most 25 are allowed" in ran.stderr


def test_a_pipe_is_not_read_beyond_the_largest_image(home: Home) -> None:
    pipe = home.path / "pipe.png"
    pieces: list[int] = []
    os.mkfifo(pipe)

    def write() -> None:
        try:
            with pipe.open("wb", buffering=0) as stream:
                while len(pieces) * MEBIBYTE < 2 * MAX_IMAGE_BYTES:
                    stream.write(bytes(MEBIBYTE))
                    pieces.append(1)
        except BrokenPipeError:
            pass

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    ran = home.run("vary", "pipe.png")
    assert ran.status == 2
    assert MAX_IMAGE_BYTES - MEBIBYTE <= len(pieces) * MEBIBYTE <= MAX_IMAGE_BYTES + MEBIBYTE


def test_settings_come_from_the_env_file(home: Home) -> None:
    """The ranges of a request's values are those of the default model."""
    (home.path / ".env").write_text("DEFAULT_MODEL=lucid-origin\n")
    command = ("generate", "a fox", "--size", "256x256", "--steps", "99")
    assert "for lucid-origin, not 99" in home.run(*command).stderr
    assert "for phoenix-1.0, not 99" in home.set(DEFAULT_MODEL="phoenix-1.0").run(*command).stderr


def test_a_home_that_cannot_be_written_to_does_not_matter(home: Home) -> None:
    (home.path / "file").write_text("")
    ran = home.set(XDG_DATA_HOME=str(home.path / "file"), HOME=str(home.path / "file")).run(
        "generate", "a fox", *QUICK, "--seed", "1"
    )
    assert (ran.status, ran.lines) == (0, ["a-fox-1.png"]), ran.stderr


def test_nothing_is_kept_in_the_store(home: Home) -> None:
    assert home.run("generate", "a fox", *QUICK, "--seed", "1").status == 0
    assert home.pictures == ["a-fox-1.png"]
