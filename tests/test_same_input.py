"""Unusual input means the same in JSON, in a form, over MCP (all on a real socket) and on the command line."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import requests
from mcp import Client

from cloudflare_image_mcp.core.request import OPTIONS
from tests.cli.commands import Home
from tests.mcp_server.inside import text
from tests.waiting import LONGEST

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

INPUTS: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {  # fields, and words of the warnings or of the error
    "numbers in quotes": ({"n": "2", "seed": "7", "steps": "4"}, ()),
    "floats that are integers": ({"n": 2.0, "seed": 7.0, "steps": "4.0"}, ()),
    "seed -1": ({"seed": -1}, ()),
    "words for nothing": ({"n": "null", "seed": "None", "steps": "", "size": "256x256", "negative_prompt": "n/a"}, ()),
    "words for the default": ({"n": "auto", "seed": "random", "steps": "default", "quality": "auto"}, ()),
    "one side": ({"size": "256"}, ()),
    "pixels": ({"size": "256px"}, ()),
    "a star": ({"size": "256*320"}, ()),
    "a multiplication sign": ({"size": "256\u00d7320"}, ()),
    "a size with px": ({"size": "256px x 320 px"}, ()),
    "a size with by": ({"size": "256 by 320"}, ()),
    "a side as a float": ({"size": 256.0}, ()),
    "a ratio as size": ({"size": "1:1"}, ()),
    "a ratio with an x": ({"size": "", "aspect_ratio": "16x9"}, ()),
    "a ratio as a number": ({"size": "", "aspect_ratio": "1.78"}, ()),
    "a format in capitals": ({"output_format": "JPG"}, ()),
    "a media type": ({"output_format": "image/webp"}, ()),
    "a model in capitals, with a provider": ({"model": " workers-ai/@CF/black-forest-labs/FLUX-1-schnell"}, ()),
    "a name of OpenAI's with a provider": ({"model": "openai/GPT-Image-1"}, ()),
    "ten images of gpt-image": ({"model": "gpt-image-1", "n": "10"}, ()),
    "nine images": ({"n": "9"}, ("n must be an integer from 1 to 8, not 9",)),
    "words for a number": ({"n": "two"}, ('n must be an integer, not "two"',)),
    "a size in words": ({"size": "large"}, ('size must be WIDTHxHEIGHT in pixels or "auto", not "large"',)),
    "steps out of range": ({"steps": "99"}, ("steps must be an integer from 1 to 8 for flux-1-schnell, not 99",)),
    "a format that is none": ({"output_format": "GIF"}, ("output_format must be one of", '"GIF"')),
    "a ratio beside a size": ({"size": "256x256", "aspect_ratio": "16:9"}, ("aspect_ratio was ignored",)),
    "a ratio out of range beside a size": ({"aspect_ratio": "99:1"}, ("aspect_ratio must be WIDTH:HEIGHT from 1:8",)),
    "other names for the number": ({"num_outputs": 2}, ()),
    "a resolution": ({"size": "", "resolution": "320x256"}, ()),
    "a ratio by its short name": ({"size": "", "ratio": "1:1"}, ()),
    "steps in camel case": ({"numSteps": "4"}, ()),
    "steps out of range in camel case": ({"numSteps": 99}, ("numSteps must be an integer from 1 to 8",)),
    "dall-e-3 with a provider": ({"model": "openai/dall-e-3"}, ()),
    "an id with a provider": ({"model": "workers-ai/@cf/black-forest-labs/flux-1-schnell"}, ()),
    "gpt-image without a format": ({"model": "gpt-image-1"}, ()),
    "a long prompt under a name of OpenAI's": (
        {"model": "gpt-image-2", "prompt": "a red apple" + ", so very" * 300},
        ("the prompt has 2,711 characters; the engine read the first 2,048",),
    ),
    "a long prompt": ({"prompt": "a red apple" + ", so very" * 300}, ("prompt must be at most 2,048 characters",)),
    "other names": ({"num_images": "2", "num_inference_steps": "4"}, ()),
    "camel case": ({"numImages": 2, "numInferenceSteps": 4, "outputFormat": "png"}, ()),
    "width and height": ({"size": "", "width": "256", "height": 320}, ()),
    "width without height": ({"size": "", "width": 256}, ("height is required when width is given",)),
    "width beside a size": ({"width": 320, "height": 320}, ("width 320 and height 320 were ignored: size 256x256",)),
    "width out of range beside a size": ({"width": 9999}, ("width must be an integer from 256 to 2048, not 9999",)),
    "two names, two values": ({"steps": 4, "num_steps": 5}, ("num_steps 5 was ignored: steps 4 was used",)),
    "two names, one value": ({"steps": 4, "num_steps": "4"}, ()),
    "two names, one out of range": ({"steps": 4, "num_steps": 99}, ("num_steps must be an integer from 1 to 8",)),
    "a misspelt name": ({"stesp": 4}, ('"stesp" is not a known parameter and was ignored; did you mean steps?',)),
    "a misspelt prompt": (
        {"prompt": "", "promt": "a red apple"},
        ('prompt is required: "promt" is not a known parameter; did you mean prompt?',),
    ),
    "no prompt, and an unknown name": ({"prompt": "", "colour": "red"}, ("prompt is required",)),
    "flags in the prompt": ({"prompt": "a red apple --num-steps 4 --size=320x256 \u2014n=2", "size": ""}, ()),
    "a misspelt flag in the prompt": (
        {"prompt": "a red apple --stepz=4"},
        ('"--stepz=4" was left in the prompt: it is not a known flag; did you mean --steps?',),
    ),
    "a flag in the prompt with a value that is none": (
        {"prompt": "a red apple --steps=many"},
        ('"--steps=many" was left in the prompt: --steps takes an integer',),
    ),
    "a flag twice": ({"prompt": "a red apple --seed=1 --seed=2"}, ("--seed 1 was ignored: --seed 2 was used",)),
    "a flag out of range": ({"prompt": "a red apple --steps=99"}, ("steps must be an integer from 1 to 8",)),
    "a flag out of range beside a field": (
        {"prompt": "a red apple --steps=99", "num_steps": 4},
        ("--steps must be an integer from 1 to 8",),
    ),
    "an unknown name": ({"colour": "red"}, ('"colour" is not a known parameter and was ignored',)),
    "extra_body": ({"extra_body": '{"n": 2, "colour": "red"}'}, ('"colour" is not a known parameter',)),
    "another's image_size": ({"image_size": "4K"}, ('image_size "4K" was not understood and was ignored',)),
    "a transparent background": ({"background": "Transparent"}, ()),
    "a transparent jpeg": ({"background": "transparent", "output_format": "JPG"}, ("jpeg has no transparency",)),
}


@dataclass(frozen=True)
class Outcome:
    """What a client sees of a request."""

    sizes: tuple[str, ...] = ()
    format: str = ""
    warnings: tuple[str, ...] = ()
    error: str = ""


def of_rest(server: str, **content: Any) -> Outcome:
    answer = requests.post(f"{server}/v1/images/generations", timeout=LONGEST, **content)
    body = answer.json()
    if answer.status_code != 200:
        assert answer.status_code == 400
        return Outcome(error=body["error"]["message"])
    sizes = (body["size"],) * len(body["data"])
    return Outcome(sizes, body["output_format"], tuple(body.get("warnings", ())))


async def of_mcp(server: str, fields: Mapping[str, Any]) -> Outcome:
    async with Client(f"{server}/mcp") as client:
        result = await client.call_tool("run_model", dict(fields))
    if result.is_error:
        return Outcome(error=text(result))
    made = result.structured_content
    assert made is not None
    sizes = tuple(f"{image['width']}x{image['height']}" for image in made["images"])
    return Outcome(sizes, made["images"][0]["mime_type"].removeprefix("image/"), tuple(made["warnings"]))


def of_command_line(home: Home, fields: Mapping[str, Any]) -> Outcome:
    options = [f"{OPTIONS[name].flags[0]}={value}" for name, value in fields.items() if name != "prompt"]
    ran = home.run("generate", "--json", "-o", "images/", *options, fields["prompt"])
    report = json.loads(ran.stdout)
    if ran.status:
        message = report["error"]["message"]
        assert f"Error: {message}\n" in ran.stderr
        # The parameter as the caller wrote it is the option here.
        option, _, rest = message.partition(" ")
        names = {row.flags[0]: name for name, row in OPTIONS.items()}
        return Outcome(error=f"{names.get(option, option)} {rest}")
    sizes = tuple(image["size"] for image in report["images"])
    return Outcome(sizes, report["images"][0]["format"], tuple(report["warnings"]))


@pytest.mark.parametrize(("fields", "words"), INPUTS.values(), ids=INPUTS)
async def test_the_same_input_means_the_same_everywhere(
    fields: dict[str, Any], words: tuple[str, ...], server: str, tmp_path: Path
) -> None:
    fields = {"prompt": "a red apple", "size": "256x256"} | fields
    outcome = await asyncio.to_thread(of_rest, server, json=fields)
    form = {name: (None, str(value)) for name, value in fields.items()}
    assert await asyncio.to_thread(of_rest, server, files=form) == outcome
    assert await of_mcp(server, fields) == outcome
    if all(name in OPTIONS for name in fields if name != "prompt"):
        assert of_command_line(Home(tmp_path), fields) == outcome
    messages = outcome.error or " ".join(outcome.warnings)
    assert bool(messages) == bool(words)
    for word in words:
        assert word in messages
