from __future__ import annotations

from typing import Any

import pytest

from cloudflare_image_mcp.backends.workers_ai.wire import abilities_of
from cloudflare_image_mcp.catalog import Operation, Size, models
from cloudflare_image_mcp.core.model_names import find_model
from cloudflare_image_mcp.core.plan import Plan, make_plan
from cloudflare_image_mcp.core.request import ImageRequest, ImageSource
from cloudflare_image_mcp.errors import GatewayError

IMAGE = ImageSource("image", b"")


def plan(model: str, operation: Operation = Operation.GENERATE, sources: tuple[Size, ...] = (), **values: Any) -> Plan:
    row = find_model(model)
    images = (IMAGE,) * len(sources)
    request = ImageRequest(operation=operation, **{"prompt": "a fox", "images": images, **values})
    return make_plan(request, row, abilities_of(row), sources=sources, new_seed=lambda: 77)


def refusal(model: str, *args: Any, **values: Any) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        plan(model, *args, **values)
    assert caught.value.row.status == 400
    return caught.value


def test_what_the_wire_lacks_is_dropped_with_a_warning() -> None:
    made = plan("flux-1-schnell", seed=42, guidance=7.5, negative_prompt="blurry", steps=4)
    assert (made.seeds, made.call.guidance, made.call.negative_prompt, made.call.steps) == ((None,), None, None, 4)
    assert made.warnings == (
        "seed is not supported by flux-1-schnell and was ignored",
        "guidance is not supported by flux-1-schnell and was ignored",
        "negative_prompt is not supported by flux-1-schnell and was ignored",
    )


def test_a_background_that_no_backend_makes_is_named_in_a_warning() -> None:
    made = plan("flux-2-dev", background="transparent")
    assert (made.call.background, made.warnings) == (None, ("background is not supported and was ignored",))
    assert plan("flux-2-dev", background="opaque").warnings == ()


def test_what_the_wire_bounds_closer_than_the_promise_is_clamped_with_a_warning() -> None:
    made = plan("phoenix-1.0", guidance=20)
    assert made.call.guidance == 10
    assert made.warnings == ("guidance 20 is outside what phoenix-1.0 takes; 10 was used",)


@pytest.mark.parametrize(
    ("model", "values", "param", "words"),
    [
        ("flux-1-schnell", {"steps": 9}, "steps", ["1 to 8", "9"]),
        ("flux-1-schnell", {"steps": 0}, "steps", ["1 to 8", "0"]),
        ("flux-2-dev", {"steps": 51}, "steps", ["1 to 50", "51"]),
        ("stable-diffusion-xl-base-1.0", {"guidance": 31}, "guidance", ["1 to 30", "31"]),
        ("stable-diffusion-xl-base-1.0", {"seed": 2**32}, "seed", ["0 to 4294967295"]),
        ("stable-diffusion-xl-base-1.0", {"seed": 10**400}, "seed", ["0 to 4294967295", "…"]),
        ("stable-diffusion-xl-base-1.0", {"seed": -2}, "seed", ["0 to 4294967295", "-2"]),
        ("flux-2-dev", {"size": Size(2049, 256)}, "size", ["256x256 to 2048x2048", "2049x256"]),
        ("flux-2-dev", {"size": Size(255, 256)}, "size", ["256x256 to 2048x2048", "255x256"]),
        ("flux-1-schnell", {"prompt": "x" * 2049}, "prompt", ["2,048", "2,049"]),
        ("flux-1-schnell", {"prompt": "  "}, "prompt", ["prompt is required"]),
        ("stable-diffusion-v1-5-img2img", {}, "model", ["does not make images from text", "flux-1-schnell"]),
    ],
)
def test_what_the_promise_does_not_cover_is_refused(
    model: str, values: dict[str, Any], param: str, words: list[str]
) -> None:
    error = refusal(model, **values)
    assert error.param == param
    for word in words:
        assert word in error.message


def test_edits_need_an_image_and_some_a_mask() -> None:
    assert refusal("flux-2-dev", Operation.EDIT).param == "image"
    assert refusal("stable-diffusion-v1-5-inpainting", Operation.EDIT, (Size(512, 512),)).param == "mask"
    error = refusal("flux-1-schnell", Operation.EDIT, (Size(512, 512),))
    assert error.param == "model"
    assert "flux-2-klein-4b" in error.message


def test_seeds_follow_the_request_and_wrap() -> None:
    assert plan("flux-2-dev", seed=0, n=3).seeds == (0, 1, 2)
    assert plan("flux-2-dev", seed=2**32 - 1, n=2).seeds == (2**32 - 1, 0)
    assert plan("flux-2-dev", n=2).seeds == (77, 78)


def test_sizes_are_delivered_as_asked_and_rendered_as_the_wire_takes() -> None:
    made = plan("flux-2-dev", size=Size(1000, 600))
    assert (made.finish.size, made.call.size) == (Size(1000, 600), Size(1008, 608))
    assert plan("flux-1-schnell", size=Size(512, 512)).call.size == Size(1024, 1024)
    for model in models().values():
        if Operation.GENERATE in model.promise.tasks:
            assert plan(model.id).finish.size == model.promise.sizes.default


def test_an_edit_has_the_size_of_its_image() -> None:
    made = plan("flux-2-dev", Operation.EDIT, (Size(801, 603),))
    assert made.finish.size == Size(801, 603)
    large = plan("flux-2-dev", Operation.EDIT, (Size(4096, 2048),))
    assert large.finish.size == Size(2048, 1024)
    assert any("4096x2048" in warning for warning in large.warnings)


def test_an_aspect_ratio_keeps_the_models_pixels() -> None:
    made = plan("flux-2-dev", aspect_ratio=16 / 9)
    assert made.finish.size.aspect == pytest.approx(16 / 9, rel=0.02)
    assert made.finish.size.pixels == pytest.approx(1024 * 1024, rel=0.05)


def test_quality_becomes_steps_unless_steps_are_given() -> None:
    assert plan("phoenix-1.0", quality="low").call.steps == 13
    assert plan("phoenix-1.0", quality="max").call.steps == 50
    assert plan("phoenix-1.0", quality="high", steps=7).call.steps == 7
    assert plan("phoenix-1.0", quality="high", steps=7).warnings == ("quality high was ignored: steps was used",)
    assert plan("flux-2-klein-4b", quality="high").call.steps is None
    assert plan("flux-2-klein-4b", quality="high").warnings == (
        "quality high is not supported by flux-2-klein-4b and was ignored",
    )
    assert plan("flux-2-klein-4b", quality="standard").warnings == ()


def test_variations_have_their_strength_where_the_wire_takes_one() -> None:
    assert plan("dreamshaper-8-lcm", Operation.VARY, (Size(512, 512),), prompt="").call.strength == 0.7
    assert plan("flux-2-dev", Operation.VARY, (Size(512, 512),), prompt="").call.strength is None


def test_more_images_than_the_model_takes_are_a_warning() -> None:
    made = plan("dreamshaper-8-lcm", Operation.EDIT, (Size(512, 512),) * 3)
    assert made.images == 1
    assert "dreamshaper-8-lcm takes one input image; the other 2 were ignored" in made.warnings


def test_an_edit_that_the_service_was_seen_to_refuse_is_doubtful() -> None:
    assert plan("dreamshaper-8-lcm", Operation.EDIT, (Size(512, 512),)).doubtful
    assert not plan("flux-2-dev", Operation.EDIT, (Size(512, 512),)).doubtful
