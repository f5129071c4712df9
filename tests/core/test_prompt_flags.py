from __future__ import annotations

import pytest

from cloudflare_image_mcp.core.prompt_flags import take_flags

TAKEN = [
    ("a fox --steps=6", "a fox", {"steps": "6"}),
    ("a fox --steps 6 --seed 1", "a fox", {"steps": "6", "seed": "1"}),
    ("--size=512x512 a fox", "a fox", {"size": "512x512"}),
    ('a fox --negative "blurry, low quality" in snow', "a fox in snow", {"negative_prompt": "blurry, low quality"}),
    ("a fox --no people", "a fox", {"negative_prompt": "people"}),
    ("a fox --ar 16:9 --guidance 7.5", "a fox", {"aspect_ratio": "16:9", "guidance": "7.5"}),
    ("a fox --steps=6 --steps=8", "a fox", {"steps": "8"}),
    ("a fox --seed=0", "a fox", {"seed": "0"}),
    ("a fox \t --seed 1 \n in snow  --n=2", "a fox \n in snow", {"seed": "1", "n": "2"}),
    ("a fox" + " " * 90_000 + "--seed 1", "a fox", {"seed": "1"}),
]

LEFT = [
    "a fox -- and a hound",
    "the --verbose flag on a poster",
    "a fox --steps=many",
    "a fox --size=big",
    "state-of-the-art fox",
    "a sign that says --help",
    "twenty--steps=4 foxes",
    "a fox --steps=4x",
    " " * 90_000 + "a fox",
]


@pytest.mark.parametrize(("prompt", "rest", "flags"), TAKEN)
def test_known_flags_are_taken_out_of_the_prompt(prompt: str, rest: str, flags: dict[str, str]) -> None:
    assert take_flags(prompt) == (rest, flags)


@pytest.mark.parametrize("prompt", LEFT)
def test_other_text_with_dashes_stays(prompt: str) -> None:
    assert take_flags(prompt) == (prompt, {})
