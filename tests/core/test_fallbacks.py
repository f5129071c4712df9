"""Fallbacks: which failures lead to another model, and what is made of the request for it."""

from __future__ import annotations

import asyncio
import io
from typing import TYPE_CHECKING

import pytest
from PIL import Image as PillowImage
from tests.core.test_gateway import Scripted, gateway, noise, plain, png, run

from cloudflare_image_mcp.catalog import Operation
from cloudflare_image_mcp.core.fallbacks import LOCAL, Fallbacks
from cloudflare_image_mcp.core.model_names import find_model
from cloudflare_image_mcp.errors import ERRORS, EditRefused, GatewayError

if TYPE_CHECKING:
    from cloudflare_image_mcp.core.ports import Call

SCHNELL, KLEIN, LUCID = (find_model(name) for name in ("flux-1-schnell", "flux-2-klein-4b", "lucid-origin"))
CHAIN = Fallbacks({SCHNELL.id: (LUCID, KLEIN, LOCAL)})


class Embedded(Scripted):
    """A second backend, in place of the embedded engine."""

    name = "local"
    billed = False
    engine = "illustrator"


def failing(*errors: GatewayError) -> Scripted:
    """A backend whose first calls fail with ``errors``, in order."""
    left = iter(errors)
    return Scripted(lambda call: next(left, None) or plain(call))


MOVES_ON = {
    "edit_not_available",
    "model_not_found",
    "insufficient_quota",
    "rate_limit_exceeded",
    "upstream_authentication_error",
    "upstream_error",
    "overloaded",
    "upstream_timeout",
}


@pytest.mark.parametrize("kind", ERRORS)
def test_what_moves_on_to_another_model(kind: str) -> None:
    backend = failing(GatewayError(kind, "It failed."))
    core = gateway(backend, fallbacks=CHAIN)
    if kind not in MOVES_ON:
        with pytest.raises(GatewayError, match="It failed"):
            run(core, Operation.GENERATE, prompt="p")
        assert len(backend.calls) == 1
        return
    result = run(core, Operation.GENERATE, prompt="p")
    assert result.made_by == LUCID.id
    assert "flux-1-schnell failed (It failed); lucid-origin made this one" in result.warnings


def test_the_size_is_the_one_asked_for_and_numbers_fit_the_other_model() -> None:
    backend = failing(GatewayError("overloaded", "Full."), GatewayError("upstream_timeout", "Slow."))
    result = run(gateway(backend, fallbacks=CHAIN), Operation.GENERATE, prompt="p", size="300x500", steps=1, seed=7)
    assert [call.model.short_name for call in backend.calls] == ["flux-1-schnell", "lucid-origin", "flux-2-klein-4b"]
    picture = PillowImage.open(io.BytesIO(asyncio.run(result.images[0].image.payload.read())))
    assert picture.size == (300, 500)
    assert [warning for warning in result.warnings if "failed" in warning] == [
        "flux-1-schnell failed (Full); flux-2-klein-4b made this one",
        "lucid-origin failed (Slow); flux-2-klein-4b made this one",
    ]


def test_the_embedded_engine_comes_last_and_is_named() -> None:
    embedded = Embedded(plain)
    backend = Scripted(lambda call: GatewayError("insufficient_quota", "Used up."))
    result = run(gateway(backend, local=embedded, fallbacks=CHAIN), Operation.GENERATE, prompt="p")
    assert (result.made_by, result.backend, len(embedded.calls)) == ("illustrator", "local", 1)
    assert "lucid-origin failed (Used up); illustrator made this one" in result.warnings


def test_when_all_fail_the_error_is_that_of_the_model_asked_for() -> None:
    kinds = {SCHNELL.id: "insufficient_quota", LUCID.id: "overloaded", KLEIN.id: "upstream_error"}
    backend = Scripted(lambda call: GatewayError(kinds[call.model.id], f"{call.model.short_name}."))
    with pytest.raises(GatewayError, match=r"^flux-1-schnell\.$") as caught:
        run(gateway(backend, fallbacks=CHAIN), Operation.GENERATE, prompt="p")
    assert caught.value.kind == "insufficient_quota"
    assert len(backend.calls) == 3


def test_a_prompt_that_a_fallback_refuses_ends_the_request() -> None:
    backend = failing(GatewayError("overloaded", "Full."), GatewayError("content_policy_violation", "Refused."))
    with pytest.raises(GatewayError, match="Refused"):
        run(gateway(backend, fallbacks=CHAIN), Operation.GENERATE, prompt="p")
    assert len(backend.calls) == 2


def test_a_model_that_cannot_do_it_is_passed_over() -> None:
    def script(call: Call) -> bytes | Exception:
        return EditRefused("no image input", lacks_input=True) if "dreamshaper" in call.model.id else plain(call)

    chain = Fallbacks({find_model("dreamshaper-8-lcm").id: (LUCID, find_model("flux-2-klein-9b"))}, editor=KLEIN)
    backend = Scripted(script)
    core = gateway(backend, fallbacks=chain)
    fields = {"prompt": "p", "model": "dreamshaper-8-lcm", "image": png(noise(256, 256))}
    for asked in (2, 3):  # a refusal for lack of an input is remembered
        assert run(core, Operation.EDIT, **fields).model.short_name == "flux-2-klein-9b"
        assert len(backend.calls) == asked
    cost = core.edit_cost(find_model("dreamshaper-8-lcm"))
    assert cost is not None
    assert cost["model"] == find_model("flux-2-klein-9b").id
