"""The embedded engine's figures: cold start, memory, CPU time by size and style.

Prints rows for docs/performance.md.

python packages/illustrator/bench/illustrator.py
"""

import resource
import statistics
import subprocess
import sys
import time

PROMPTS = (
    "a cat",
    "a red car and a tree in the snow",
    "a fox, a bear and a dog in a forest at sunset",
    "three penguins on the beach",
    "a robot in the city in the rain",
    "a wizard in a library",
    "a windmill in a tulip field",
)
SIZES = ((256, 256), (512, 512), (1024, 1024), (1536, 1024), (2048, 2048))
STYLES = (
    "watercolor", "oil painting", "pencil sketch", "ink drawing", "comic", "pixel art", "flat design", "vintage poster",
    "neon", "low poly", "stained glass",
)  # fmt: skip
STYLED = """
import resource, time
from cloudflare_image_illustrator import Brief, Illustrator
illustrator = Illustrator()
illustrator.draw(Brief(prompt="a cat", width=64, height=64))
start = time.process_time()
illustrator.draw(Brief(prompt={prompt!r}, width={side}, height={side}))
print(time.process_time() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
COLD = """
import time
start = time.perf_counter()
from cloudflare_image_illustrator import Brief, Illustrator
Illustrator().draw(Brief(prompt={prompt!r}, width=512, height=512))
print(time.perf_counter() - start)
"""


def cold(prompt: str) -> float:
    """Median seconds from the import to the first 512 x 512 picture, in five new processes."""
    times = []
    for _ in range(5):
        done = subprocess.run(
            [sys.executable, "-c", COLD.format(prompt=prompt)], capture_output=True, text=True, check=True
        )
        times.append(float(done.stdout))
    return statistics.median(times)


def styled(style: str, side: int) -> tuple[float, float]:
    """CPU seconds of one picture in a style, and the most resident MB of its process."""
    script = STYLED.format(prompt=f"a fox in a forest, {style}", side=side)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    seconds, peak = map(float, done.stdout.split())
    return seconds, peak


def styles() -> None:
    print("| style | CPU s at 1024 x 1024 | CPU s at 2048 x 2048 | resident MB at 2048 x 2048 |\n|---|---|---|---|")
    for style in ("no style", *STYLES):
        asked = "" if style == "no style" else style
        (small, _), (large, peak) = styled(asked, 1024), styled(asked, 2048)
        print(f"| {style} | {small:.2f} | {large:.2f} | {peak:.0f} |", flush=True)


def main() -> None:
    from cloudflare_image_illustrator import Brief, Illustrator

    illustrator = Illustrator()
    illustrator.draw(Brief(prompt="a cat", width=64, height=64))
    print("\n| size | CPU s, median | CPU s, worst | resident MB so far |\n|---|---|---|---|")
    for width, height in SIZES:
        times = []
        for prompt in PROMPTS:
            for seed in range(3):
                start = time.process_time()
                illustrator.draw(Brief(prompt=prompt, width=width, height=height, seed=seed))
                times.append(time.process_time() - start)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"| {width} x {height} | {statistics.median(times):.2f} | {max(times):.2f} | {peak:.0f} |", flush=True)
    illustrator.draw(Brief(prompt="a pomeranian", width=512, height=512))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\nresident with the sentence encoder loaded as well: {peak:.0f} MB")


if __name__ == "__main__":
    print(f"cold process to first picture, words all known: {cold('a red car on a hill'):.2f} s")
    print(f"cold process to first picture, a word for the encoder: {cold('a pomeranian on a hill'):.2f} s\n")
    styles()  # first: a new process starts with its parent's peak as its own
    main()
