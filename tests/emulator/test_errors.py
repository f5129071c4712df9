"""Error by error: what curl and Cloudflare's own SDK get is what the service is known to answer."""

from __future__ import annotations

import base64
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import cloudflare
import pytest

from cloudflare_image_mcp.catalog import models
from cloudflare_image_mcp.emulator.errors import ROWS
from tests.emulator.calling import (
    DREAMSHAPER,
    IMG2IMG,
    INPAINTING,
    KLEIN,
    LIGHTNING,
    PHOENIX,
    SCHNELL,
    SDXL,
    CurlAnswer,
    curl,
    emulating,
    run,
    run_form,
    run_json,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

_Test = TypeVar("_Test", bound="Callable[..., None]")

UUID = r" \([0-9a-f]{8}-[0-9a-f-]{27}\)"
CAT = {"prompt": "a cat"}


def check(answer: CurlAnswer, status: int, code: int, text: str) -> None:
    """``text``: with ``(<uuid>)`` where the service puts the call's reference."""
    pattern = re.escape(text).replace(re.escape(" (<uuid>)"), UUID)
    assert (answer.status, answer.error["code"]) == (status, code)
    assert re.fullmatch(pattern, answer.error["message"]), answer.error["message"]


@contextmanager
def sdk_refused(address: str, status: int, code: int, token: str | None = None) -> Iterator[cloudflare.Cloudflare]:
    """Yields the SDK's client for a call, of which it raises its class for the status, and finds the code."""
    client = cloudflare.Cloudflare(api_token=token or "demo", base_url=f"{address}/client/v4", max_retries=0)
    with client, pytest.raises(cloudflare.APIStatusError) as caught:
        yield client
    assert type(caught.value) is SDK_CLASSES.get(status, cloudflare.APIStatusError)
    assert caught.value.status_code == status
    assert [error.code for error in caught.value.errors] == [code]


SDK_CLASSES: dict[int, type[cloudflare.APIStatusError]] = {
    400: cloudflare.BadRequestError,
    401: cloudflare.AuthenticationError,
    403: cloudflare.PermissionDeniedError,
    404: cloudflare.NotFoundError,
    429: cloudflare.RateLimitError,
    500: cloudflare.InternalServerError,
}


def check_sdk(address: str, model: str, values: Mapping[str, Any], status: int, code: int) -> None:
    """A call in JSON."""
    with sdk_refused(address, status, code) as client:
        client.ai.run(model, account_id="demo", prompt=values["prompt"], extra_body=dict(values))


def check_sdk_form(
    address: str, status: int, code: int, *, files: dict[str, Any] | None = None, **values: str | int
) -> None:
    """A form to FLUX.2. The SDK says of itself that it accepts JSON alone, which FLUX.2 does not survive."""
    with sdk_refused(address, status, code) as client:
        client.post(
            f"/accounts/demo/ai/run/{KLEIN}",
            cast_to=object,
            body=values,
            files=files,
            options={"headers": {"Content-Type": "multipart/form-data", "Accept": "*/*"}},
        )


TESTED: set[str] = set()
"""Rows of the emulator's table that have a test of their own."""


def covers(name: str) -> Callable[[_Test], _Test]:
    def note(test: _Test) -> _Test:
        TESTED.add(name)
        return test

    return note


SCHEMA_REFUSALS: dict[str, tuple[str, dict[str, Any], str]] = {
    "unknown field": (
        SCHNELL,
        CAT | {"seed": 7},
        "Additional or unevaluated properties '/seed' at '/' not allowed",
    ),
    "unknown fields": (
        SCHNELL,
        CAT | {"width": 512, "height": 512},
        "Additional or unevaluated properties '/width, /height' at '/' not allowed",
    ),
    "no prompt": (SCHNELL, {"steps": 4}, "required properties at '/' are 'prompt'"),
    "JSON to FLUX.2": (KLEIN, CAT, "required properties at '/' are 'multipart'"),
    "long prompt": (SCHNELL, {"prompt": "x" * 2049}, "Length of '/prompt' must be <= 2048"),
    "many steps": (SCHNELL, CAT | {"steps": 9}, "'/steps' must be <= 8"),
    "prompt a list": (SDXL, {"prompt": ["a"]}, "Type mismatch of '/prompt', 'array' not in 'string'"),
    "empty negative prompt": (
        PHOENIX,
        CAT | {"negative_prompt": ""},
        "Length of '/negative_prompt' must be >= 1 not met",
    ),
}


@covers("5006")
@pytest.mark.parametrize("name", SCHEMA_REFUSALS)
def test_the_schema_refuses_in_the_validators_words(live: str, name: str) -> None:
    model, values, reason = SCHEMA_REFUSALS[name]
    check(run_json(live, model, values), 400, 5006, f"AiError: Bad input: Error: {reason} (<uuid>)")
    if "prompt" in values:  # the SDK does not let a call without one out
        check_sdk(live, model, values, 400, 5006)


def test_the_envelope_of_workers_ai(live: str) -> None:
    body = run_json(live, SCHNELL, {}).body.decode()
    assert re.fullmatch(
        r'\{"errors":\[\{"message":".*","code":5006\}\],"success":false,"result":\{\},"messages":\[\]\}', body
    )


def test_the_envelope_of_the_api(live: str) -> None:
    body = run_json(live, SCHNELL, CAT, token="wrong").body.decode()
    assert body == (
        '{"result":null,"success":false,"errors":[{"code":10000,"message":"Authentication error"}],"messages":[]}'
    )


@covers("5007")
def test_no_such_model(live: str) -> None:
    answer = run_json(live, "@cf/nobody/nothing", CAT)
    check(answer, 400, 5007, "No such model `@cf/nobody/nothing` or task")
    check_sdk(live, "@cf/nobody/nothing", CAT, 400, 5007)


@covers("5004")
def test_base64_that_is_none(documented: str) -> None:
    values = CAT | {"image_b64": "not base64!"}
    check(run_json(documented, SDXL, values), 400, 5004, "Invalid data type for base64 input: `string`")
    check_sdk(documented, SDXL, values, 400, 5004)


@covers("3003")
def test_no_body(live: str) -> None:
    check(run(live, SCHNELL, "-X", "POST"), 400, 3003, "Request is missing headers or body: `body`")
    with sdk_refused(live, 400, 3003) as client:
        client.post(f"/accounts/demo/ai/run/{SCHNELL}", cast_to=object)


def test_a_form_that_is_none(live: str) -> None:
    answer = run(live, KLEIN, "-H", "Content-Type: multipart/form-data", "-d", "no form")
    check(answer, 400, 3003, "Request is missing headers or body: `body`")


@covers("3006")
def test_too_large_a_body(live: str) -> None:
    body = b'{"prompt":"' + b"x" * (33 * 1024 * 1024) + b'"}'
    check(run(live, SDXL, "--data-binary", "@-", stdin=body), 413, 3006, "Request is too large")
    check_sdk(live, SDXL, {"prompt": "x" * (33 * 1024 * 1024)}, 413, 3006)


def test_too_large_a_body_of_unstated_length(live: str) -> None:
    body = b'{"prompt":"' + b"x" * (33 * 1024 * 1024) + b'"}'
    answer = run(live, SDXL, "-H", "Transfer-Encoding: chunked", "--data-binary", "@-", stdin=body)
    check(answer, 413, 3006, "Request is too large")


def test_too_large_a_form_of_unstated_length(live: str, tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    path.write_bytes(bytes(33 * 1024 * 1024))
    answer = run_form(live, KLEIN, "prompt=x", f"input_image_0=@{path}", chunked=True)
    check(answer, 413, 3006, "Request is too large")


NO_JSON: dict[str, bytes] = {
    "text": b"a cat",
    "list": b"[1]",
    "null": b"null",
    "latin-1": b'{"prompt":"caf\xe9"}',
    "not a number": b'{"prompt":"x","width":256,"height":256,"guidance":NaN}',
    "infinity": b'{"prompt":"x","width":256,"height":256,"strength":Infinity}',
    "deep": b'{"prompt":"x","more":' + b"[" * 100_000,
}


@pytest.mark.parametrize("body", NO_JSON.values(), ids=NO_JSON.keys())
def test_a_body_that_is_no_json_object(live: str, body: bytes) -> None:
    answer = run(live, SDXL, "--data-binary", "@-", stdin=body)
    check(answer, 400, 3003, "Request is missing headers or body: `body`")


@pytest.mark.parametrize("value", ["nan", "inf", "2_56", "\u0662\u0665\u0666", "", "0x100"])
def test_a_number_in_a_form_is_one_in_plain_figures(live: str, value: str) -> None:
    for field, kind in (("width", "integer"), ("guidance", "number")):
        text = f"AiError: Bad input: Error: Type mismatch of '/{field}', 'string' not in '{kind}' (<uuid>)"
        check(run_form(live, KLEIN, "prompt=x", f"{field}={value}"), 400, 5006, text)


def test_the_schema_of_a_form(live: str) -> None:
    text = "AiError: Bad input: Error: Type mismatch of '/width', 'string' not in 'integer' (<uuid>)"
    check(run_form(live, KLEIN, "prompt=x", "width=many"), 400, 5006, text)
    check_sdk_form(live, 400, 5006, prompt="x", width="many")


@covers("3030-nsfw")
def test_nsfw_prompt(live: str) -> None:
    values = {"prompt": "something nsfw"}
    text = "AiError: Input prompt contains NSFW content. (<uuid>)"
    check(run_json(live, SCHNELL, values), 400, 3030, text)
    check_sdk(live, SCHNELL, values, 400, 3030)


@covers("3030-undecodable")
def test_undecodable_reference(live: str) -> None:
    answer = run_form(live, KLEIN, "prompt=x", "input_image_0=no image;type=image/png;filename=a.png")
    check(answer, 400, 3030, "Invalid input image[0]: unable to decode image file")
    check_sdk_form(live, 400, 3030, files={"input_image_0": ("a.png", b"no image", "image/png")}, prompt="x")


@covers("3030-tensor")
@pytest.mark.parametrize("model", [SDXL, LIGHTNING])
@pytest.mark.parametrize("field", ["image", "image_b64"])
def test_a_model_without_an_image_tensor(live: str, picture: bytes, model: str, field: str) -> None:
    values: dict[str, Any] = CAT | {field: list(picture) if field == "image" else "aGVsbG8="}
    text = "Model input is not valid: input tensor `image` is not present in the model"
    check(run_json(live, model, values), 400, 3030, text)
    check_sdk(live, model, values, 400, 3030)


@covers("3010")
def test_a_model_whose_image_tensor_has_another_shape(live: str, picture: bytes) -> None:
    text = (
        "Invalid or incomplete input for the model: model returned: unexpected shape for input 'image' for model"
        f" 'dreamshaper-8-lcm'. Expected [1], got [1,{len(picture)}]"
    )
    values = CAT | {"image": list(picture)}
    check(run_json(live, DREAMSHAPER, values), 400, 3010, text)
    check_sdk(live, DREAMSHAPER, values, 400, 3010)


@covers("5018-seen")
def test_a_model_that_the_account_may_not_use(live: str) -> None:
    text = f"This account is not allowed to access {IMG2IMG}"
    check(run_json(live, IMG2IMG, CAT), 403, 5018, text)
    check_sdk(live, IMG2IMG, CAT, 403, 5018)


@covers("3030-missing")
def test_inpainting_without_a_mask(live: str, picture: bytes) -> None:
    values = CAT | {"image": list(picture)}
    text = "AiError: AiError: Model input is not valid: missing required input mask_image"
    check(run_json(live, INPAINTING, values), 400, 3030, text)
    check_sdk(live, INPAINTING, values, 400, 3030)


@covers("3043")
def test_flux_2_fails_above_its_largest_side(live: str) -> None:
    check(run_form(live, KLEIN, "prompt=x", "width=2048"), 500, 3043, "Internal server error")
    check_sdk_form(live, 500, 3043, prompt="x", width=2048)


def test_flux_2_fails_on_a_wrongly_labelled_file(live: str, picture_path: Path) -> None:
    answer = run_form(live, KLEIN, "prompt=x", f"input_image_0=@{picture_path};type=image/jpeg")
    check(answer, 500, 3043, "Internal server error")
    files = {"input_image_0": ("a.jpg", picture_path.read_bytes(), "image/jpeg")}
    check_sdk_form(live, 500, 3043, files=files, prompt="x")


def test_flux_2_fails_when_json_alone_is_accepted(live: str) -> None:
    answer = run(live, KLEIN, "-F", "prompt=x", "-H", "Accept: application/json")
    check(answer, 500, 3043, "Internal server error")
    with sdk_refused(live, 500, 3043) as client:
        client.ai.run(KLEIN, account_id="demo", prompt="x", extra_headers={"Content-Type": "multipart/form-data"})


def test_flux_2_answers_the_sdk_that_accepts_anything(live: str) -> None:
    headers = {"Content-Type": "multipart/form-data", "Accept": "*/*"}
    with cloudflare.Cloudflare(api_token="demo", base_url=f"{live}/client/v4", max_retries=0) as client:
        result: Any = client.ai.run(KLEIN, account_id="demo", prompt="x", width=256, height=256, extra_headers=headers)
    assert base64.b64decode(result["image"]).startswith(b"\xff\xd8")


def test_sdxl_fails_on_sides_off_the_grid(live: str) -> None:
    check(run_json(live, SDXL, CAT | {"width": 1004}), 500, 3043, "Internal server error")
    check_sdk(live, SDXL, CAT | {"width": 1004}, 500, 3043)
    assert run_json(live, SDXL, CAT | {"width": 256, "height": 264}).status == 200


@covers("3021")
def test_the_rate_of_an_account() -> None:
    with emulating(requests_per_minute=2) as address:
        values = CAT | {"width": 256, "height": 256}
        statuses = [run_json(address, LIGHTNING, values).status for _ in range(2)]
        text = "AiError: AiError: rate limiting: inference request per min rate reached (<uuid>)"
        check(run_json(address, LIGHTNING, values), 429, 3021, text)
        check_sdk(address, LIGHTNING, values, 429, 3021)
        other = run_json(address, LIGHTNING, values, account="other").status
    assert (statuses, other) == ([200, 200], 200)


@covers("4006")
def test_the_days_neurons_live() -> None:
    with emulating(daily_neurons=100) as address:
        assert run_json(address, SCHNELL, CAT).headers["cf-ai-neurons"] == "172.80"
        text = (
            "AiError: AiError: you have used up your daily free allocation of 10,000 neurons, please upgrade to"
            " Cloudflare's Workers Paid plan if you would like to continue usage. (<uuid>)"
        )
        check(run_json(address, SCHNELL, CAT), 429, 4006, text)
        check_sdk(address, SCHNELL, CAT, 429, 4006)


@covers("3036")
def test_the_days_neurons_documented() -> None:
    with emulating(daily_neurons=0, mode="documented") as address:
        text = (
            "You have used up your daily free allocation of 10,000 neurons. Please upgrade to Cloudflare's Workers"
            " Paid plan if you would like to continue usage."
        )
        check(run_json(address, SCHNELL, CAT), 429, 3036, text)
        check_sdk(address, SCHNELL, CAT, 429, 3036)


@covers("2001")
def test_an_unknown_ai_gateway(live: str) -> None:
    answer = run(live, SCHNELL, "-d", '{"prompt":"x"}', "-H", "cf-aig-gateway-id: none")
    check(answer, 400, 2001, "Please configure AI Gateway in the Cloudflare dashboard")
    with sdk_refused(live, 400, 2001) as client:
        client.ai.run(SCHNELL, account_id="demo", prompt="x", extra_headers={"cf-aig-gateway-id": "none"})


@covers("7000-form")
def test_a_form_through_an_ai_gateway(live: str) -> None:
    answer = run(live, KLEIN, "-F", "prompt=x", "-H", "cf-aig-gateway-id: default")
    check(answer, 500, 7000, "Invalid request body")
    headers = {"Content-Type": "multipart/form-data", "Accept": "*/*", "cf-aig-gateway-id": "default"}
    with sdk_refused(live, 500, 7000) as client:
        client.ai.run(KLEIN, account_id="demo", prompt="x", extra_headers=headers)


@covers("7000")
def test_an_unknown_path(live: str) -> None:
    check(curl(f"{live}/client/v4/nothing"), 404, 7000, "No route for that URI")
    with sdk_refused(live, 404, 7000) as client:
        client.get("/nothing", cast_to=object)


@pytest.mark.parametrize("path", ["models/search/", "run", f"run/{SCHNELL}/", "models"])
def test_a_path_that_is_nearly_one_leads_nowhere_else(live: str, path: str) -> None:
    answer = curl(f"{live}/client/v4/accounts/demo/ai/{path}", "-H", "Authorization: Bearer demo")
    check(answer, 404, 7000, "No route for that URI")


def test_an_unknown_method(live: str) -> None:
    url = f"{live}/client/v4/accounts/demo/ai/run/{SCHNELL}"
    check(curl(url, "-H", "Authorization: Bearer demo"), 404, 7000, "No route for that URI")
    with sdk_refused(live, 404, 7000) as client:
        client.get(f"/accounts/demo/ai/run/{SCHNELL}", cast_to=object)


@covers("7003")
def test_a_malformed_account_id(live: str) -> None:
    path = f"/client/v4/accounts/no.id/ai/run/{SCHNELL}"
    text = f"Could not route to {path}, perhaps your object identifier is invalid?"
    check(run_json(live, SCHNELL, CAT, account="no.id"), 404, 7003, text)
    with sdk_refused(live, 404, 7003) as client:
        client.ai.run(SCHNELL, account_id="no.id", prompt="x")
    with sdk_refused(live, 404, 7003) as client:
        client.ai.models.list(account_id="no.id")


@covers("9106")
def test_no_token(live: str) -> None:
    answer = curl(f"{live}/client/v4/accounts/demo/ai/run/{SCHNELL}", "-d", "{}")
    check(answer, 400, 9106, "Missing X-Auth-Key, X-Auth-Email or Authorization headers")
    with sdk_refused(live, 400, 9106) as client:
        client.ai.run(SCHNELL, account_id="demo", prompt="x", extra_headers={"Authorization": cloudflare.Omit()})


def test_a_key_and_an_email_address_let_in_too(live: str) -> None:
    with cloudflare.Cloudflare(
        api_email="me@example.com", api_key="demo", base_url=f"{live}/client/v4", max_retries=0
    ) as client:
        assert len(list(client.ai.models.list(account_id="demo").result)) == len(models())
    answer = curl(f"{live}/client/v4/accounts/demo/ai/run/{SCHNELL}", "-H", "X-Auth-Key: demo", "-d", "{}")
    check(answer, 400, 9106, "Missing X-Auth-Key, X-Auth-Email or Authorization headers")


@covers("10000")
@covers("10000-permission")
@covers("9106-malformed")
@pytest.mark.parametrize(
    ("token", "run_status", "list_status", "code", "text"),
    [
        ("wrong", 401, 401, 10000, "Authentication error"),
        ("foreign", 401, 403, 10000, "Authentication error"),
        ("unpermitted", 403, 403, 10000, "Authentication error"),
        ("short", 400, 400, 9106, "Authentication failed (status: 400)"),
    ],
)
def test_tokens_that_are_refused(
    live: str, token: str, run_status: int, list_status: int, code: int, text: str
) -> None:
    check(run_json(live, SCHNELL, CAT, token=token), run_status, code, text)
    search = f"{live}/client/v4/accounts/demo/ai/models/search"
    check(curl(search, "-H", f"Authorization: Bearer {token}"), list_status, code, text)
    with sdk_refused(live, run_status, code, token) as client:
        client.ai.run(SCHNELL, account_id="demo", prompt="x")
    with sdk_refused(live, list_status, code, token) as client:
        client.ai.models.list(account_id="demo")


FLAGGED = (
    "AiError: AiError: Your output has been flagged. Please choose another prompt / input image combination (<uuid>)"
)
BY_FAULT = {
    "3007": (408, "Request timeout"),
    "3008": (408, "Request was aborted"),
    "3023": (403, "Service unavailable for account"),
    "3030-flagged": (400, FLAGGED),
    "3039": (400, "Finetune is missing required files `(model.safetensors and config.json) `"),
    "3040": (429, "No more data centers to forward the request to"),
    "3040-busy": (429, "Capacity temporarily exceeded, please try again."),
    "3041": (403, "The account is not allowed to access this model"),
    "3042": (404, "The model name is invalid"),
    "3043": (500, "Internal server error"),
    "3046": (408, "Request timeout"),
    "5005": (405, f"The model `{SDXL}` does not support LoRa inference"),
    "5016": (403, "User has not agreed to Llama3.2 model terms"),
    "5018": (403, "The account is not allowed to access this model"),
    "5019": (405, "Request trying to use deprecated SDK version"),
    "5028": (410, "deprecated model"),
    "5035": (403, "model requires Workers Paid"),
    "8006": (400, "Invalid base64 encoding"),
    "6003": (400, "Invalid request headers"),
    "9109": (403, "Invalid access token"),
}


@pytest.mark.parametrize("row", BY_FAULT)
def test_errors_that_only_a_fault_brings_about(row: str) -> None:
    status, text = BY_FAULT[row]
    code = ROWS[row].code
    with emulating(faults=f"{row}:1") as address:
        check(run_json(address, SDXL, CAT), status, code, text)
        check_sdk(address, SDXL, CAT, status, code)


def test_every_row_has_its_test() -> None:
    assert ROWS.keys() == TESTED | BY_FAULT.keys()
