"""LobeChat's OpenAI-compatible provider: base64 or, where there is none, the URL."""

from __future__ import annotations

from pathlib import Path

from tests import node
from tests.decoding import decoded, downloaded, size
from tests.rest import pictures

BASE64 = {"gpt_image": "1024x1024", "dalle": "256x256", "edit_one": "256x256"}
URLS = {"catalogue": "320x256", "aspect": "1360x768", "edit_several": "256x256"}
"""The script's calls, by the form that is answered, with the size of the image."""


def test_generating_and_editing(server: str, tmp_path: Path) -> None:
    image = tmp_path / "photo.png"
    image.write_bytes(pictures.picture(256, 256))
    made = node.run(Path(__file__).parent / "lobechat.mjs", f"{server}/v1", image)
    assert {call: size(decoded(made[call]["image"])) for call in BASE64} == BASE64
    assert {call: size(downloaded(made[call]["url"])) for call in URLS} == URLS
    assert all((one["image"] is None) != (one["url"] is None) for one in made.values())
    assert {one["usage"] for one in made.values()} == {None}, "it would price what is not counted here"
