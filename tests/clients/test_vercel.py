"""Vercel's AI SDK, the real packages: @ai-sdk/openai-compatible and @ai-sdk/openai under generateImage.

- current (3.0.92): sends no response_format, reads base64 or a URL.
- version2 (2.0.91): always asks for b64_json.
- strict (3.0.35): sends no response_format, and reads base64 alone.
- openai (3.0.141): asks for b64_json, but for names that answer it anyway.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests import node
from tests.decoding import decoded, size
from tests.rest import pictures

PROVIDERS = ("current", "version2", "strict", "openai")
IMAGES = {"generate": 2, "alias": 1, "options": 1, "edit": 1, "edit_several": 1}
"""The script's calls, with the number of images."""

NEED_THE_SETTING = {("strict", "generate"), ("strict", "edit"), ("openai", "edit")}
"""They send no response_format, name a model of the catalogue, and read base64 alone."""


def test_as_the_clients_page_advises(base64_server: str, tmp_path: Path) -> None:
    """With ``DEFAULT_RESPONSE_FORMAT=b64_json`` everything works."""
    results = _called(base64_server, tmp_path)
    for provider in PROVIDERS:
        for call, n in IMAGES.items():
            assert _sizes(results[f"{provider}.{call}"]) == ["256x256"] * n, f"{provider}.{call}"
        refused = results[f"{provider}.refused"]
        assert refused["status"] == 400
        assert "size must be 256x256 to 2048x2048" in refused["error"], "the reason reaches the caller"


def test_with_the_settings_as_they_come(server: str, tmp_path: Path) -> None:
    results = _called(server, tmp_path)
    for provider in PROVIDERS:
        for call, n in IMAGES.items():
            outcome = results[f"{provider}.{call}"]
            if (provider, call) in NEED_THE_SETTING:
                assert outcome == {"error": "Invalid JSON response", "status": 200}
            else:
                assert _sizes(outcome) == ["256x256"] * n, f"{provider}.{call}"


def _called(server: str, folder: Path) -> dict[str, Any]:
    image, mask = folder / "image.png", folder / "mask.png"
    image.write_bytes(pictures.picture(256, 256))
    mask.write_bytes(pictures.mask(256, 256))
    results = node.run(Path(__file__).parent / "vercel.mjs", f"{server}/v1", image, mask)
    assert isinstance(results, dict)
    return results


def _sizes(outcome: dict[str, Any]) -> list[str]:
    return [size(decoded(image)) for image in outcome.get("images", [])]
