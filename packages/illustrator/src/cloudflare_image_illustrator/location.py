"""Where the packed artwork is."""

from pathlib import Path
from typing import Final

PACKED: Final = Path(__file__).parent / "artwork" / "artwork.zip"
