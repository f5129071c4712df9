from __future__ import annotations

import pytest

from cloudflare_image_mcp.catalog import Size, models
from cloudflare_image_mcp.emulator import pictures
from cloudflare_image_mcp.emulator.image_call import ImageCall, Mode
from cloudflare_image_mcp.emulator.pictures import Pictures
from tests.emulator.calling import LIGHTNING

JOB = ImageCall(
    model=models()[LIGHTNING],
    prompt="a cat",
    negative_prompt="",
    size=Size(256, 256),
    steps=1,
    guidance=7.5,
    strength=1,
    seed=1,
)


async def test_a_drawing_that_failed_once_is_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawings are kept; a failure, such as a lack of memory, is not."""

    def out_of_memory(*_: object) -> bytes:
        raise MemoryError

    drawn = Pictures(Mode.LIVE)
    try:
        with monkeypatch.context() as patch:
            patch.setattr(pictures, "_draw", out_of_memory)
            with pytest.raises(MemoryError):
                await drawn.draw(JOB)
        first = await drawn.draw(JOB)
        assert first.startswith(b"\xff\xd8")
        assert await drawn.draw(JOB) is first
    finally:
        drawn.close()
