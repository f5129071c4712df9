"""The tools as a host sees them, and what they answer to a model's mistakes."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, GetPromptResult, PromptReference, ResourceTemplateReference

from cloudflare_image_mcp.assembly import assemble
from cloudflare_image_mcp.catalog import models
from cloudflare_image_mcp.core.jobs import MAX_UNFINISHED
from cloudflare_image_mcp.core.model_names import find_model
from cloudflare_image_mcp.errors import ERRORS, GatewayError
from cloudflare_image_mcp.mcp_server.results import ADVICE, error_text
from cloudflare_image_mcp.rest.server import app_over
from cloudflare_image_mcp.settings import Settings
from tests.live import serving
from tests.mcp_server.backends import HeldBackend, NoiseBackend, held
from tests.mcp_server.inside import answer, read_text, refusal, talking, text

if TYPE_CHECKING:
    from pathlib import Path

NOT_OF_TOOLS = {"invalid_api_key", "method_not_allowed", "origin_not_allowed", "range_not_satisfiable"}
"""Errors that HTTP answers before a tool is called."""


async def test_how_the_server_and_its_tools_present_themselves() -> None:
    async with talking() as client:
        tools = (await client.list_tools()).tools
        assert client.server_info
        assert client.server_info.title == "Cloudflare Images"
        assert client.server_info.icons
        assert "Never write base64" in (client.instructions or "")
    assert [tool.name for tool in tools] == [
        "list_models",
        "describe_model",
        "run_model",
        "get_job",
        "cancel_job",
        "list_images",
    ]
    for tool in tools:
        assert tool.title
        assert tool.description
        assert tool.icons
        assert tool.icons[0].src.startswith("data:image/svg+xml,")
        assert tool.output_schema
        assert tool.annotations
        for name, schema in tool.input_schema["properties"].items():
            assert schema["description"], (tool.name, name)
    hints = {tool.name: tool.annotations for tool in tools if tool.annotations}
    assert [name for name, hint in hints.items() if hint.read_only_hint] == [
        "list_models",
        "describe_model",
        "get_job",
        "list_images",
    ]
    assert hints["run_model"].destructive_hint is False
    assert hints["run_model"].open_world_hint is True
    run = next(tool for tool in tools if tool.name == "run_model")
    wanted = "prompt model operation images mask n size aspect_ratio seed steps guidance negative_prompt strength"
    assert [*run.input_schema["properties"]] == [
        *wanted.split(),
        "output_format",
        "background",
        "output",
        "wait_seconds",
    ]


async def test_models_are_listed_and_described() -> None:
    async with talking() as client:
        listed = await answer(client, "list_models")
        assert [model["id"] for model in listed["models"]] == list(models())
        assert [model["id"] for model in listed["models"] if model["default_for"]] == [
            "@cf/black-forest-labs/flux-1-schnell",
            "@cf/black-forest-labs/flux-2-klein-4b",
        ]
        for model in models().values():
            described = await answer(client, "describe_model", model=model.id)
            assert described["parameters"].keys() == model.promise.parameters.keys()
            assert described["limits"] == list(model.live.notes)
            assert "run_model(model=" in described["next"]
        described = await answer(client, "describe_model", model="openai/dall-e-3")
        assert described["id"] == "@cf/black-forest-labs/flux-1-schnell"
        catalog = await client.read_resource("models://catalog")
        assert catalog.contents[0].mime_type == "application/json"
        assert [row["id"] for row in json.loads(read_text(catalog))] == list(models())


async def test_bad_arguments_are_errors_with_the_messages_of_the_core() -> None:
    async with talking() as client:
        assert "does not exist; try" in await refusal(client, model="flux-3")
        assert "from 1 to 8 for flux-1-schnell, not 9" in await refusal(client, steps=9)
        assert "n must be an integer from 1 to 8" in await refusal(client, n=0)
        assert "size must be" in await refusal(client, size="17x17")
        assert "prompt is required" in await refusal(client, prompt="")
        assert "wait_seconds must be a number from 0 to 300" in await refusal(client, wait_seconds=-1)
        assert "output must be one of auto, image, link" in await refusal(client, output="file")
        bad = {"operation": "edit", "images": ["data:image/png;base64,AAAA"]}
        assert "must be a PNG, JPEG, WebP or GIF image" in await refusal(client, **bad)
        for tool, arguments, words in (
            ("describe_model", {}, "model is required"),
            ("describe_model", {"model": "x" * 300}, "does not exist"),
            ("get_job", {}, "job_id is required"),
            ("list_images", {"limit": 1000}, "limit must be an integer from 1 to 100"),
        ):
            result = await client.call_tool(tool, arguments)
            assert result.is_error
            assert words in text(result)


async def test_what_a_model_does_not_take_is_a_warning() -> None:
    async with talking() as client:
        made = await answer(client, prompt="x", size="256x256", strength=0.5, background="transparent", n=2)
    assert made["status"] == "completed"
    assert len(made["images"]) == 2
    assert "background is not supported and was ignored" in made["warnings"]
    assert "strength has no meaning without an input image and was ignored" in made["warnings"]


async def test_seeds_and_formats() -> None:
    async with talking() as client:
        ask: dict[str, Any] = {"prompt": "x", "size": "256x256", "seed": 41, "n": 3, "output_format": "webp"}
        first, second = [await answer(client, **ask) for _ in range(2)]
    assert [image["seed"] for image in first["images"]] == [41, 42, 43]
    assert {image["mime_type"] for image in first["images"]} == {"image/webp"}
    assert [image["width"] for image in first["images"]] == [256] * 3
    assert len({image["id"] for image in (*first["images"], *second["images"])}) == 6


async def test_prompts_and_completions() -> None:
    async with talking() as client:
        prompts = {prompt.name: prompt for prompt in (await client.list_prompts()).prompts}
        assert set(prompts) == {"generate_image", "edit_image", "explore_styles"}
        for prompt in prompts.values():
            assert prompt.description
            assert all(argument.description for argument in prompt.arguments or [])
        made = await client.get_prompt("generate_image", {"subject": "a fox", "style": "line art", "size": "512x512"})
        prompt_text = prompted(made)
        assert "a fox, line art" in prompt_text
        assert 'size="512x512"' in prompt_text
        edit = await client.get_prompt("edit_image", {"image": "image://abc", "change": "add a hat"})
        assert 'images=["image://abc"]' in prompted(edit)
        image = (await answer(client, prompt="x", size="256x256"))["images"][0]

        async def complete(ref: PromptReference | ResourceTemplateReference, name: str, value: str) -> list[str]:
            return (await client.complete(ref, {"name": name, "value": value})).completion.values

        edit_ref = PromptReference(type="ref/prompt", name="edit_image")
        assert await complete(edit_ref, "model", "klein") == [
            "@cf/black-forest-labs/flux-2-klein-4b",
            "@cf/black-forest-labs/flux-2-klein-9b",
        ]
        assert await complete(edit_ref, "image", "image://") == [image["uri"]]
        template = ResourceTemplateReference(type="ref/resource", uri="image://{id}")
        assert await complete(template, "id", image["id"][:3]) == [image["id"]]
        style = PromptReference(type="ref/prompt", name="generate_image")
        found = await complete(style, "style", "p")
        assert found[:3] == ["photograph", "pencil sketch", "pixel art"]
        assert "watercolour" not in found


async def test_a_prompt_asked_for_wrongly_is_the_clients_mistake(caplog: pytest.LogCaptureFixture) -> None:
    wrong: dict[str, tuple[dict[str, str], str]] = {
        "edit_picture": ({}, 'prompt "edit_picture" does not exist; there are generate_image, edit_image, explore'),
        "edit_image": ({"mask": "image://abc"}, "prompt edit_image needs image and change"),
    }
    async with talking() as client:
        for name, (arguments, words) in wrong.items():
            with pytest.raises(MCPError, match=re.escape(words)) as caught:
                await client.get_prompt(name, arguments)
            assert caught.value.code == INVALID_PARAMS
        made = await client.get_prompt("generate_image", {"subject": "a fox", "mood": "calm"})
    assert "a fox" in prompted(made)
    assert caplog.records == []


def prompted(result: GetPromptResult) -> str:
    """What the prompt's one message says."""
    (message,) = result.messages
    assert message.content.type == "text"
    return message.content.text


