"""n8n's OpenAI node: its model list, generating and editing."""

from __future__ import annotations

from pathlib import Path

from tests import node
from tests.decoding import decoded, downloaded, size
from tests.rest import pictures

BASE64 = {"default": 1, "dalle3": 1, "typed_id": 2, "edit": 1, "edit_dalle2_base64": 1}
URLS = {"dalle2_urls": 2, "edit_dalle2_url": 1}
"""The script's calls, by the form that the node reads, with the number of images."""


def test_models_generating_and_editing(server: str, tmp_path: Path) -> None:
    photo, mask = tmp_path / "photo.png", tmp_path / "mask.png"
    photo.write_bytes(pictures.picture(256, 256))
    mask.write_bytes(pictures.mask(256, 256))
    handed_on = node.run(Path(__file__).parent / "n8n.mjs", f"{server}/v1", photo, mask)
    assert {"dall-e-2", "dall-e-3", "gpt-image-1", "gpt-image-1-mini"} <= set(handed_on.pop("dropdown"))
    assert handed_on.keys() == BASE64.keys() | URLS.keys()
    for call, n in BASE64.items():
        assert [size(decoded(image)) for image in handed_on[call]] == ["256x256"] * n, call
    for call, n in URLS.items():
        assert [size(downloaded(entry["url"])) for entry in handed_on[call]] == ["256x256"] * n, call
    assert decoded(handed_on["edit"][0]).format == "WEBP"
