"""Other providers' models through the emulator: sizes, edits, parameters, errors, and nothing of it when off."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest
import requests
from PIL import Image

from cloudflare_image_mcp.catalog import Operation, proxied_models
from tests.waiting import LONGEST
from tests.wire.conftest import wired

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cloudflare_image_mcp.catalog import Model
    from tests.wire.conftest import Wire

ON = {"CLOUDFLARE_CATALOGUE": "on"}
GENERATING = [model for model in proxied_models().values() if Operation.GENERATE in model.promise.tasks]
EDITING = [model for model in proxied_models().values() if Operation.EDIT in model.promise.tasks]
RECRAFT = "recraft/recraftv4"


@pytest.fixture(scope="module")
def proxied() -> Iterator[Wire]:
    with wired(ON) as wire:
        yield wire


def generate(wire: Wire, model: str, **values: Any) -> requests.Response:
    request = {"prompt": "a red fox in snow", "model": model, "response_format": "b64_json"} | values
    return wire.post("generations", request)


def failing(fault: str, **values: Any) -> tuple[requests.Response, Any]:
    """The answer of a gateway all of whose calls meet the fault, and the emulator's counters."""
    with wired(ON, faults=f"{fault}:1") as wire:
        return generate(wire, values.pop("model", RECRAFT), **values), wire.stats()


