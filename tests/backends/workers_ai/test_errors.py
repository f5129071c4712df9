from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from cloudflare_image_mcp.backends.workers_ai.errors import CODES, Action, plain
from cloudflare_image_mcp.backends.workers_ai.reply import Reply, failure_of
from cloudflare_image_mcp.emulator.errors import ROWS, refuse
from cloudflare_image_mcp.errors import EditRefused

REFERENCE = "51afe8c9-1111-2222-3333-444455556666"

EXPECTED = {
    "2001": ("upstream_error", Action.FAIL),
    "3003": ("upstream_error", Action.FAIL),
    "3006": ("request_too_large", Action.FAIL),
    "3007": ("upstream_timeout", Action.RETRY),
    "3008": ("upstream_timeout", Action.RETRY),
    "3010": ("invalid_request", Action.FAIL),
    "3021": ("rate_limit_exceeded", Action.REST_BRIEFLY),
    "3023": ("upstream_authentication_error", Action.REST_AND_PROBE),
    "3030-flagged": ("content_policy_violation", Action.RETRY_ONCE),
    "3030-missing": ("invalid_request", Action.FAIL),
    "3030-nsfw": ("content_policy_violation", Action.FAIL),
    "3030-tensor": ("invalid_request", Action.FAIL),
    "3030-undecodable": ("invalid_image", Action.FAIL),
    "3036": ("insufficient_quota", Action.REST_UNTIL_RESET),
    "3039": ("upstream_error", Action.FAIL),
    "3040": ("overloaded", Action.RETRY),
    "3040-busy": ("overloaded", Action.RETRY),
    "3041": ("upstream_authentication_error", Action.OTHER_ACCOUNT),
    "3042": ("model_not_found", Action.FAIL),
    "3043": ("upstream_error", Action.RETRY),
    "3046": ("upstream_timeout", Action.RETRY),
    "4006": ("insufficient_quota", Action.REST_UNTIL_RESET),
    "5004": ("upstream_error", Action.FAIL),
    "5005": ("upstream_error", Action.FAIL),
    "5006": ("invalid_request", Action.FAIL),
    "5007": ("model_not_found", Action.FAIL),
    "5016": ("upstream_authentication_error", Action.OTHER_ACCOUNT),
    "5018": ("upstream_authentication_error", Action.OTHER_ACCOUNT),
    "5018-seen": ("upstream_authentication_error", Action.OTHER_ACCOUNT),
    "5019": ("upstream_error", Action.FAIL),
    "5028": ("model_not_found", Action.FAIL),
    "5035": ("insufficient_quota", Action.OTHER_ACCOUNT),
    "6003": ("upstream_authentication_error", Action.REST_AND_PROBE),
    "7000": ("upstream_error", Action.FAIL),
    "7000-form": ("upstream_error", Action.FAIL),
    "7003": ("upstream_authentication_error", Action.REST_AND_PROBE),
    "8006": ("upstream_error", Action.FAIL),
    "9106": ("upstream_authentication_error", Action.REST_AND_PROBE),
    "9106-malformed": ("upstream_authentication_error", Action.REST_AND_PROBE),
    "9109": ("upstream_authentication_error", Action.REST_AND_PROBE),
    "10000": ("upstream_authentication_error", Action.REST_AND_PROBE),
    "10000-permission": ("upstream_authentication_error", Action.REST_AND_PROBE),
}


def answer_of(name: str) -> Reply:
    """A row of the emulator's table, as it comes over the wire."""
    response = refuse(ROWS[name]).response({})
    return Reply(response.status_code, {}, bytes(response.body))


@pytest.mark.parametrize("name", ROWS)
def test_every_error_of_the_service_has_its_meaning(name: str) -> None:
    failure = failure_of(answer_of(name))
    assert (failure.gateway_error(has_image=False).kind, failure.meaning.action) == EXPECTED[name]


def test_every_code_is_met() -> None:
    assert {failure_of(answer_of(name)).code for name in ROWS} | {8007} == {*CODES, 3030}


