"""Masked edits, the same on both runtimes: outside the mask every pixel is the original's."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Final

import pytest
from PIL import Image, ImageChops, ImageDraw

from tests.blackbox.pictures import mask, opened, picture

if TYPE_CHECKING:
    import httpx2
    from openai import OpenAI

MODELS: Final = (
    "@cf/stabilityai/stable-diffusion-xl-base-1.0",
    "@cf/black-forest-labs/flux-2-klein-4b",
    "@cf/black-forest-labs/flux-2-dev",
    "@cf/lykon/dreamshaper-8-lcm",
    "@cf/runwayml/stable-diffusion-v1-5-img2img",
    "@cf/runwayml/stable-diffusion-v1-5-inpainting",
)
SIZES: Final = ((512, 512), (320, 256), (1000, 701))
"""What most models render; a smaller one; and one that none renders."""


def edited(client: httpx2.Client, source: bytes, masked: bytes, **fields: str) -> Image.Image:
    files = {"image": ("source.png", source, "image/png"), "mask": ("mask.png", masked, "image/png")}
    data = {"prompt": "a sheep", "response_format": "b64_json"} | fields
    answer = client.post("/v1/images/edits", files=files, data=data)
    assert answer.status_code == 200, answer.text
    return opened(answer.json()["data"][0]["b64_json"])


def difference(one: Image.Image, other: Image.Image) -> Image.Image:
    return ImageChops.difference(one.convert("RGB"), other.convert("RGB"))


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("model", MODELS)
def test_outside_the_mask_the_pixels_are_the_originals(
    client: httpx2.Client, model: str, size: tuple[int, int]
) -> None:
    after = edited(client, picture(size), mask(size), model=model)
    assert (after.size, after.format) == (size, "PNG")
    changed = difference(opened(picture(size)), after)
    half = size[0] // 2
    assert changed.crop((half, 0, *size)).getbbox() is None
    assert changed.crop((0, 0, half // 2, size[1])).getbbox() is not None


@pytest.mark.parametrize("colour", [(255, 255, 255), (250, 250, 90)])
def test_a_light_area_on_black_is_repainted(client: httpx2.Client, colour: tuple[int, int, int]) -> None:
    light, data = Image.new("RGB", (320, 256)), io.BytesIO()
    ImageDraw.Draw(light).ellipse((40, 40, 200, 200), colour)
    light.save(data, "JPEG", quality=95)
    after = edited(client, picture(), data.getvalue(), model=MODELS[1])
    changed = difference(opened(picture()), after)
    outside = Image.new("L", (320, 256), 255)
    ImageDraw.Draw(outside).ellipse((36, 36, 204, 204), 0)
    assert ImageChops.multiply(changed.convert("L"), outside).getbbox() is None
    assert changed.crop((100, 100, 140, 140)).getbbox() is not None


def test_a_palette_and_a_transparent_source_keep_their_pixels(client: httpx2.Client) -> None:
    source = opened(picture()).convert("RGBA")
    source.putalpha(Image.linear_gradient("L").resize(source.size))
    data = io.BytesIO()
    source.save(data, "PNG")
    after = edited(client, data.getvalue(), mask(), model=MODELS[1])
    assert after.mode == "RGBA"
    assert not ImageChops.difference(source, after).crop((160, 0, 320, 256)).getbbox(alpha_only=False)


@pytest.mark.parametrize("kind", ["jpeg", "webp"])
def test_a_masked_edit_comes_in_the_format_asked_for(client: httpx2.Client, kind: str) -> None:
    after = edited(client, picture(), mask(), model=MODELS[1], output_format=kind)
    assert (after.format or "").lower() == kind
    right = difference(opened(picture()), after).crop((180, 0, 320, 256)).convert("L")
    assert sum(right.histogram()[40:]) < 0.02 * right.width * right.height


def test_a_masked_edit_comes_in_the_size_asked_for(client: httpx2.Client) -> None:
    after = edited(client, picture((512, 512)), mask((512, 512)), model=MODELS[1], size="768x768")
    assert after.size == (768, 768)


def test_several_masked_edits_of_one_request(client: httpx2.Client) -> None:
    files = {"image": ("a.png", picture(), "image/png"), "mask": ("b.png", mask(), "image/png")}
    data = {"prompt": "a sheep", "model": MODELS[1], "n": "4", "response_format": "b64_json"}
    answer = client.post("/v1/images/edits", files=files, data=data)
    assert answer.status_code == 200, answer.text
    before = opened(picture())
    pictures = [opened(item["b64_json"]) for item in answer.json()["data"]]
    assert len({made.tobytes() for made in pictures}) == 4
    assert all(difference(before, made).crop((160, 0, 320, 256)).getbbox() is None for made in pictures)


def test_a_mask_without_a_mark_and_one_of_another_size_are_refused(client: httpx2.Client) -> None:
    opaque, data = Image.new("RGBA", (320, 256), (0, 0, 0, 255)), io.BytesIO()
    opaque.save(data, "PNG")
    for masked, words in ((data.getvalue(), "marks nothing"), (mask((32, 32)), "same size")):
        files = {"image": ("a.png", picture(), "image/png"), "mask": ("b.png", masked, "image/png")}
        answer = client.post("/v1/images/edits", files=files, data={"prompt": "a sheep", "model": MODELS[1]})
        assert answer.status_code == 400, answer.text
        assert answer.json()["error"]["param"] == "mask"
        assert words in answer.json()["error"]["message"]


def test_the_transparent_part_of_an_image_is_its_mask_under_dall_e_2(openai: OpenAI) -> None:
    source = opened(picture()).convert("RGBA")
    source.paste((0, 0, 0, 0), (0, 0, 160, 256))
    data = io.BytesIO()
    source.save(data, "PNG")
    answer = openai.images.edit(
        image=("a.png", data.getvalue()), prompt="a sheep", model="dall-e-2", response_format="b64_json"
    )
    assert answer.data is not None
    after = opened(answer.data[0].b64_json)
    assert difference(opened(picture()), after).crop((160, 0, 320, 256)).getbbox() is None


def test_the_documents_own_edit_example(client: httpx2.Client) -> None:
    """In JSON, with bare base64, as the API document has it, and as the form beside it."""
    size = (1024, 1024)
    fields = {
        "image": base64.b64encode(picture(size)).decode(),
        "mask": base64.b64encode(mask(size)).decode(),
        "prompt": "Add a star to the image",
        "model": "@cf/stabilityai/stable-diffusion-xl-base-1.0",
        "n": 1,
        "size": "1024x1024",
        "strength": 0.5,
    }
    answer = client.post("/v1/images/edits", json=fields)
    assert answer.status_code == 200, answer.text
    stored = opened(client.get(answer.json()["data"][0]["url"]).content)
    form = edited(
        client,
        picture(size),
        mask(size),
        prompt="Add a star to the image",
        model="@cf/stabilityai/stable-diffusion-xl-base-1.0",
    )
    for after in (stored, form):
        assert after.size == size
        assert difference(opened(picture(size)), after).crop((512, 0, *size)).getbbox() is None
