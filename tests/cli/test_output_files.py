"""Output files: names that are not taken yet, written atomically."""

from __future__ import annotations

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cloudflare_image_mcp.cli.output_files import Destination, ImageFile, slug
from cloudflare_image_mcp.errors import GatewayError
from cloudflare_image_mcp.imagefile.header import ImageFormat


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("A red fox, in the snow!", "a-red-fox-in-the-snow"),
        ("../../etc/passwd", "etc-passwd"),
        ("  ", "image"),
        ("🦊", "image"),
        ("雪の中の狐", "雪の中の狐"),
        ("Übergröße ﬁne", "übergröße-fine"),
        ("con\x00trol\nlines", "con-trol-lines"),
        ("word " * 40, "-".join(["word"] * 10)),
        ("x" * 300, "x" * 50),
    ],
)
def test_a_prompt_becomes_a_file_name(text: str, name: str) -> None:
    assert slug(text) == name


def image(data: bytes = b"picture", name: str = "fox-7") -> ImageFile:
    return ImageFile(data, name, "png")


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


def test_a_directory_gets_named_files_and_none_is_overwritten(tmp_path: Path) -> None:
    target = Destination.parse(f"{tmp_path}/new/", n=1)
    target.prepare()
    paths = [target.write([image(b"%d" % number)])[0] for number in range(3)]
    assert [path.name for path in paths] == ["fox-7.png", "fox-7-2.png", "fox-7-3.png"]
    assert [path.read_bytes() for path in paths] == [b"0", b"1", b"2"]
    assert names(tmp_path / "new") == {"fox-7.png", "fox-7-2.png", "fox-7-3.png"}


def test_a_file_named_outright_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "fox.png").write_bytes(b"old")
    assert Destination.parse(str(tmp_path / "fox.png"), n=1).write([image()]) == [tmp_path / "fox.png"]
    assert (tmp_path / "fox.png").read_bytes() == b"picture"
    assert names(tmp_path) == {"fox.png"}


def test_several_images_number_the_name_and_overwrite_nothing(tmp_path: Path) -> None:
    (tmp_path / "fox-2.jpg").write_bytes(b"old")
    target = Destination.parse(str(tmp_path / "fox.jpg"), n=3)
    assert target.format == "jpeg"
    paths = target.write([image(b"a"), image(b"b"), image(b"c")])
    assert [path.name for path in paths] == ["fox-1.jpg", "fox-3.jpg", "fox-4.jpg"]
    assert (tmp_path / "fox-2.jpg").read_bytes() == b"old"


def test_the_path_is_shown_as_it_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for output, shown in (("fox.png", "fox.png"), ("new/", "new/fox-7.png"), ("./sub/fox.png", "sub/fox.png")):
        target = Destination.parse(output, n=1)
        target.prepare()
        assert target.write([image()]) == [Path(shown)]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real.png").write_bytes(b"old")
    (tmp_path / "link.png").symlink_to("real.png")
    Destination.parse(str(tmp_path / "link.png"), n=1).write([image()])
    assert (tmp_path / "link.png").is_symlink()
    assert (tmp_path / "real.png").read_bytes() == b"picture"


def test_a_device_is_written_to_and_not_replaced() -> None:
    target = Destination.parse("/dev/null", n=1)
    target.prepare()
    target.write([image()])
    assert Path("/dev/null").is_char_device()


def test_two_processes_never_share_a_name(tmp_path: Path) -> None:
    target = Destination.parse(str(tmp_path), n=1)
    with ThreadPoolExecutor(8) as pool:
        paths = list(pool.map(lambda number: target.write([image(b"%d" % number)])[0], range(40)))
    assert len(set(paths)) == 40
    assert [path.read_bytes() for path in paths] == [b"%d" % number for number in range(40)]


def test_a_file_system_without_links_does_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def link(*paths: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", link)
    target = Destination.parse(str(tmp_path), n=1)
    assert [target.write([image()])[0].name for _ in range(2)] == ["fox-7.png", "fox-7-2.png"]
    assert names(tmp_path) == {"fox-7.png", "fox-7-2.png"}


def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "fox.png").write_bytes(b"old")

    def fsync(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fsync)
    for output in (tmp_path / "fox.png", tmp_path):
        with pytest.raises(GatewayError, match="No space left on device") as caught:
            Destination.parse(str(output), n=1).write([image()])
        assert caught.value.kind == "storage_error"
    assert names(tmp_path) == {"fox.png"}
    assert (tmp_path / "fox.png").read_bytes() == b"old"


def test_a_place_that_cannot_be_is_found_out_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(GatewayError, match=r"cannot write .*/file/sub"):
        Destination.parse(f"{tmp_path}/file/sub/fox.png", n=1).prepare()


def test_a_name_that_no_file_can_have_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(GatewayError, match=r"cannot write .*: File name too long") as caught:
        Destination.parse(f"{tmp_path}/{'x' * 300}.png", n=1).prepare()
    assert caught.value.kind == "storage_error"


def test_a_file_where_a_directory_should_be_is_called_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(GatewayError, match=r"cannot write .*/file: Not a directory"):
        Destination.parse(f"{tmp_path}/file/fox.png", n=1).prepare()


@pytest.mark.parametrize(
    ("name", "made", "warned"),
    [
        ("fox.png", ImageFormat.JPEG, "fox.png is a jpeg image, although its name has another extension"),
        ("fox.GIF", ImageFormat.PNG, "fox.GIF is a png image, although its name has another extension"),
        ("fox.tiff", ImageFormat.WEBP, "fox.tiff is a webp image, although its name has another extension"),
        ("fox.jpg", ImageFormat.JPEG, None),
        ("fox.jpeg", ImageFormat.JPEG, None),
        ("fox.png", ImageFormat.PNG, None),
        ("fox", ImageFormat.PNG, None),
        ("fox.v2", ImageFormat.PNG, None),
        ("pictures/", ImageFormat.PNG, None),
    ],
)
def test_a_name_with_another_formats_extension_is_a_warning(name: str, made: ImageFormat, warned: str | None) -> None:
    assert Destination.parse(name, n=1).misnamed(made) == warned


def test_the_mode_is_that_of_any_other_new_file(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"")
    (path,) = Destination.parse(str(tmp_path), n=1).write([image()])
    assert path.stat().st_mode == (tmp_path / "plain").stat().st_mode