async def test_one_model_alone_at_its_own_address() -> None:
    settings = Settings.read({"IMAGE_STORAGE_URL": "memory:"})
    with serving(app_over(assemble(settings, backend=NoiseBackend()), settings)) as origin:
        for mode in ("auto", "legacy"):
            for name in ("@cf/black-forest-labs/flux-1-schnell", "flux-1-schnell"):
                async with Client(f"{origin}/mcp/simple?model={name}", mode=mode) as client:
                    tools = {tool.name: tool for tool in (await client.list_tools()).tools}
                    assert list(tools) == ["run_model", "get_job", "cancel_job", "list_images"]
                    properties = tools["run_model"].input_schema["properties"]
                    assert properties["operation"]["enum"] == ["generate"]
                    assert not {"model", "images", "mask"} & set(properties)
                    assert properties["steps"]["maximum"] == 8
                    assert "FLUX.1" in (client.instructions or "")
                    made = await answer(client, prompt="x", size="256x256", model="flux-2-dev")
                    assert made["model"] == "@cf/black-forest-labs/flux-1-schnell"
                    assert '"model" is no parameter of run_model and was ignored' in made["warnings"]


@pytest.mark.parametrize(("name", "changes"), [("flux-1-schnell", False), ("flux-2-klein-4b", True)])
async def test_one_model_alone_offers_no_more_than_it_does(name: str, changes: bool) -> None:
    """A model that only generates is presented to the assistant as one that does, in every place."""
    async with talking(model=find_model(name)) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        prompts = {prompt.name: prompt for prompt in (await client.list_prompts()).prompts}
        made = await answer(client, prompt="x", size="256x256")
        texts = [client.instructions, tools["run_model"].description, tools["list_images"].description, made["next"]]
        catalog = json.loads(read_text(await client.read_resource("models://catalog")))
    assert [bool(re.search(r"\bin images\b|images=", text or "")) for text in texts] == [changes] * 4
    assert ("edit_image" in prompts) is changes
    assert all("model" not in [one.name for one in prompt.arguments or []] for prompt in prompts.values())
    assert [row["id"] for row in catalog] == [made["model"]]