def ids(models: list[Model]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("model", models, ids=[model.id for model in models])


@ids(GENERATING)
def test_the_default_size_and_an_odd_one_are_delivered_to_the_pixel(proxied: Wire, model: Model) -> None:
    default = generate(proxied, model.id)
    assert [image.size for image in proxied.images(default)] == [model.promise.sizes.default]
    assert default.headers["x-image-model"] == model.id
    odd = generate(proxied, model.id, size="821x573", output_format="png")
    (image,) = proxied.images(odd)
    assert (image.size, image.format) == ((821, 573), "PNG")


@ids(EDITING)
def test_an_edit_keeps_the_sources_size_and_a_mask_keeps_what_is_outside(
    proxied: Wire, model: Model, source: bytes, mask: bytes
) -> None:
    values = {"prompt": "make it blue", "model": model.id, "response_format": "b64_json", "output_format": "png"}
    answer = proxied.post("edits", values, {"image": source, "mask": mask})
    (image,) = proxied.images(answer)
    original = Image.open(io.BytesIO(source))
    assert image.size == original.size
    outside = (0, 0, 90, 256)
    assert image.convert("RGB").crop(outside).tobytes() == original.convert("RGB").crop(outside).tobytes()


def test_a_variation_keeps_the_sources_size(proxied: Wire, source: bytes) -> None:
    values = {"model": "bria/fibo-generate-1.5", "response_format": "b64_json"}
    varied = proxied.post("variations", values, {"image": source})
    assert [image.size for image in proxied.images(varied)] == [(320, 256)]


def test_the_price_stands_in_a_header_and_in_the_usage(proxied: Wire) -> None:
    answer = generate(proxied, RECRAFT, n=2)
    assert answer.headers["x-image-usd"] == "0.08"
    assert answer.json()["usage"]["cost"] == 0.08
    assert "x-image-neurons" not in answer.headers
    assert answer.headers["cf-aig-log-id"] == "emulated, emulated"
    unknown = generate(proxied, "openai/gpt-image-2")
    assert "x-image-usd" not in unknown.headers
    assert "usage" not in unknown.json()


def test_openais_own_model_has_its_whole_id_and_the_name_stands_for_the_default(proxied: Wire) -> None:
    ran = [generate(proxied, name).headers["x-image-model"] for name in ("openai/gpt-image-2", "gpt-image-2")]
    assert ran == ["openai/gpt-image-2", "@cf/black-forest-labs/flux-1-schnell"]
    listed = {row["id"]: row for row in requests.get(f"{proxied.gateway}/v1/models", timeout=LONGEST).json()["data"]}
    assert listed["openai/gpt-image-2"]["price"]["usd"] is None
    assert listed["gpt-image-2"]["alias_of"] == "@cf/black-forest-labs/flux-1-schnell"
    assert listed[RECRAFT]["price"]["usd"] == 0.04
    one = requests.get(f"{proxied.gateway}/v1/models/openai/gpt-image-2", timeout=LONGEST).json()
    assert (one["id"], one["owned_by"]) == ("openai/gpt-image-2", "openai")


def test_an_alias_makes_openais_name_its_own_model() -> None:
    with wired(ON | {"MODEL_ALIASES": '{"gpt-image-2": "openai/gpt-image-2"}'}) as wire:
        answer = wire.post("generations", {"prompt": "a fox", "model": "gpt-image-2"})
    assert answer.headers["x-image-model"] == "openai/gpt-image-2"
    assert answer.json()["output_format"] == "png"


def test_patterns_choose_the_models() -> None:
    with wired(ON | {"CLOUDFLARE_CATALOGUE_MODELS": "recraft/*, google/nano*"}) as wire:
        rows = requests.get(f"{wire.gateway}/v1/models", timeout=LONGEST).json()["data"]
        other = generate(wire, "openai/gpt-image-2")
    offered = [row["id"] for row in rows if row["id"] in proxied_models()]
    assert offered
    assert all(name.startswith(("recraft/", "google/nano")) for name in offered)
    assert other.headers["x-image-model"] == "@cf/black-forest-labs/flux-1-schnell"


@pytest.mark.parametrize("form", ["inline", "base64"])
def test_an_image_inside_the_answer_is_read_too(form: str) -> None:
    answer, _ = failing(form, model="bytedance/seedream-4.5", size="700x500")
    assert answer.status_code == 200, answer.text[:300]
    assert answer.json()["size"] == "700x500"


@pytest.mark.parametrize(
    ("fault", "status", "code", "words"),
    [
        ("2009", 502, "upstream_authentication_error", "did not accept the credentials"),
        ("provider-credentials", 502, "upstream_authentication_error", "did not accept the credentials"),
        ("own-key-needed", 502, "upstream_authentication_error", "no key of its own"),
        ("no-credit", 429, "insufficient_quota", "no AI Gateway credit left"),
        ("provider-safety", 400, "content_policy_violation", '"Your request was rejected as a result of our safety'),
        ("provider-unknown", 502, "upstream_error", f'"The flux capacitor of {RECRAFT} is out of line"'),
        ("unfinished", 502, "upstream_error", 'its state is "Processing"'),
        ("expired", 502, "upstream_error", "its URL has expired"),
        ("loopback", 502, "upstream_error", "not a public one"),
        ("huge", 502, "upstream_error", "larger than 40 MiB"),
    ],
)
def test_each_failure_has_its_error(fault: str, status: int, code: str, words: str) -> None:
    answer, stats = failing(fault)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, code), error
    assert words in error["message"]
    assert stats["faults"] == {fault: 1}, "it was asked again"


def test_a_refused_prompt_is_the_callers(proxied: Wire) -> None:
    answer = generate(proxied, "openai/gpt-image-2", prompt="gore")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "content_policy_violation")


def test_an_accounts_neurons_do_not_count_here() -> None:
    """Nor does an account rest for its Workers AI models because a provider refused it."""
    with wired(ON, daily_neurons=1.0) as wire:
        first = generate(wire, "flux-1-schnell")
        used_up = generate(wire, "flux-1-schnell")
        other = generate(wire, RECRAFT)
    assert (first.status_code, used_up.status_code, other.status_code) == (200, 429, 200), other.text[:300]


def test_off_there_is_no_call_no_price_and_no_model(live: Wire) -> None:
    rows = requests.get(f"{live.gateway}/v1/models", timeout=LONGEST).json()["data"]
    assert not {row["id"] for row in rows} & set(proxied_models())
    answer = generate(live, RECRAFT)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "model_not_found")
    made = generate(live, "flux-1-schnell")
    assert "x-image-usd" not in made.headers
    assert "usage" not in made.json()
    assert not set(live.stats()["images"]) & set(proxied_models())


