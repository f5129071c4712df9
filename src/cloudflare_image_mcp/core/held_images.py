"""Counts the input images of requests in the limit on memory for as long as they are used: the body that they came in
counts only while the request is read, and a job goes on after its request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cloudflare_image_mcp.core.byte_budget import ByteBudget
    from cloudflare_image_mcp.core.ports import Call, Finish
    from cloudflare_image_mcp.core.request import ImageRequest
    from cloudflare_image_mcp.core.staging import Inputs


class HeldImages:
    """Over one gateway. The two budgets are the same one but in a Worker."""

    def __init__(self, budget: ByteBudget, fetch_budget: ByteBudget) -> None:
        """``budget`` is that of bodies."""
        self._budget = budget
        self._fetch_budget = fetch_budget

    def hold_sources(self, request: ImageRequest) -> None:
        """Counts the images of a request that waits until it is prepared, as the caller wrote them."""
        for source in filter(None, (*request.images, request.mask)):
            self._budget.hold(source, len(source.data))

    def hold(self, inputs: Inputs, call: Call, finish: Finish) -> None:
        """Counts the images of a request, and what was made of them for the backend."""
        for image in filter(None, (*inputs.images, inputs.mask)):
            if not self._fetch_budget.counts(image.payload):
                self._budget.hold(image.payload, image.payload.size)
        for image in filter(None, (*call.images, call.mask, finish.original, finish.mask)):
            if not self._budget.counts(image.payload):
                self._fetch_budget.hold(image.payload, image.payload.size)
