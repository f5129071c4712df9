"""Tool arguments as models write them: unambiguous ones are accepted, others are errors before anything is paid for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cloudflare_image_mcp.catalog import Size
from cloudflare_image_mcp.errors import shown
from cloudflare_image_mcp.mcp_server.arguments import tidy
from tests.mcp_server.backends import noise
from tests.mcp_server.conftest import half_mask
from tests.mcp_server.inside import answer, refusal, talking, text
from tests.mcp_server.test_inputs import data_url

IMAGE = data_url(noise(Size(256, 256), 1))
MASK = data_url(half_mask(256, 256))
ID = "AAAAAAAAAAAAAAAAAAAAAA.png"


@pytest.mark.parametrize("nothing", [None, "", " ", "null", "None", "undefined", "N/A"])
def test_what_says_nothing_is_left_out(nothing: object) -> None:
    names = ("model", "operation", "images", "mask", "n", "size", "seed", "negative_prompt", "output", "foo", "job_id")
    assert tidy({"prompt": "x", **dict.fromkeys(names, nothing)}) == {"prompt": "x"}
    assert tidy({"images": [nothing, ID, nothing]}) == {"images": [ID]}
    assert tidy({"images": [nothing]}) == {}


@pytest.mark.parametrize("word", ["null", "none", "auto", "default", ""])
def test_every_word_of_a_prompt_counts(word: str) -> None:
    assert tidy({"prompt": word}) == {"prompt": word}


@pytest.mark.parametrize("word", ["auto", "default", "Random"])
def test_words_for_the_default(word: str) -> None:
    assert tidy(dict.fromkeys(("model", "operation", "seed", "size", "aspect_ratio", "output"), word)) == {}
    free = dict.fromkeys(("negative_prompt", "mask", "job_id"), word)
    assert tidy(free) == free


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ({"size": "640x480"}, {"size": "640x480"}),
        ({"size": "16:9", "aspect_ratio": "4:3"}, {"size": "16:9", "aspect_ratio": "4:3"}),
        ({"size": "landscape"}, {"size": "landscape"}),
        ({"size": True}, {"size": True}),
        ({"aspect_ratio": "16:9"}, {"aspect_ratio": "16:9"}),
        ({"operation": "Generate"}, {"operation": "generate"}),
        ({"operation": "text_to_image"}, {"operation": "generate"}),
        ({"operation": "variation"}, {"operation": "vary"}),
        ({"operation": "inpainting"}, {"operation": "edit"}),
        ({"operation": "upscale"}, {"operation": "upscale"}),
        ({"operation": ["edit"]}, {"operation": ["edit"]}),
        ({"output": "Link"}, {"output": "link"}),
        ({"images": ID}, {"images": [ID]}),
        ({"image": ID}, {"images": [ID]}),
        ({"image_url": ID, "images": ["other"]}, {"image_url": ID, "images": ["other"]}),
        ({"image": ID, "images": None}, {"images": [ID]}),
        ({"image": ID, "images": []}, {"images": [ID]}),
        ({"image": ID, "images": "[]"}, {"images": [ID]}),
        ({"images": json.dumps([ID, ID])}, {"images": [ID, ID]}),
        ({"images": "[1, 2"}, {"images": ["[1, 2"]}),
        ({"images": "[" * 100_000}, {"images": ["[" * 100_000]}),
        ({"images": {"id": ID, "uri": f"image://{ID}"}}, {"images": [ID]}),
        ({"images": [{"type": "resource_link", "uri": f"image://{ID}"}]}, {"images": [f"image://{ID}"]}),
        ({"images": [{"image_url": {"url": IMAGE}}]}, {"images": [IMAGE]}),
        ({"images": [7, {"name": "fox"}]}, {"images": [7, {"name": "fox"}]}),
        ({"mask": [ID]}, {"mask": ID}),
        ({"mask": {"id": ID}}, {"mask": ID}),
        ({"mask": [ID, ID]}, {"mask": [ID, ID]}),
        ({"model_id": "flux-2-dev"}, {"model": "flux-2-dev"}),
    ],
)
def test_one_thing_written_in_many_ways(written: dict[str, Any], meant: dict[str, Any]) -> None:
    assert tidy(written) == meant
    assert tidy(meant) == meant


async def test_numbers_in_quotes_are_numbers() -> None:
    async with talking() as client:
        numbers = {"n": "2", "seed": "42", "steps": "20", "guidance": "3.5", "wait_seconds": "60"}
        made = await answer(client, prompt="x", model="flux-2-dev", size="256x256", **numbers)
        assert [image["seed"] for image in made["images"]] == [42, 43]
        assert made["warnings"] == []
        assert len((await answer(client, "list_images", limit="1"))["images"]) == 1
        assert len((await answer(client, "list_images", limit=None))["images"]) == 2
        assert "n must be an integer, not" in await refusal(client, n="two")
        assert "n must be an integer, not true" in await refusal(client, n=True)
        for wrong in ("soon", "nan", "inf", [3], True, -1, 301):
            assert "wait_seconds must be a number from 0 to 300" in await refusal(client, wait_seconds=wrong)


async def test_parameters_under_their_other_names() -> None:
    async with talking() as client:
        others = {"num_inference_steps": 99, "width": 512, "height": 256}
        assert "num_inference_steps must be" in await refusal(client, num_inference_steps="many")
        assert "steps must be" in await refusal(client, **others)
        made = await answer(client, prompt="x", width=512, height=256, num_steps=4)
    assert (made["images"][0]["width"], made["images"][0]["height"]) == (512, 256)
    assert made["warnings"] == []


async def test_what_is_not_used_is_named() -> None:
    async with talking() as client:
        made = await answer(client, prompt="x", images=[IMAGE], image_url=IMAGE, stream=True, response_format="url")
    assert made["operation"] == "edit"
    assert set(made["warnings"]) == {
        "image_url was ignored: images was used",
        "stream has no meaning over MCP and was ignored",
        "response_format has no meaning over MCP and was ignored",
    }


async def test_an_operation_guessed_wrongly_costs_no_image() -> None:
    async with talking() as client:
        edited = await answer(client, prompt="x", operation="generate", images=[IMAGE])
        assert edited["operation"] == "edit"
        assert edited["warnings"] == ["generate takes no images, so this was taken as edit"]
        assert (await answer(client, prompt="x", image=IMAGE))["operation"] == "edit"
        assert (await answer(client, operation="generate", images=IMAGE))["operation"] == "vary"
        for arguments in ({"mask": MASK}, {"mask": MASK, "operation": "generate"}):
            assert "images is required with a mask" in await refusal(client, **arguments)
        assert "images is required to edit" in await refusal(client, operation="edit", mask=MASK)
        assert "images is required to vary" in await refusal(client, operation="variation", images=[""])
        assert "prompt is required" in await refusal(client, operation="edit", images=[IMAGE], prompt="")
        assert len((await answer(client, "list_images"))["images"]) == 3


@pytest.mark.parametrize(
    "written",
    [
        "the fox",
        "note: the fox",
        "last",
        "1",
        "QUJD",
        "the picture of a fox that you made for me a moment ago",
        "one, two, three" * 9,
    ],
)
async def test_a_name_in_words_is_no_image(written: str) -> None:
    async with talking() as client:
        message = await refusal(client, images=[written], operation="edit")
    assert message == f"images[0] is {shown(written)}, which is no image id, URL or path; list_images shows the ids"


async def test_an_image_named_by_the_url_that_a_result_gave() -> None:
    """At whatever address the gateway was reached: nothing is fetched, its own port is not a public one."""
    async with talking(base_url=lambda request: "http://localhost:3000") as client:
        image = (await answer(client, prompt="x", size="256x256"))["images"][0]
        assert image["url"] == f"http://localhost:3000/images/{image['id']}"
        for written in (image["url"], f"http://10.0.0.7:8000/images/{image['id']}?download=1"):
            assert (await answer(client, prompt="x", images=[written]))["operation"] == "edit"
        gone = await refusal(client, images=[f"http://localhost:3000/images/{ID}"])
        assert f'"image://{ID}", which is not stored' in gone
        other = await refusal(client, images=[f"http://127.0.0.1:3000/images/{ID}"])
        assert "was not taken" in other


async def test_an_id_with_its_extension_in_capitals() -> None:
    async with talking() as client:
        image = (await answer(client, prompt="x", size="256x256"))["images"][0]
        for written in (image["id"].replace(".png", ".PNG"), image["uri"].replace("image", "IMAGE")):
            assert (await answer(client, prompt="x", images=[written]))["operation"] == "edit"


HUGE = 10**400
"""A number that no float holds."""


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("tool", "name"),
    [
        ("list_images", "limit"),
        ("get_job", "wait_seconds"),
        ("run_model", "wait_seconds"),
        ("run_model", "n"),
        ("run_model", "seed"),
        ("run_model", "steps"),
        ("run_model", "guidance"),
        ("run_model", "strength"),
        ("run_model", "aspect_ratio"),
        ("run_model", "size"),
        ("run_model", "width"),
    ],
)
async def test_a_number_that_no_float_holds_is_the_arguments_error(tool: str, name: str, sign: int) -> None:
    arguments = {"run_model": {"prompt": "x"}, "get_job": {"job_id": "x"}}.get(tool, {})
    async with talking() as client:
        result = await client.call_tool(tool, {**arguments, name: sign * HUGE})
    assert result.is_error
    assert name in text(result)
    assert "failed inside the gateway" not in text(result)
