"""LibreChat's three image tools, with the libraries and the arguments that it uses."""

from __future__ import annotations

import json
from pathlib import Path

from tests import node
from tests.decoding import decoded, downloaded, size
from tests.docs.test_blocks import settings_of
from tests.rest import pictures


def test_its_three_tools(server: str, tmp_path: Path) -> None:
    image = tmp_path / "photo.png"
    image.write_bytes(pictures.picture(256, 256))
    settings = settings_of("clients.md", "IMAGE_GEN_OAI_API_KEY", server)
    read = node.run(Path(__file__).parent / "librechat.mjs", json.dumps(settings), image)
    for kind in ("png", "webp", "jpeg"):
        made = decoded(read[f"image_gen_oai_{kind}"])
        assert (size(made), made.format) == ("1024x1024", kind.upper())
    for tool in ("image_edit_oai", "image_edit_oai_azure"):
        assert size(decoded(read[tool])) == "256x256"
    assert size(downloaded(read["dalle3"])) == "1024x1792"
    assert read["dalle3_extension"] == ".png"
