"""Input images by id, URL, data URL and path: what is taken, and every way to reach what is not the caller's."""

from __future__ import annotations

import asyncio
import base64
import gc
import hashlib
import os
import threading
import time
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from cloudflare_image_mcp.catalog import Size
from cloudflare_image_mcp.errors import GatewayError
from cloudflare_image_mcp.fetcher.guarded import FetchLimits, GuardedFetcher
from cloudflare_image_mcp.mcp_server.local_files import LocalFiles
from tests.fetcher.conftest import PRIVATE, PUBLIC, Host, counts_as_public, host, inner, png, redirect, reply
from tests.mcp_server.backends import noise
from tests.mcp_server.conftest import half_mask
from tests.mcp_server.inside import answer, read_bytes, refusal, talking
from tests.waiting import LONGEST

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cloudflare_image_mcp.fetcher.addresses import Address

__all__ = ["host", "inner", "png"]

PICTURE = noise(Size(256, 256), 1)
EDIT = {"operation": "edit", "model": "flux-2-klein-4b"}
SECRET = b"not an image but the secret of the operator"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An allowed folder with a picture in it, and files beside it that must not be read."""
    root = tmp_path / "pictures"
    (root / "inner").mkdir(parents=True)
    for path in (root / "fox.png", root / "inner" / "fox.png", tmp_path / "private.png"):
        path.write_bytes(PICTURE)
    (tmp_path / "secret.txt").write_bytes(SECRET)
    return root


async def test_a_path_below_an_allowed_folder(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    (root / "a link.png").symlink_to(root / "inner" / "fox.png")
    written = [
        str(root / "fox.png"),
        (root / "fox.png").as_uri(),
        (root / "a link.png").as_uri(),
        "fox.png",
        "./inner/../fox.png",
        f"  {root}/inner/fox.png\n",
        f"{root}/a\\ link.png",
        f"'{root}/a link.png'",
        f'"{root}/a link.png"',
        "a\\ link.png",
    ]
    async with talking(roots=(root,)) as client:
        for path in written:
            made = await answer(client, prompt="x", images=[path], **EDIT)
            assert made["operation"] == "edit"
            assert (made["images"][0]["width"], made["images"][0]["height"]) == (256, 256)


@pytest.mark.parametrize(
    "written",
    [
        "{root}/../private.png",
        "{root}/inner/../../private.png",
        "{outside}/private.png",
        "file://{outside}/private.png",
        "file://{root}/%2e%2e/private.png",
        "file://{root}/../private.png",
        "file://localhost{outside}/private.png",
        "../private.png",
        "{root}/link.png",
        "{root}/folder/private.png",
        "{root}/chain.png",
        "{root}2/fox.png",
        "{root}",
        "/etc/passwd",
        "/etc/shadow",
        "/dev/zero",
        "/proc/self/environ",
        "~/.ssh/id_rsa",
        "~root/.bashrc",
        "{outside}/does-not-exist.png",
    ],
)
async def test_a_path_out_of_the_folders_is_refused(root: Path, written: str, monkeypatch: pytest.MonkeyPatch) -> None:
    outside = root.parent
    monkeypatch.chdir(root)
    (root / "link.png").symlink_to(outside / "private.png")
    (root / "folder").symlink_to(outside)
    (root / "chain.png").symlink_to(root / "link.png")
    (outside / "pictures2").mkdir()
    (outside / "pictures2" / "fox.png").write_bytes(PICTURE)
    async with talking(roots=(root,)) as client:
        for place in ("images[0]", "mask"):
            path = written.format(root=root, outside=outside)
            arguments = {"images": [path]} if place != "mask" else {"images": [str(root / "fox.png")], "mask": path}
            message = await refusal(client, **arguments, **EDIT)
            assert message.startswith(f"{place} is ")
            assert "which is not in a folder that images may be read from" in message


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("{root}/missing.png", "cannot be read: No such file or directory"),
        ("{root}/inner", "which is no file"),
        ("{root}/pipe", "which is no file"),
        ("{root}/fox.png\0.png", "is a path with a NUL in it"),
        ("file://elsewhere/fox.png", "a file URL of this machine has three slashes"),
        ("~nobody-at-all/fox.png", "nobody has that home folder"),
        ("{root}/huge.png", "of more than 25 MiB"),
        ("{root}/notes.txt", "images[0] must be a PNG, JPEG, WebP or GIF image"),
    ],
)
async def test_a_path_within_that_is_no_image_is_refused(root: Path, written: str, reason: str) -> None:
    os.mkfifo(root / "pipe")
    (root / "notes.txt").write_bytes(SECRET)
    with (root / "huge.png").open("wb") as huge:
        huge.truncate(26 * 1024 * 1024)
    async with talking(roots=(root,)) as client:
        message = await refusal(client, images=[written.format(root=root)], **EDIT)
    assert message.startswith("images[0] ")
    assert reason in message
    assert "secret of the operator" not in message


async def test_a_folder_that_turns_into_a_link_while_it_is_opened_leads_nowhere(root: Path) -> None:
    """A thread swaps a folder for a link to the outside and back, until many reads have met each."""
    outside, folder, aside = root.parent / "outside", root / "swapped", root / "aside"
    outside.mkdir()
    (outside / "fox.png").write_bytes(noise(Size(64, 64), 99))
    folder.mkdir()
    (folder / "fox.png").write_bytes(PICTURE)
    over = threading.Event()

    def swap() -> None:
        while not over.is_set():
            folder.rename(aside)
            folder.symlink_to(outside)
            folder.unlink()
            aside.rename(folder)

    files, read, refused = LocalFiles([root]), 0, 0
    thread = threading.Thread(target=swap)
    thread.start()
    try:
        deadline = time.monotonic() + LONGEST
        while min(read, refused) < 50 and time.monotonic() < deadline:
            try:
                assert files.read("image", str(folder / "fox.png")) == PICTURE
                read += 1
            except GatewayError:
                refused += 1
    finally:
        over.set()
        thread.join()
    assert read
    assert refused


@pytest.mark.filterwarnings("error")
async def test_one_wrong_image_of_several_leaves_nothing_running(root: Path) -> None:
    """An unawaited coroutine would be a RuntimeWarning when it is collected."""
    async with talking(roots=(root,)) as client:
        message = await refusal(client, **EDIT, images=["no image at all", "fox.png", "fox.png"])
        assert "images[0]" in message
    gc.collect()


def test_a_backslash_that_belongs_to_the_name(root: Path) -> None:
    (root / "a\\ b.png").write_bytes(PICTURE)
    assert LocalFiles([root]).read("images[0]", f"{root}/a\\ b.png") == PICTURE


async def test_over_http_no_path_is_read(root: Path) -> None:
    async with talking(roots=None) as client:
        for path in (str(root / "fox.png"), (root / "fox.png").as_uri(), "fox.png", "C:\\fox.png", "~/fox.png"):
            message = await refusal(client, images=[path], **EDIT)
            assert "a path; over HTTP give an https URL" in message


@pytest.mark.parametrize(
    "name",
    [
        "127.0.0.1",
        "localhost",
        "169.254.169.254",
        "[::1]",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "017700000001",
        "127.1",
        "[::ffff:127.0.0.1]",
        "10.0.0.1",
        "192.168.1.1",
        "0.0.0.0",
        "metadata.localhost",
    ],
)
async def test_as_shipped_no_url_of_a_private_address_is_fetched(name: str, host: Host) -> None:
    shipped = GuardedFetcher(ports=frozenset({host.port}))
    async with talking(fetcher=shipped) as client:
        url = f"http://{name}:{host.port}/fox.png"
        for arguments in ({"images": [url]}, {"images": [data_url(PICTURE)], "mask": url}):
            message = await refusal(client, **arguments, **EDIT)
            assert message.startswith(f'The image at "{url}" was not taken')
            assert any(reason in message for reason in ("not a public one", "host is not known", "not a valid URL"))
    assert host.connections == 0


async def test_redirects_names_sizes_and_drips(host: Host, inner: Host) -> None:
    """Past the first address, which counts as public here, everything is as shipped."""
    origin = f"http://images.test:{host.port}"
    host.answers["/to-localhost"] = redirect(f"http://localhost:{host.port}/fox.png")
    host.answers["/to-file"] = redirect("file:///etc/passwd")
    host.answers["/gigabyte"] = host.endless(reply(PICTURE, length=10**9), bytes(65536))
    host.answers["/endless"] = host.endless(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + PICTURE, bytes(65536))
    host.answers["/drip"] = host.endless(reply(PICTURE[:64], length=100_000), b"x", pause=0.02)
    host.answers["/page"] = reply(b"<html>" + SECRET)

    async def resolve(name: str, _port: int) -> Sequence[Address]:
        return {"images.test": [PUBLIC]}.get(name, [PRIVATE])

    def fetcher(seconds: float) -> GuardedFetcher:
        limits = FetchLimits(seconds=seconds)
        return GuardedFetcher(address_rule=counts_as_public, ports=None, resolve=resolve, limits=limits)

    reasons = {
        f"{origin}/to-localhost": "not a public one",
        f"{origin}/to-file": "neither http nor https",
        f"http://innocent.test:{host.port}/fox.png": "not a public one",
        f"{origin}/gigabyte": "it is larger than 25 MiB",
        f"{origin}/endless": "it is larger than 25 MiB",
        f"{origin}/page": "",
        f"{origin}/missing.png": "404",
        "ftp://images.test/fox.png": "neither http nor https",
    }
    async with talking(fetcher=fetcher(2)) as client:
        drip = await refusal(client, images=[f"{origin}/drip"], **EDIT)
        assert "it was not fetched within 2 seconds" in drip
    async with talking(fetcher=fetcher(120)) as client:
        messages = await asyncio.gather(*(refusal(client, images=[url], **EDIT) for url in reasons))
        for reason, message in zip(reasons.values(), messages, strict=True):
            assert "images[0]" in message or "The image at" in message
            assert reason in message
            assert "secret of the operator" not in message
        made = await answer(client, prompt="x", images=[f"{origin}/fox.png"], size="256x256", **EDIT)
        assert made["status"] == "completed"
    assert inner.connections == 0


async def test_ids_of_every_form() -> None:
    async with talking() as client:
        made = (await answer(client, prompt="x", size="256x256", seed=5))["images"][0]
        bare = made["id"].removesuffix(".png")
        for written in (made["id"], bare, made["uri"], f"image://{bare}"):
            edited = await answer(client, prompt="x", images=[written], **EDIT)
            assert edited["status"] == "completed"
            read = await client.read_resource(f"image://{written.removeprefix('image://')}")
            assert read.contents[0].mime_type == "image/png"
            assert hashlib.sha256(read_bytes(read)).hexdigest() == made["sha256"]
        preview = (await client.read_resource(f"{made['uri']}/preview")).contents[0]
        assert preview.mime_type == "image/jpeg"


@pytest.mark.parametrize(
    "written",
    [
        "image://../../../../etc/passwd",
        "image://%2e%2e%2fetc%2fpasswd",
        "image:///etc/passwd",
        "image://AAAAAAAAAAAAAAAAAAAAAA.png",
        "image://AAAAAAAAAAAAAAAAAAAAAA.png.json",
        "image://",
        "AAAAAAAAAAAAAAAAAAAAAA",
    ],
)
async def test_ids_of_nothing_stored(written: str) -> None:
    async with talking() as client:
        assert "is not stored" in await refusal(client, images=[written], **EDIT)
        uri = written if written.startswith("image:") else f"image://{written}"
        with pytest.raises(Exception, match=r"Unknown resource|does not exist") as caught:
            await client.read_resource(uri)
        assert getattr(caught.value, "code", None) == -32602


async def test_a_jpeg_in_base64_is_no_path(tmp_path: Path) -> None:
    """It begins with a slash."""
    Image.new("RGB", (256, 256), "teal").save(tmp_path / "teal.jpg")
    text = base64.b64encode((tmp_path / "teal.jpg").read_bytes()).decode()
    assert text.startswith("/9j/")
    async with talking(roots=()) as client:
        assert (await answer(client, prompt="x", images=[text], **EDIT))["status"] == "completed"


async def test_what_a_model_writes_in_place_of_a_list() -> None:
    async with talking() as client:
        image = data_url(PICTURE)
        assert (await answer(client, prompt="x", images=image, **EDIT))["operation"] == "edit"
        inferred = await answer(client, prompt="x", images=[image], mask=data_url(half_mask(256, 256)))
        assert inferred["operation"] == "edit"
        assert (await answer(client, images=[image]))["operation"] == "vary"
        assert "images[0] must be an image id" in await refusal(client, images={"image": 1}, **EDIT)
        assert "images[0] must be an image id" in await refusal(client, images=[7], **EDIT)
        assert "at most 16 are allowed" in await refusal(client, images=[image] * 17, **EDIT)
        assert "images is required to edit" in await refusal(client, **EDIT)
        assert "must be one of generate, edit, vary" in await refusal(client, operation="upscale")


def data_url(data: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(data).decode()
