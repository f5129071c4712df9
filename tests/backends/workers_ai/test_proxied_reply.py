"""Answers of other providers' models: where the image stands, and what each error means."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from cloudflare_image_mcp.backends.workers_ai.errors import Action, UpstreamError
from cloudflare_image_mcp.backends.workers_ai.proxied_errors import proxied_meaning_of
from cloudflare_image_mcp.backends.workers_ai.proxied_reply import proxied_image_of
from cloudflare_image_mcp.backends.workers_ai.reply import Reply
from cloudflare_image_mcp.errors import ImageNotFetched
from cloudflare_image_mcp.imagefile.payload import BytesPayload
from tests.rest.pictures import picture

if TYPE_CHECKING:
    from cloudflare_image_mcp.imagefile.payload import Payload

URL = "https://images.example.com/a.png"
FILE = picture(64, 48)
TEXT = base64.b64encode(FILE).decode()


class Fetcher:
    """Has the image, after as many failures as it is given."""

    def __init__(self, *failures: ImageNotFetched) -> None:
        self.failures = list(failures)
        self.asked: list[str] = []

    async def fetch(self, url: str, param: str) -> Payload:
        self.asked.append(url)
        if self.failures:
            raise self.failures.pop(0)
        return BytesPayload(FILE)


def not_fetched(**values: Any) -> ImageNotFetched:
    return ImageNotFetched("not fetched", param="image", reason="why", **values)


def reply(value: Any, status: int = 200) -> Reply:
    return Reply(status, {}, value if isinstance(value, bytes) else json.dumps(value).encode())


def completed(result: Any) -> Any:
    return {"state": "Completed", "result": result, "gatewayMetadata": {"keySource": "Unified"}}


@pytest.mark.parametrize(
    "value",
    [
        {"success": True, "errors": [], "messages": [], "result": completed({"image": URL})},
        completed({"image": URL}),
        completed({"images": [URL, URL]}),
        {"result": completed({"image": {"url": URL}})},
        {"result": completed({"images": [{"url": URL}]})},
        {"result": {"image": URL}},
        completed({"image": TEXT}),
        completed({"image": f"data:image/png;base64,{TEXT}"}),
        completed({"images": [{"b64_json": TEXT}]}),
        FILE,
    ],
)
async def test_the_image_is_found_in_every_form(value: Any) -> None:
    fetcher = Fetcher()
    image = await proxied_image_of(reply(value), fetcher)
    assert image.size == (64, 48)
    assert fetcher.asked in ([], [URL])


@pytest.mark.parametrize(
    "value",
    [
        *({}, [], 7, "x", b"", completed({})),
        *map(completed, ({"image": None}, {"images": []}, {"image": "!"}, {"image": 7})),
    ],
)
async def test_what_holds_no_image_is_an_upstream_error(value: Any) -> None:
    with pytest.raises(UpstreamError) as caught:
        await proxied_image_of(reply(value), Fetcher())
    assert caught.value.meaning.kind == "upstream_error"


async def test_a_host_that_breaks_off_is_asked_again() -> None:
    fetcher = Fetcher(not_fetched(transient=True), not_fetched(status=503))
    assert (await proxied_image_of(reply(completed({"image": URL})), fetcher)).size == (64, 48)
    assert fetcher.asked == [URL] * 3


@pytest.mark.parametrize(("status", "words"), [(403, "expired"), (410, "expired"), (400, "could not be fetched")])
async def test_a_host_that_refuses_is_not_asked_again(status: int, words: str) -> None:
    fetcher = Fetcher(not_fetched(status=status))
    with pytest.raises(UpstreamError) as caught:
        await proxied_image_of(reply(completed({"image": URL})), fetcher)
    assert words in caught.value.message
    assert fetcher.asked == [URL]


@pytest.mark.parametrize(
    ("status", "code", "text", "kind"),
    [
        (401, 2009, "", "upstream_authentication_error"),
        (401, None, "Unauthorized", "upstream_authentication_error"),
        (503, None, "", "upstream_authentication_error"),
        (403, 10000, "Authentication error", "upstream_authentication_error"),
        (402, None, "", "insufficient_quota"),
        (400, None, "You have no credits left", "insufficient_quota"),
        (400, None, 'Invalid value "a credit card"', "upstream_error"),
        (400, None, "Bring your own key to use this model", "upstream_authentication_error"),
        (400, None, "Blocked by our content policy", "content_policy_violation"),
        (200, None, "Content Moderated", "content_policy_violation"),
        (200, None, "Processing", "upstream_error"),
        (429, None, "", "rate_limit_exceeded"),
        (400, 5006, "required properties", "invalid_request"),
        (500, None, "", "upstream_error"),
        (504, None, "", "upstream_timeout"),
        (400, 7777, "Something else", "upstream_error"),
    ],
)
def test_each_error_has_its_meaning_and_no_account_rests_for_it(
    status: int, code: int | None, text: str, kind: str
) -> None:
    meaning = proxied_meaning_of(status, code, text)
    assert meaning.kind == kind
    assert meaning.action not in {Action.REST_AND_PROBE, Action.REST_BRIEFLY, Action.REST_UNTIL_RESET}


async def test_an_unknown_error_is_quoted_and_a_providers_key_is_not() -> None:
    odd = reply({"error": {"message": "The tea is cold", "type": "tea_error", "code": "cold"}}, 400)
    with pytest.raises(UpstreamError) as caught:
        await proxied_image_of(odd, Fetcher())
    assert '"The tea is cold"' in caught.value.message
    secret = reply({"error": [{"code": 2009, "message": "Incorrect API key provided: sk-abcd"}]}, 401)
    with pytest.raises(UpstreamError) as caught:
        await proxied_image_of(secret, Fetcher())
    assert "sk-abcd" not in caught.value.message
