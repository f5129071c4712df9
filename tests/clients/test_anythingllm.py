"""AnythingLLM's image providers: base64 where it is there, else the URL is fetched."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests import node
from tests.decoding import decoded, size
from tests.docs.test_blocks import settings_of
from tests.rest import pictures


@pytest.mark.parametrize("origin", ["server", "base64_server"])
def test_generating_and_editing(origin: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    image = tmp_path / "photo.png"
    image.write_bytes(pictures.picture(256, 256))
    server = request.getfixturevalue(origin)
    settings = settings_of("clients.md", "IMAGE_GEN_LOCALAI_BASE_PATH", server)
    made = node.run(Path(__file__).parent / "anythingllm.mjs", json.dumps(settings), image)
    sizes = {call: size(decoded(data)) for call, data in made.items()}
    assert sizes.pop("generate_as_set") == settings["IMAGE_GEN_SIZE_PREF"] == "768x512"
    assert sizes.pop("generate_default_size") == "1024x1024"
    assert set(sizes) == {"generate", "generate_alias", "edit", "edit_several"}
    assert set(sizes.values()) == {"256x256"}