@pytest.mark.parametrize("kind", ERRORS)
def test_an_error_says_what_to_do_next(kind: str) -> None:
    """Unless its message does: what is wrong with an argument names what is allowed."""
    error = GatewayError(kind, "It is so")
    if ERRORS[kind].retry:
        wait = ERRORS[kind].retry_after
        assert error_text(error) == (
            "It is so. Next: try again." if wait is None else f"It is so. Next: try again in {wait} s."
        )
        assert error_text(GatewayError(kind, "It is so", retry_after=7)) == "It is so. Next: try again in 7 s."
    elif ERRORS[kind].status in {400, 404, 413, 415} and kind not in ADVICE:
        assert error_text(error) == "It is so"
    elif kind in ADVICE:
        assert error_text(error) == f"It is so. Next: {ADVICE[kind]}."
    else:
        assert kind in NOT_OF_TOOLS


async def test_what_to_do_about_a_job_that_failed_or_was_cancelled(tmp_path: Path) -> None:
    async with talking() as client:
        wrong = await answer(client, prompt="x", size="256x256", steps=99, wait_seconds=0)
        failed = await answer(client, "get_job", job_id=wrong["job_id"], wait_seconds=60)
        assert failed["status"] == "failed"
        assert failed["error"]["message"].startswith("steps must be")
        assert failed["next"] == "call run_model again, changed as the error says"
        gone = await client.call_tool("get_job", {"job_id": "no such job"})
        assert text(gone).endswith("Next: list_images shows the images that are stored.")
    ledger = tmp_path / "ledger.txt"
    with held(ledger):
        async with talking(backend=HeldBackend(ledger)) as client:
            begun = await answer(client, prompt="x", size="256x256", wait_seconds=0)
            stopped = await answer(client, "cancel_job", job_id=begun["job_id"])
    assert stopped["next"] == "call run_model again if the images are wanted after all"


async def test_too_many_jobs_are_refused_with_an_error(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.txt"
    with held(ledger):
        async with talking(backend=HeldBackend(ledger)) as client:
            jobs = [await answer(client, prompt="x", size="256x256", wait_seconds=0) for _ in range(MAX_UNFINISHED)]
            assert "jobs are running already" in await refusal(client, wait_seconds=0)
            for job in jobs:
                assert (await answer(client, "cancel_job", job_id=job["job_id"]))["status"] == "cancelled"
            again = await answer(client, prompt="x", size="256x256", wait_seconds=0)
            await answer(client, "cancel_job", job_id=again["job_id"])


@pytest.mark.parametrize("name", ["image://{id}", "image://{id}/preview"])
async def test_images_are_templates(name: str) -> None:
    async with talking() as client:
        templates = (await client.list_resource_templates()).resource_templates
    assert name in [template.uri_template for template in templates]
