from __future__ import annotations

from dataclasses import replace

import pytest

from cloudflare_image_mcp.catalog import Operation
from cloudflare_image_mcp.core.model_names import ModelNames, find_model, natural_response
from cloudflare_image_mcp.errors import GatewayError

NAMES = ModelNames(find_model("flux-1-schnell"), find_model("flux-2-klein-4b"))


@pytest.mark.parametrize("name", [None, "dall-e-2", "gpt-image-1", "gpt-image-7-unheard-of"])
def test_openai_names_stand_for_the_configured_models(name: str | None) -> None:
    assert NAMES.resolve(name, Operation.GENERATE) is NAMES.default
    assert NAMES.resolve(name, Operation.EDIT) is NAMES.default_edit
    assert NAMES.resolve(name, Operation.VARY) is NAMES.default_edit


def test_the_last_part_of_an_id_is_enough() -> None:
    assert find_model("phoenix-1.0") is find_model("@cf/leonardo/phoenix-1.0")


@pytest.mark.parametrize("name", ["flux-1-snell", "@cf/black-forest-labs/flux-1-snell"])
def test_an_unknown_model_suggests_the_nearest(name: str) -> None:
    with pytest.raises(GatewayError) as caught:
        find_model(name)
    assert (caught.value.row.status, caught.value.row.code, caught.value.param) == (404, "model_not_found", "model")
    assert name in caught.value.message
    assert "@cf/black-forest-labs/flux-1-schnell" in caught.value.message


def test_what_openai_answers_when_no_format_is_asked_for() -> None:
    assert natural_response("dall-e-3") == "url"
    assert natural_response("chatgpt-image-latest") == "b64_json"
    assert natural_response("flux-1-schnell") is None
    assert natural_response(None) is None


CONFIGURED = replace(NAMES, configured={"gpt-image-2": find_model("lucid-origin"), "poster": find_model("flux-2-dev")})


@pytest.mark.parametrize(
    ("name", "operation", "model"),
    [
        ("gpt-image-2", Operation.GENERATE, "lucid-origin"),
        ("openai/GPT-Image-2", Operation.GENERATE, "lucid-origin"),
        ("gpt-image-2", Operation.EDIT, "flux-2-klein-4b"),  # Lucid Origin does not edit, and OpenAI's names do both
        ("gpt-image-1", Operation.GENERATE, "flux-1-schnell"),
        (" Poster ", Operation.EDIT, "flux-2-dev"),
        ("flux-1-schnell", Operation.GENERATE, "flux-1-schnell"),
    ],
)
def test_the_operators_names_come_first(name: str, operation: Operation, model: str) -> None:
    assert CONFIGURED.resolve(name, operation) is find_model(model)


def test_the_operators_names_are_listed_once() -> None:
    names = CONFIGURED.usable_aliases()
    assert names.count("gpt-image-2") == 1
    assert names[-1] == "poster"
