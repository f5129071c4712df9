"""The requests to Workers AI, as a server receives them."""

from __future__ import annotations

import io
import json
import re
from typing import Any

import pytest
from PIL import Image as Pillow

from cloudflare_image_mcp.backends.workers_ai.request import LARGE_SOURCE
from cloudflare_image_mcp.catalog import Operation, Size
from cloudflare_image_mcp.imagefile.image import Image
from tests.backends.workers_ai.conftest import LIGHTNING, backend_at, call, image
from tests.backends.workers_ai.scripted import image_answer, scripted
from tests.emulator.calling import DREAMSHAPER, INPAINTING, KLEIN, PHOENIX, SCHNELL

LUCID = "@cf/leonardo/lucid-origin"
DEV = "@cf/black-forest-labs/flux-2-dev"


async def sent(model: str, **values: Any) -> tuple[str, bytes]:
    """Head and body of the request for one call."""
    async with scripted(image_answer()) as server, backend_at(server.address) as backend:
        await backend.run(call(model, **values))
    ((head, body),) = server.requests
    return head.decode(), body


def parts_of(head: str, body: bytes) -> dict[str, tuple[str | None, bytes]]:
    """The parts of a form: the media type that each states, and what it holds."""
    found = re.search(r"(?im)^content-type: multipart/form-data; boundary=(\S+)", head)
    assert found is not None, head
    parts: dict[str, tuple[str | None, bytes]] = {}
    for part in body.split(f"--{found[1]}".encode())[1:-1]:
        lines, _, value = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        name = re.search(rb'name="([^"]+)"', lines)
        kind = re.search(rb"(?im)^content-type: (\S+)", lines)
        assert name is not None, lines
        parts[name[1].decode()] = (kind[1].decode() if kind else None, value.removesuffix(b"\r\n"))
    return parts


async def test_the_head_of_a_request() -> None:
    head, _ = await sent(LIGHTNING)
    assert head.startswith(f"POST /client/v4/accounts/demo/ai/run/{LIGHTNING} HTTP/1.1\r\n")
    headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:-2])
    assert headers["authorization"] == "bearer demo"
    assert headers["content-type"] == "application/json"
    assert headers["user-agent"].startswith("cloudflare-image-mcp/")
    assert headers["accept"] == "*/*"


@pytest.mark.parametrize(
    ("model", "promised"),
    [
        (SCHNELL, {}),
        (LIGHTNING, {"num_steps": 4}),
        (DREAMSHAPER, {"num_steps": 8}),
        (LUCID, {"num_steps": 15}),
        (PHOENIX, {}),
    ],
)
async def test_a_default_that_the_service_does_not_share_is_sent(model: str, promised: dict[str, int]) -> None:
    size = Size(1024, 1024)
    _, body = await sent(model, size=size)
    sides = {} if model == SCHNELL else {"width": 1024, "height": 1024}
    assert json.loads(body) == {"prompt": "a cat"} | promised | sides


async def test_the_default_strength_of_an_edit_is_sent(source: Image, mask: Image) -> None:
    values: dict[str, Any] = {"operation": Operation.EDIT, "images": (source,), "mask": mask}
    _, body = await sent(INPAINTING, **values)
    fields = json.loads(body)
    assert fields["strength"] == 0.7
    assert bytes(fields["image"]) == await source.payload.read()
    assert bytes(fields["mask"]) == await mask.payload.read()
    _, body = await sent(INPAINTING, **values, strength=0.0)
    assert json.loads(body)["strength"] == 0.0


async def test_a_large_source_goes_as_a_jpeg_of_the_same_size(mask: Image) -> None:
    file = io.BytesIO()
    Pillow.merge("RGB", [Pillow.effect_noise((1024, 768), 80) for _ in range(3)]).save(file, "PNG")
    assert len(file.getvalue()) > LARGE_SOURCE
    photograph = await Image.of_bytes(file.getvalue())
    _, body = await sent(INPAINTING, operation=Operation.EDIT, images=(photograph,), mask=mask)
    arrived = Pillow.open(io.BytesIO(bytes(json.loads(body)["image"])))
    assert (arrived.format, arrived.size) == ("JPEG", (1024, 768))


@pytest.mark.parametrize("model", [KLEIN, DEV])
async def test_a_form(model: str) -> None:
    references = (await image((600, 300), "RGBA", (1, 2, 3, 4)), await image((40, 30)))
    values: dict[str, Any] = {"operation": Operation.EDIT, "images": references, "seed": 0, "guidance": 3.5}
    prompt = 'Füchse "im" Wald\nund: --boundary'
    head, body = await sent(model, prompt=prompt, size=Size(272, 256), **values)
    assert "\r\naccept: */*\r\n" in head.lower()
    parts = parts_of(head, body)
    texts = {name: value.decode() for name, (_, value) in parts.items() if not name.startswith("input_image")}
    assert texts == {"prompt": prompt, "width": "272", "height": "256", "seed": "0", "guidance": "3.5"}
    files = {name: value for name, value in parts.items() if name.startswith("input_image")}
    assert {name: kind for name, (kind, _) in files.items()} == {
        "input_image_0": "image/png",
        "input_image_1": "image/jpeg",
    }
    assert files["input_image_0"][1].startswith(b"\x89PNG")
    assert files["input_image_1"][1].startswith(b"\xff\xd8")


async def test_a_form_without_a_file_is_a_form_too() -> None:
    head, body = await sent(KLEIN)
    assert parts_of(head, body).keys() == {"prompt", "width", "height"}
