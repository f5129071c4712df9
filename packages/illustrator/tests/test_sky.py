"""What a prompt says of the sky is seen in it."""

from typing import Any

import numpy as np
import pytest

from cloudflare_image_illustrator import Brief, Illustrator
from cloudflare_image_illustrator.reading import lexicon

SMALL: dict[str, Any] = {"width": 160, "height": 160, "seed": 8}


@pytest.mark.parametrize("phrase", sorted({value: phrase for phrase, value in reversed(lexicon.SKY.items())}.values()))
def test_every_thing_of_the_sky_is_drawn(illustrator: Illustrator, phrase: str) -> None:
    plain = illustrator.draw(Brief(prompt="a lake at dusk", **SMALL)).pixels[:90]
    drawn = illustrator.draw(Brief(prompt=f"a lake at dusk, {phrase}", **SMALL)).pixels[:90]
    changed = np.abs(drawn.astype(int) - plain).max(-1) > 20
    if phrase == "sun":  # it is there at dusk already
        assert not changed.any()
    else:
        assert changed.mean() > 0.001
