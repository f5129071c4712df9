from __future__ import annotations

from pathlib import Path

import pytest

from cloudflare_image_mcp import catalog
from cloudflare_image_mcp.backends.workers_ai.wire import wire_of
from cloudflare_image_mcp.catalog import MaskUse, Operation, Size, models, openai_family

DOCUMENTED = [  # the API document's two tables
    ("@cf/black-forest-labs/flux-1-schnell", "black-forest-labs", {"generate"}),
    ("@cf/black-forest-labs/flux-2-klein-4b", "black-forest-labs", {"generate", "edit", "vary"}),
    ("@cf/black-forest-labs/flux-2-dev", "black-forest-labs", {"generate", "edit", "vary"}),
    ("@cf/stabilityai/stable-diffusion-xl-base-1.0", "stabilityai", {"generate", "edit", "vary"}),
    ("@cf/bytedance/stable-diffusion-xl-lightning", "bytedance", {"generate"}),
    ("@cf/lykon/dreamshaper-8-lcm", "lykon", {"generate", "edit", "vary"}),
    ("@cf/leonardo/lucid-origin", "leonardo", {"generate"}),
    ("@cf/leonardo/phoenix-1.0", "leonardo", {"generate"}),
    ("@cf/runwayml/stable-diffusion-v1-5-img2img", "runwayml", {"edit", "vary"}),
    ("@cf/runwayml/stable-diffusion-v1-5-inpainting", "runwayml", {"edit"}),
]

PRICES = [  # neurons reported for measured calls, or worked out where marked
    ("@cf/black-forest-labs/flux-1-schnell", "1024x1024", 4, [], 172.80),
    ("@cf/leonardo/phoenix-1.0", "1024x1024", None, [], 3120.0),
    ("@cf/leonardo/lucid-origin", "1120x1120", 15, [], 3904.69),
    ("@cf/black-forest-labs/flux-2-dev", "1024x1024", 50, [], 7500.0),
    ("@cf/black-forest-labs/flux-2-klein-9b", "1024x1024", None, [], 1363.64),
    ("@cf/black-forest-labs/flux-2-klein-4b", "1920x1088", None, ["512x512", "512x512"], 218.33),
    ("@cf/stabilityai/stable-diffusion-xl-base-1.0", "2048x2048", 20, [], 0.0),
]


def test_every_file_is_a_model() -> None:
    files = {path.stem for path in Path(catalog.__file__).parent.glob("models/*.toml")}
    assert {model.short_name for model in models().values()} == files


@pytest.mark.parametrize(("model_id", "owner", "tasks"), DOCUMENTED)
def test_the_documents_models_promise_the_documents_tasks(model_id: str, owner: str, tasks: set[str]) -> None:
    model = models()[model_id]
    assert model.owned_by == owner
    assert {task.value for task in model.promise.tasks} == tasks


def test_the_documents_ranges_hold() -> None:
    rows = models()
    assert rows["@cf/black-forest-labs/flux-1-schnell"].promise.parameters["steps"].maximum == 8
    assert rows["@cf/black-forest-labs/flux-2-klein-4b"].promise.parameters["steps"].maximum == 50
    sdxl = rows["@cf/stabilityai/stable-diffusion-xl-base-1.0"].promise
    assert (sdxl.parameters["steps"].minimum, sdxl.parameters["steps"].maximum) == (1, 20)
    assert (sdxl.parameters["guidance"].minimum, sdxl.parameters["guidance"].maximum) == (1, 30)
    assert sdxl.mask is MaskUse.OPTIONAL
    assert rows["@cf/runwayml/stable-diffusion-v1-5-inpainting"].promise.mask is MaskUse.REQUIRED
    for model in rows.values():
        assert "seed" in model.promise.parameters
        assert "negative_prompt" in model.promise.parameters
        assert all(model.promise.sizes.takes(size) for size in model.promise.sizes.listed)
        assert model.promise.sizes.takes(model.promise.sizes.default)


@pytest.mark.parametrize(("model_id", "size", "steps", "inputs", "neurons"), PRICES)
def test_prices_agree_with_measured_calls(
    model_id: str, size: str, steps: int | None, inputs: list[str], neurons: float
) -> None:
    price = models()[model_id].price
    assert price.amount(Size.parse(size), steps, [Size.parse(i) for i in inputs]) == pytest.approx(neurons, abs=0.01)


def test_only_what_the_schema_has_is_on_the_wire() -> None:
    schnell = wire_of(models()["@cf/black-forest-labs/flux-1-schnell"])
    assert schnell.closed
    assert set(schnell.parameters) == {"prompt", "steps"}
    assert not schnell.size_fields
    assert "steps" not in wire_of(models()["@cf/black-forest-labs/flux-2-klein-4b"]).parameters


def test_openai_names_have_families() -> None:
    for name, response in {"dall-e-3": "url", "gpt-image-9-imagined": "b64_json"}.items():
        assert (family := openai_family(name)) is not None
        assert family.response == response
    assert openai_family("flux-1-schnell") is None


def test_operations_are_the_three() -> None:
    assert [operation.value for operation in Operation] == ["generate", "edit", "vary"]
