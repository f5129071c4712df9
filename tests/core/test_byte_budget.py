"""The limit on the memory of bodies and input images of all requests."""

from __future__ import annotations

import asyncio

import pytest

from cloudflare_image_mcp.core.byte_budget import ByteBudget
from cloudflare_image_mcp.errors import GatewayError
from cloudflare_image_mcp.imagefile.payload import BytesPayload


def test_what_does_not_fit_is_refused_and_not_counted() -> None:
    budget = ByteBudget(100)
    budget.take(60)
    with pytest.raises(GatewayError) as refused:
        budget.take(41)
    assert refused.value.kind == "overloaded"
    assert budget.held == 60
    budget.give_back(60)
    budget.take(100)


def test_what_is_held_counts_once_and_until_it_is_garbage() -> None:
    budget, image = ByteBudget(100), BytesPayload(bytes(150))
    budget.hold(image, 150)
    budget.hold(image, 150)
    assert budget.counts(image)
    assert budget.held == 150
    with pytest.raises(GatewayError):
        budget.take(1)
    del image
    assert budget.held == 0


async def test_who_waits_is_woken_when_something_is_garbage() -> None:
    budget, image = ByteBudget(100), BytesPayload(bytes(90))
    budget.hold(image, 90)
    waiting = asyncio.create_task(budget.wait_for(20, 30))
    await asyncio.sleep(0)
    assert not waiting.done()
    del image
    await waiting
    assert budget.held == 20


async def test_who_waits_too_long_is_refused() -> None:
    budget = ByteBudget(100)
    budget.take(100)
    with pytest.raises(GatewayError):
        await budget.wait_for(1, 0)
    assert budget.held == 100
