"""One illustrator serves several threads at once; each gets its own picture."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from cloudflare_image_illustrator import Brief, Illustrator


def test_threads_do_not_disturb_one_another() -> None:
    briefs = [
        Brief(prompt=f"a {noun} in a forest", width=128, height=128, seed=seed)
        for seed in range(3)
        for noun in ("dog", "car", "pomeranian")
    ]
    alone = Illustrator()
    expected = [alone.draw(brief).pixels for brief in briefs]
    shared = Illustrator()
    with ThreadPoolExecutor(4) as pool:
        drawn = list(pool.map(lambda brief: shared.draw(brief).pixels, briefs))
    assert all(np.array_equal(one, other) for one, other in zip(expected, drawn, strict=True))
