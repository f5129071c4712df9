"""Servers with invalid answers: the caller gets an image or one clear error, and the number of retries is limited."""

from __future__ import annotations

import asyncio
import gzip
import logging
from dataclasses import replace
from datetime import date, timedelta

import pytest

from cloudflare_image_mcp.backends.workers_ai import rest_transport
from cloudflare_image_mcp.backends.workers_ai.accounts import Account
from cloudflare_image_mcp.backends.workers_ai.reply import LONGEST_RETRY_AFTER
from cloudflare_image_mcp.backends.workers_ai.retry import RetryPolicy
from cloudflare_image_mcp.catalog import models
from cloudflare_image_mcp.errors import GatewayError
from tests.backends.workers_ai.conftest import LIGHTNING, SetClock, backend_at, call
from tests.backends.workers_ai.scripted import http, image_answer, jpeg, refusal, scripted
from tests.waiting import LONGEST, settled

SECRET = Account("0123456789abcdef0123456789abcdef", "hunter2-hunter2-hunter2-hunter2-hunter2")
DAY = date(2026, 11, 23)


async def refused_by(*answers: bytes, retry: RetryPolicy | None = None) -> tuple[GatewayError, int]:
    """The error that a call ends in, and how many calls were made of it."""
    async with scripted(*answers) as server, backend_at(server.address, **{"retry": retry} if retry else {}) as backend:
        with pytest.raises(GatewayError) as caught:
            await backend.run(call(seed=1))
    return caught.value, len(server.requests)


@pytest.mark.parametrize(
    ("answer", "kind", "calls"),
    [
        (http(502, b"<html>Bad gateway</html>", content_type="text/html"), "upstream_error", 5),
        (http(520, b"\xff\xfe"), "upstream_error", 5),
        (http(200, b"<html>Hello</html>"), "upstream_error", 5),
        (http(200, b'{"success":false,"errors":[],"result":null}'), "upstream_error", 5),
        (http(200, b'{"a":' + b"[" * 200_000), "upstream_error", 5),
        (http(400, b"[" * 200_000), "upstream_error", 1),
        (http(400, b'{"errors":[{"code":Infinity,"message":"x"}]}'), "upstream_error", 1),
        (http(400, b'{"errors":[{"code":5006,"message":"\xff"}]}'), "upstream_error", 1),
        (http(307, location="http://127.0.0.1:1/elsewhere"), "upstream_error", 1),
        (http(200, b"none", content_encoding="gzip"), "upstream_error", 5),
        (b"HTTP/1.1 abc\r\n\r\n", "upstream_error", 5),
        (refusal(400, 99_999, 5006), "invalid_request", 1),
        (refusal(403, 99_999, 9109), "upstream_authentication_error", 1),
        (http(429, b'{"errors":[{"code":4006}]}'), "insufficient_quota", 1),
    ],
    ids=range(14),
)
async def test_every_answer_ends_in_one_clear_error(answer: bytes, kind: str, calls: int) -> None:
    error, made = await refused_by(answer)
    assert (error.kind, made) == (kind, calls)


@pytest.mark.parametrize("value", ["0", "-5", "Wed, 21 Oct 2015 07:28:00 GMT"])
async def test_a_retry_after_of_no_time_is_no_leave_to_hammer(value: str) -> None:
    error, calls = await refused_by(refusal(429, 3021, retry_after=value), retry=RetryPolicy(longest_obeyed=0.5))
    assert (error.kind, error.retry_after, calls) == ("rate_limit_exceeded", 1.0, 1)
    policy = RetryPolicy(first=10, longest=10, longest_obeyed=0.5)
    error, calls = await refused_by(http(503, retry_after=value), retry=policy)
    assert (error.kind, calls) == ("upstream_error", 1)


@pytest.mark.parametrize("value", ["inf", "1e300", "99999999999", "Wed, 21 Oct 9999 07:28:00 GMT"])
async def test_a_retry_after_of_ages_is_cut_to_a_day(value: str) -> None:
    for answer in (refusal(429, 3021, retry_after=value), http(503, retry_after=value)):
        error, calls = await refused_by(answer)
        assert (error.retry_after, calls) == (LONGEST_RETRY_AFTER, 1)


async def test_accounts_at_their_rate_are_not_asked_in_turn_for_ever() -> None:
    """Each is awake again by the time that the other has refused."""
    accounts = [Account("one", "demo"), Account("two", "demo")]
    clock = SetClock("2026-11-23 12:00")

    async def slowly(writer: asyncio.StreamWriter) -> None:
        clock.time += timedelta(seconds=2)
        writer.write(refusal(429, 3021, retry_after="1"))
        await writer.drain()

    async with scripted(slowly) as server, backend_at(server.address, *accounts, clock=clock) as backend:
        with pytest.raises(GatewayError) as caught:
            await backend.run(call(seed=1))
    assert caught.value.kind == "rate_limit_exceeded"
    assert len(server.requests) <= 7