@pytest.mark.parametrize("name", ["3010", "3030-tensor", "5018", "5018-seen", "3041"])
def test_a_model_that_does_not_edit_is_refused_for_edits(name: str) -> None:
    failure = failure_of(answer_of(name))
    assert isinstance(failure.gateway_error(has_image=True), EditRefused)
    assert not isinstance(failure.gateway_error(has_image=False), EditRefused)


@pytest.mark.parametrize("name", ["10000", "7003", "3023", "4006", "5018-seen"])
def test_nothing_about_the_account_is_shown(name: str) -> None:
    response = refuse(ROWS[name], path="/accounts/SECRET/ai/run", model="SECRET").response({})
    error = failure_of(Reply(response.status_code, {}, bytes(response.body))).gateway_error(has_image=False)
    assert "SECRET" not in error.message


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, b"", "upstream_error"),
        (401, b"<html>", "upstream_authentication_error"),
        (403, b"<html>error code: 1010</html>", "upstream_error"),
        (408, b"{}", "upstream_timeout"),
        (413, b"[]", "request_too_large"),
        (429, b'{"errors":[]}', "rate_limit_exceeded"),
        (429, b'{"errors":[{"code":"x","message":"y"}]}', "rate_limit_exceeded"),
        (502, b"Bad gateway", "upstream_error"),
        (504, b"", "upstream_timeout"),
        (520, b'{"errors":[{"code":99999,"message":"new"}]}', "upstream_error"),
    ],
)
def test_an_answer_without_a_known_code_goes_by_its_status(status: int, body: bytes, kind: str) -> None:
    assert failure_of(Reply(status, {}, body)).gateway_error(has_image=False).kind == kind


def test_an_unknown_code_keeps_the_services_words_in_quotes() -> None:
    body = b'{"errors":[{"code":8999,"message":"AiError: the moon is full"}]}'
    assert failure_of(Reply(400, {}, body)).gateway_error(has_image=False).message == (
        'Workers AI did not accept the gateway\'s call: "the moon is full" (code 8999).'
    )


def test_the_bindings_envelope() -> None:
    body = b'{"internalCode":3040,"message":"InferenceUpstreamError","name":"AiError","description":"busy"}'
    failure = failure_of(Reply(429, {}, body))
    assert (failure.code, failure.text, failure.meaning) == (3040, "busy", CODES[3040])


@pytest.mark.parametrize(("name", "lacks_input"), [("3030-tensor", True), ("3010", False), ("3041", False)])
def test_only_an_answer_about_the_models_inputs_says_that_it_lacks_one(name: str, lacks_input: bool) -> None:
    error = failure_of(answer_of(name)).gateway_error(has_image=True)
    assert isinstance(error, EditRefused)
    assert error.lacks_input is lacks_input


def test_a_message_is_the_services_own_sentence() -> None:
    text = f"AiError: AiError: Your output has been flagged. Please choose another prompt ({REFERENCE})"
    assert plain(text) == "Your output has been flagged. Please choose another prompt"
    failure = failure_of(answer_of("3030-nsfw"))
    assert failure.gateway_error(has_image=False).message == (
        "Workers AI refused the prompt: Input prompt contains NSFW content (code 3030)."
    )


@pytest.mark.parametrize(("value", "seconds"), [("12", 12.0), ("0.5", 0.5), ("-3", 0.0), ("soon", None), (None, None)])
def test_retry_after_in_seconds(value: str | None, seconds: float | None) -> None:
    headers = {} if value is None else {"retry-after": value}
    assert failure_of(Reply(429, headers, b"")).retry_after == seconds


def test_retry_after_as_a_date() -> None:
    at = format_datetime(datetime.now(UTC) + timedelta(hours=12), usegmt=True)
    failure = failure_of(Reply(429, {"retry-after": at}, b""))
    assert failure.retry_after is not None
    assert 11 * 3600 < failure.retry_after <= 12 * 3600
