"""AnythingLLM's image providers: base64 where it is there, else the URL is fetched."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import node
from tests.decoding import decoded, size
from tests.rest import pictures


@pytest.mark.parametrize("origin", ["server", "base64_server"])
def test_generating_and_editing(origin: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    image = tmp_path / "photo.png"
    image.write_bytes(pictures.picture(256, 256))
    server = request.getfixturevalue(origin)
    made = node.run(Path(__file__).parent / "anythingllm.mjs", f"{server}/v1", image)
    sizes = {call: size(decoded(data)) for call, data in made.items()}
    assert sizes.pop("generate_default_size") == "1024x1024"
    assert set(sizes) == {"generate", "generate_alias", "edit", "edit_several"}
    assert set(sizes.values()) == {"256x256"}
