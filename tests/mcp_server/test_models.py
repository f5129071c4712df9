"""The description of a model in a tool's result."""

from __future__ import annotations

from cloudflare_image_mcp.assembly import assemble
from cloudflare_image_mcp.core.model_names import find_model
from cloudflare_image_mcp.mcp_server.models import description, description_text
from cloudflare_image_mcp.settings import Settings


async def test_a_model_whose_edits_another_makes_says_which_and_at_what_price() -> None:
    values = {"CLOUDFLARE_ACCOUNT_ID": "a" * 32, "CLOUDFLARE_API_TOKEN": "t" * 40, "NEURON_LEDGER_URL": "memory:"}
    parts = assemble(Settings.read(values | {"IMAGE_STORAGE_URL": "memory:"}))
    try:
        text = description_text(find_model("dreamshaper-8-lcm"), parts.gateway)
        own = description(find_model("flux-2-klein-4b"), parts.gateway)
    finally:
        await parts.aclose()
    assert (
        "Edits and variations are made by @cf/black-forest-labs/flux-2-klein-4b, for $0.001205 an image"
        " (edit of one image at 1024x1024 and default steps)."
    ) in text
    assert "edits_made_by" not in own