@pytest.mark.parametrize("value", ["nan", "inf", "-50", "1e999", "many"])
async def test_neurons_that_are_no_number_are_not_added_up(value: str) -> None:
    async with scripted(image_answer(cf_ai_neurons=value)) as server, backend_at(server.address) as backend:
        rendered = await backend.run(call(seed=1))
        assert (rendered.neurons, await backend.neurons.spent(DAY)) == (None, {})


async def test_an_answer_that_was_charged_and_held_no_image_is_in_the_price() -> None:
    empty = http(200, b'{"result":{},"success":true}', cf_ai_neurons="100")
    async with (
        scripted(empty, image_answer(cf_ai_neurons="50")) as server,
        backend_at(server.address) as backend,
    ):
        rendered = await backend.run(call(seed=1))
        assert (rendered.neurons, await backend.neurons.spent(DAY)) == (150, {"demo": 150})


async def test_an_answer_that_does_not_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether it has no end or unpacks to more than any image; and it is not asked for again."""
    monkeypatch.setattr(rest_transport, "MAX_REPLY", 1_000_000)

    async def endless(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"10000\r\n" + bytes(0x10000) + b"\r\n")
            await writer.drain()

    bomb = http(200, gzip.compress(bytes(20_000_000)), content_encoding="gzip")
    for answer in (endless, bomb):
        async with scripted(answer) as server, backend_at(server.address) as backend:
            with pytest.raises(GatewayError, match="is too long") as caught:
                await backend.run(call(seed=1))
        assert (caught.value.kind, len(server.requests)) == ("upstream_error", 1)


async def test_the_wait_for_a_free_connection_is_not_part_of_the_calls_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest_transport, "MAX_CONNECTIONS", 1)
    begun, released = asyncio.Event(), asyncio.Event()
    model, loop = models()[LIGHTNING], asyncio.get_running_loop()
    patient, hasty = (
        replace(model, wire_table={**model.wire_table, "timeout": seconds}) for seconds in (10**6, LONGEST)
    )

    async def held(writer: asyncio.StreamWriter) -> None:
        begun.set()
        await released.wait()
        writer.write(image_answer())
        await writer.drain()

    async with scripted(image_answer(), held, image_answer()) as server, backend_at(server.address) as backend:
        await backend.run(call())  # or the second call would wait for the first one's outcome
        first = asyncio.create_task(backend.run(replace(call(), model=patient)))
        await begun.wait()
        waiting = asyncio.create_task(backend.run(replace(call(), model=hasty)))
        await settled()
        now = loop.time
        monkeypatch.setattr(loop, "time", lambda: now() + 10 * LONGEST)
        await settled()
        assert len(server.requests) == 2
        released.set()
        for task in (first, waiting):
            assert (await task).image.size == (256, 256)


async def test_a_connection_that_breaks_in_the_middle_is_tried_again() -> None:
    async def half(writer: asyncio.StreamWriter) -> None:
        writer.write(image_answer()[:5_000])
        await writer.drain()
        writer.transport.abort()

    async with scripted(half, image_answer()) as server, backend_at(server.address) as backend:
        assert (await backend.run(call(seed=1))).image.size == (256, 256)
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    "answer",
    [
        http(200, gzip.compress(image_answer().partition(b"\r\n\r\n")[2]), content_encoding="gzip"),
        http(200, jpeg(), content_type="application/json"),
        image_answer(content_type="image/png"),
        b"HTTP/1.1 100 Continue\r\n\r\n" + image_answer(),
    ],
    ids=["gzip", "raw", "stated", "continue"],
)
async def test_odd_wrappings_of_a_good_image(answer: bytes) -> None:
    async with scripted(answer) as server, backend_at(server.address) as backend:
        assert (await backend.run(call(seed=1))).image.size == (256, 256)


async def test_a_secret_that_the_server_quotes_is_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    """Nor one that aiohttp keeps in its errors."""
    quoted = f"bad header Bearer {SECRET.api_token} of {SECRET.account_id}"
    for answer in (refusal(400, 5999, message=quoted), refusal(429, 3021, message=quoted), b"HTTP/1.1 abc\r\n\r\n"):
        with caplog.at_level(logging.DEBUG):
            policy = RetryPolicy(retries=0)
            async with scripted(answer) as server, backend_at(server.address, SECRET, retry=policy) as backend:
                with pytest.raises(GatewayError) as caught:
                    await backend.run(call(seed=1))
        error: BaseException | None = caught.value
        while error is not None:
            for secret in (SECRET.api_token, SECRET.account_id):
                assert secret not in f"{error} {error!r} {error.args} {vars(error)}"
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    assert SECRET.api_token not in caplog.text
    assert SECRET.account_id not in caplog.text