def is_cut_out(image: Image.Image) -> bool:
    alpha = image.getchannel("A")
    return alpha.getpixel((0, 0)) == 0 and alpha.getpixel((image.width // 2, image.height // 2)) == 255


def test_a_model_that_makes_no_transparent_background_has_its_subject_cut_out(proxied: Wire) -> None:
    """Also one of Workers AI."""
    values: dict[str, Any] = {"background": "transparent", "size": "320x256"}
    for model, usd in ((RECRAFT, "0.058"), ("flux-2-klein-4b", "0.018")):
        answer = generate(proxied, model, **values)
        (image,) = proxied.images(answer)
        assert (image.size, image.format) == ((320, 256), "PNG")
        assert is_cut_out(image)
        assert answer.json()["background"] == "transparent"
        assert answer.headers["x-image-usd"] == usd
        assert "the background was removed by bria/remove-background" in answer.json()["warnings"]
    webp = proxied.images(generate(proxied, RECRAFT, **values, output_format="webp"))[0]
    assert webp.format == "WEBP"
    assert is_cut_out(webp)


def test_a_model_that_makes_one_does_it_itself(proxied: Wire) -> None:
    answer = generate(proxied, "openai/gpt-image-2.5-flare", background="transparent", size="320x256")
    (image,) = proxied.images(answer)
    assert image.mode == "RGBA"
    assert not any("removed" in text for text in answer.json().get("warnings", ()))


def test_jpeg_has_no_transparency(proxied: Wire) -> None:
    answer = generate(proxied, RECRAFT, background="transparent", output_format="jpeg")
    assert answer.status_code == 400
    assert "needs png or webp" in answer.json()["error"]["message"]


def test_without_the_remover_a_transparent_background_is_a_warning() -> None:
    with wired(ON | {"CLOUDFLARE_CATALOGUE_MODELS": "recraft/*"}) as wire:
        answer = generate(wire, RECRAFT, background="transparent", size="320x256")
        assert wire.images(answer)[0].mode == "RGB"
    assert any(text.startswith("background is not supported") for text in answer.json()["warnings"])


def test_a_remover_that_fails_leaves_the_image_as_it_is() -> None:
    """Half of the calls fail, in an order that is always the same: with this seed the second one."""
    with wired(ON, faults="own-key-needed:0.5", seed=15) as wire:
        answer = generate(wire, RECRAFT, background="transparent", size="320x256")
        assert wire.images(answer)[0].mode == "RGB"
    assert any(text.startswith("the background was not removed: ") for text in answer.json()["warnings"])


@pytest.mark.parametrize("fault", ["no-credit", "2009", "unfinished", "expired", "provider-unknown"])
def test_another_model_makes_the_image_where_a_provider_fails(fault: str) -> None:
    chain = {"FALLBACKS": json.dumps({RECRAFT: ["flux-1-schnell"]})}
    with wired(ON | chain, faults=f"{fault}:1") as wire:
        answer = generate(wire, RECRAFT, size="320x256")
    assert answer.status_code == 200, answer.text[:300]
    assert answer.headers["x-image-model"] == "@cf/black-forest-labs/flux-1-schnell"
    assert answer.json()["size"] == "320x256"
    assert any(text.endswith("; flux-1-schnell made this one") for text in answer.json()["warnings"])


def test_a_prompt_that_a_provider_refused_goes_nowhere_else() -> None:
    chain = {"FALLBACKS": json.dumps({RECRAFT: ["flux-1-schnell"]})}
    with wired(ON | chain, faults="provider-safety:1") as wire:
        answer = generate(wire, RECRAFT, size="320x256")
        made = wire.stats()["images"]
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "content_policy_violation")
    assert made == {}
