from __future__ import annotations

import pytest

from cloudflare_image_mcp.core.prompt_flags import PromptFlags, take_flags

TAKEN = [
    ("a fox --steps=6", "a fox", {"steps": "6"}),
    ("a fox --steps 6 --seed 1", "a fox", {"steps": "6", "seed": "1"}),
    ("--size=512x512 a fox", "a fox", {"size": "512x512"}),
    ('a fox --negative "blurry, low quality" in snow', "a fox in snow", {"negative_prompt": "blurry, low quality"}),
    ("a fox --no people", "a fox", {"negative_prompt": "people"}),
    ("a fox \u2014no people", "a fox", {"negative_prompt": "people"}),
    ("a fox --ar 16:9 --guidance 7.5", "a fox", {"aspect_ratio": "16:9", "guidance": "7.5"}),
    ("a fox --steps=6 --steps=8", "a fox", {"steps": "8"}),
    ("a fox --seed=0", "a fox", {"seed": "0"}),
    ("a fox \t --seed 1 \n in snow  --n=2", "a fox \n in snow", {"seed": "1", "n": "2"}),
    ("a fox --Steps=6 \u2014seed 1 \u2013n 2", "a fox", {"steps": "6", "seed": "1", "n": "2"}),
    ("a fox --num-steps 6 --negative-prompt 'a hat'", "a fox", {"steps": "6", "negative_prompt": "a hat"}),
    ("a fox --aspect-ratio 16/9 --cfg_scale .5", "a fox", {"aspect_ratio": "16/9", "guidance": ".5"}),
    ("a fox --steps=6, --seed 1.", "a fox", {"steps": "6", "seed": "1"}),
    ("a fox --size 512", "a fox", {"size": "512"}),
    ("a fox --size=512*320", "a fox", {"size": "512*320"}),
    ("a fox" + " " * 90_000 + "--seed 1", "a fox", {"seed": "1"}),
]

LEFT = [
    "a fox -- and a hound",
    "the --verbose flag on a poster",
    "state-of-the-art fox",
    "a sign that says --help",
    "twenty--steps=4 foxes",
    "a quiet street \u2014size unknown \u2014a 1920s film",
    " " * 90_000 + "a fox",
]


WARNED = [
    ("a fox --stepz=4", '"--stepz=4" was left in the prompt: it is not a known flag; did you mean --steps?'),
    ("a fox --stepz 4", '"--stepz 4" was left in the prompt: it is not a known flag; did you mean --steps?'),
    ("a fox --seeed", '"--seeed" was left in the prompt: it is not a known flag; did you mean --seed?'),
    ("a fox --negatve-prompt hats", "it is not a known flag; did you mean --negative-prompt?"),
    ("a fox --stylize 250", '"--stylize 250" was left in the prompt: it is not a known flag'),
    ("a fox --mood=grim in snow", '"--mood=grim" was left in the prompt: it is not a known flag'),
    ("a fox \u2014stepz=4", '"\u2014stepz=4" was left in the prompt: it is not a known flag; did you mean --steps?'),
    ("a fox --quality high", '"--quality" was left in the prompt: quality cannot be set there'),
    ("a fox --steps=many", '"--steps=many" was left in the prompt: --steps takes an integer'),
    ("a fox --steps=4x", "--steps takes an integer"),
    ("a fox --size=big", "--size takes WIDTHxHEIGHT"),
    ("a fox --AR wide", "--AR takes WIDTH:HEIGHT"),
    ("a fox --guidance high", "--guidance takes a number"),
    ("a fox --no", "--no takes a text"),
]


@pytest.mark.parametrize(("prompt", "rest", "flags"), TAKEN)
def test_known_flags_are_taken_out_of_the_prompt(prompt: str, rest: str, flags: dict[str, str]) -> None:
    found = take_flags(prompt)
    assert (found.prompt, {flag.parameter: flag.value for flag in found.flags}) == (rest, flags)
    assert found.warnings == ()


@pytest.mark.parametrize("prompt", LEFT)
def test_other_text_with_dashes_stays(prompt: str) -> None:
    assert take_flags(prompt) == PromptFlags(prompt)


@pytest.mark.parametrize(("prompt", "words"), WARNED)
def test_what_looks_like_a_flag_stays_with_a_warning(prompt: str, words: str) -> None:
    found = take_flags(prompt)
    assert (found.prompt, found.flags) == (prompt, ())
    (warning,) = found.warnings
    assert words in warning


def test_a_prompt_full_of_misspelt_flags_gets_a_few_warnings() -> None:
    assert len(take_flags("--stepz=4 " * 9_000).warnings) == 5
