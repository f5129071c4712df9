"""What a request uses of the daily limits of its API key: as expected before the call, and as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from cloudflare_image_mcp.catalog import Currency
from cloudflare_image_mcp.catalog.model import USD_PER_NEURON

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudflare_image_mcp.core.ports import Call
    from cloudflare_image_mcp.core.result import ResultImage


class Spending(NamedTuple):
    """Images, what they cost in neurons, and in US dollars: neurons at their price, and what is paid in dollars."""

    images: int = 0
    neurons: float = 0.0
    usd: float = 0.0


NOTHING_SPENT: Final = Spending()


def estimated_spending(call: Call, images: int, *, is_free: bool) -> Spending:
    """Returns what ``images`` runs of a call cost at the listed price. Attempts that are charged and give no image come
    on top. ``is_free``: the backend bills nothing.
    """
    if is_free:
        return Spending(images=images)
    price = call.model.price
    amount = images * price.amount(call.size, call.steps, [image.size for image in call.images])
    if price.currency is Currency.USD:
        return Spending(images=images, usd=amount)
    return Spending(images=images, neurons=amount, usd=amount * USD_PER_NEURON)


def spending_of(images: Sequence[ResultImage]) -> Spending:
    neurons, usd = 0.0, 0.0
    for image in images:
        neurons += image.neurons or 0.0
        usd += image.usd or 0.0
    return Spending(images=len(images), neurons=neurons, usd=neurons * USD_PER_NEURON + usd)
