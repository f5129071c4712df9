"""Edits with the largest images that are allowed: they are decoded within a bounded memory, a few at a time."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

import pytest
import requests
from PIL import Image

from tests.rest.test_limits import started
from tests.waiting import LONGEST

if TYPE_CHECKING:
    from pathlib import Path

SIDE: Final = 6300
KINDS: Final[dict[str, tuple[str, str, tuple[int, int], dict[str, Any]]]] = {
    "png with alpha": ("PNG", "RGBA", (SIDE, SIDE), {"compress_level": 9}),
    "png with alpha, one row at a time": ("PNG", "RGBA", (16_000, 2_400), {"compress_level": 9}),
    "png, 16 bits": ("PNG", "I;16", (SIDE, SIDE), {"compress_level": 9}),
    "jpeg": ("JPEG", "RGB", (SIDE, SIDE), {"quality": 50}),
    "jpeg, progressive, full chroma": (
        "JPEG",
        "RGB",
        (SIDE, SIDE),
        {"quality": 50, "progressive": True, "subsampling": "4:4:4"},
    ),
    "webp": ("WEBP", "RGBA", (4_096, 3_072), {"lossless": True}),
    "gif": ("GIF", "P", (SIDE, SIDE), {}),
}


def large(kind: str) -> bytes:
    file_format, mode, size, options = KINDS[kind]
    data = io.BytesIO()
    Image.new("L", size, 200).convert(mode).save(data, file_format, **options)
    return data.getvalue()


def edit(port: int, images: list[bytes], **fields: str) -> requests.Response:
    files = [("image[]", ("image", data)) for data in images]
    address = f"http://127.0.0.1:{port}/v1/images/edits"
    return requests.post(address, data={"prompt": "a red fox"} | fields, files=files, timeout=LONGEST)


@pytest.mark.parametrize("kind", KINDS)
def test_a_large_source_and_reference_take_little_memory(tmp_path: Path, kind: str) -> None:
    data = large(kind)
    with started(tmp_path) as (port, _, _):
        answer = edit(port, [data, data])
    assert answer.status_code == 200, answer.text[:300]


@pytest.mark.parametrize(("requests_at_once", "size"), [(1, "2048x2048"), (3, "512x512")])
def test_sixteen_large_images_take_little_memory(tmp_path: Path, requests_at_once: int, size: str) -> None:
    data = large("png with alpha")
    with started(tmp_path) as (port, _, _), ThreadPoolExecutor(requests_at_once) as threads:
        answers = list(threads.map(lambda _: edit(port, [data] * 16, size=size), range(requests_at_once)))
    assert [answer.status_code for answer in answers] == [200] * requests_at_once


@pytest.mark.parametrize("operation", ["edits", "variations"])
def test_the_largest_masked_edit_and_variation_take_little_memory(tmp_path: Path, operation: str) -> None:
    """Two at once, of which the engine carries out one after the other."""
    source, mask = io.BytesIO(), io.BytesIO()
    Image.effect_noise((2048, 2048), 60).convert("RGB").save(source, "PNG", compress_level=1)
    Image.new("RGBA", (2048, 2048)).save(mask, "PNG")
    files = {"image": source.getvalue()} | ({"mask": mask.getvalue()} if operation == "edits" else {})
    fields = {"size": "2048x2048"} | ({"prompt": "remove it"} if operation == "edits" else {})

    def ask(port: int) -> int:
        url = f"http://127.0.0.1:{port}/v1/images/{operation}"
        return requests.post(url, data=fields, files=files, timeout=LONGEST).status_code

    with started(tmp_path) as (port, _, _), ThreadPoolExecutor(2) as threads:
        assert list(threads.map(ask, [port] * 2)) == [200, 200]
