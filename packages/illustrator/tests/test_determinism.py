"""Same request, same bytes, in any process; neighbouring seeds, different pictures."""

import hashlib
import itertools
import os
import subprocess
import sys

import numpy as np
import pytest
from measure import distance, png
from PIL import Image

from cloudflare_image_illustrator import Brief, Illustrator

# Mean pairwise distance of twenty neighbours must be above this; two unrelated photographs are about 0.25 apart.
VISIBLY_DIFFERENT = 0.10
PROGRAM = """
import hashlib, sys
from cloudflare_image_illustrator import Brief, Illustrator
drawing = Illustrator().draw(Brief(prompt=sys.argv[1], width=200, height=168, seed=11))
print(hashlib.sha256(drawing.pixels.tobytes()).hexdigest())
"""
PROMPT = "two red foxes and a rabbit under a tree by a lake in the rain, oil painting"


def test_two_processes_draw_the_same_bytes(illustrator: Illustrator) -> None:
    here = hashlib.sha256(
        illustrator.draw(Brief(prompt=PROMPT, width=200, height=168, seed=11)).pixels.tobytes()
    ).hexdigest()
    for hash_seed in ("1", "77"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, PROMPT],
            capture_output=True,
            text=True,
            check=True,
            env=environment,
        )
        assert done.stdout.strip() == here


@pytest.mark.parametrize("threads", ["1", "2", "5"])
@pytest.mark.parametrize("prompt", ["a wizard in a library at night", "a pomeranian in a tulip field, neon"])
def test_the_number_of_threads_changes_no_byte(illustrator: Illustrator, prompt: str, threads: str) -> None:
    """Of the numeric libraries, and of those that rasterise; the second prompt opens the sentence encoder."""
    here = hashlib.sha256(
        illustrator.draw(Brief(prompt=prompt, width=200, height=168, seed=11)).pixels.tobytes()
    ).hexdigest()
    counts = {f"{library}_NUM_THREADS": threads for library in ("OMP", "OPENBLAS", "MKL", "RAYON", "NUMEXPR")}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, prompt],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **counts},
    )
    assert done.stdout.strip() == here


@pytest.mark.parametrize("prompt", ["make it winter", "remove the car", "add a rainbow", "make it night"])
def test_an_edit_gives_the_same_bytes_every_time(illustrator: Illustrator, prompt: str) -> None:
    source = png(illustrator.draw(Brief(prompt="a red car in a meadow", width=160, height=160, seed=3)).pixels)
    brief = Brief(prompt=prompt, images=(source,), width=160, height=160, seed=3)
    assert np.array_equal(illustrator.draw(brief).pixels, Illustrator().draw(brief).pixels)


def test_the_order_of_requests_changes_nothing(illustrator: Illustrator) -> None:
    brief = Brief(prompt="a dog in the city", width=160, height=160, seed=3)
    first = illustrator.draw(brief).pixels
    illustrator.draw(Brief(prompt="a ship on the ocean at night", width=160, height=160, seed=8))
    assert np.array_equal(illustrator.draw(brief).pixels, first)


def test_twenty_neighbouring_seeds_are_twenty_pictures(illustrator: Illustrator) -> None:
    for prompt in ("a cat", "mountains at sunset"):
        pictures = [
            np.asarray(
                Image.fromarray(illustrator.draw(Brief(prompt=prompt, width=160, height=160, seed=seed)).pixels).resize(
                    (64, 64)
                )
            )
            for seed in range(100, 120)
        ]
        distances = [distance(one, other) for one, other in itertools.combinations(pictures, 2)]
        assert np.mean(distances) > VISIBLY_DIFFERENT
        assert min(distances) > 0.015


def test_seed_zero_is_a_seed(illustrator: Illustrator) -> None:
    zero = illustrator.draw(Brief(prompt="a horse", width=128, height=128, seed=0)).pixels
    one = illustrator.draw(Brief(prompt="a horse", width=128, height=128, seed=1)).pixels
    assert distance(zero, one) > 0.02
