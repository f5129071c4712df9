"""What a mask marks, in each of the two ways to write one."""

from __future__ import annotations

import pytest
from PIL import Image as PillowImage
from PIL import ImageDraw

from cloudflare_image_mcp.catalog import Size
from cloudflare_image_mcp.errors import GatewayError
from cloudflare_image_mcp.imaging.mask import read_mask
from cloudflare_image_mcp.imaging.mask_rules import check_mask_size

BOX = (8, 4, 20, 12)
"""What is marked in a mask of 40 x 30; right and lower edge exclusive."""


def marked(mode: str, ground: str | tuple[int, ...], mark: str | tuple[int, ...]) -> PillowImage.Image:
    made = PillowImage.new(mode, (40, 30), ground)
    made.paste(mark, BOX)
    return made


@pytest.mark.parametrize(
    "made",
    [
        marked("RGBA", (5, 5, 5, 255), (5, 5, 5, 0)),
        marked("RGBA", (255, 255, 255, 255), (0, 0, 0, 0)),
        marked("RGBA", (9, 9, 9, 255), (9, 9, 9, 90)),
        marked("RGBA", (0, 0, 0, 255), (255, 255, 255, 255)),
        marked("RGB", "black", "white"),
        marked("RGB", (30, 30, 30), (140, 140, 140)),
        marked("RGB", "black", (0, 255, 0)),
    ],
)
def test_transparent_or_white_is_repainted(made: PillowImage.Image) -> None:
    mask = read_mask(made)
    assert mask.mode == "L"
    assert mask.getbbox() == BOX
    assert sorted(set(mask.tobytes())) == [0, 255]
    assert mask.tobytes().count(255) == 12 * 8


def test_everything_may_be_repainted() -> None:
    for made in (PillowImage.new("RGBA", (4, 4)), PillowImage.new("RGB", (4, 4), "white")):
        assert read_mask(made).tobytes() == b"\xff" * 16


def test_a_hairline_is_a_mark() -> None:
    fine = PillowImage.new("RGB", (400, 400))
    ImageDraw.Draw(fine).line((0, 200, 400, 200), "white")
    assert read_mask(fine.resize((100, 100), PillowImage.Resampling.LANCZOS)).getbbox() is not None


@pytest.mark.parametrize("made", [PillowImage.new("RGB", (9, 9)), PillowImage.new("RGBA", (9, 9), (0, 0, 0, 255))])
def test_an_empty_mask_is_refused_in_words(made: PillowImage.Image) -> None:
    with pytest.raises(GatewayError, match="marks nothing to repaint: it needs a transparent area") as caught:
        read_mask(made)
    assert (caught.value.kind, caught.value.param) == ("invalid_request", "mask")


def test_a_mask_of_another_size_is_refused_with_both() -> None:
    check_mask_size(Size(3, 4), Size(3, 4))
    with pytest.raises(GatewayError, match="mask is 3x4 and the image is 4x3; both") as caught:
        check_mask_size(Size(3, 4), Size(4, 3))
    assert (caught.value.kind, caught.value.param) == ("invalid_request", "mask")
