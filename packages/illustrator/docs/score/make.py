"""Draws the contact sheets of the score sheet: the prompts of prompts.txt, 20 a sheet, as WebP.

python packages/illustrator/docs/score/make.py OUTPUT_FOLDER
"""

import sys
import textwrap
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from cloudflare_image_illustrator import Brief, Illustrator

SIDE, TILE, COLUMNS, ROWS, LABEL = 512, 256, 5, 4, 30
PER_SHEET = COLUMNS * ROWS


def prompts() -> list[tuple[str, str]]:
    """(language, prompt) in order."""
    lines = Path(__file__).with_name("prompts.txt").read_text(encoding="utf-8").splitlines()
    return [(line[:2], line[3:]) for line in lines if line and not line.startswith("#")]


def main(output: Path) -> None:
    illustrator = Illustrator()
    font = ImageFont.load_default(11)
    listed = list(enumerate(prompts(), 1))
    for first in range(0, len(listed), PER_SHEET):
        sheet = Image.new("RGB", (COLUMNS * TILE, ROWS * (TILE + LABEL)), (250, 249, 246))
        draw = ImageDraw.Draw(sheet)
        for place, (number, (language, prompt)) in enumerate(listed[first : first + PER_SHEET]):
            drawing = illustrator.draw(Brief(prompt=prompt, seed=number, width=SIDE, height=SIDE))
            x, y = place % COLUMNS * TILE, place // COLUMNS * (TILE + LABEL)
            tile = Image.fromarray(drawing.pixels).resize((TILE - 4, TILE - 4), Image.Resampling.LANCZOS)
            sheet.paste(tile, (x + 2, y + 2))
            # The label's typeface is Latin: other scripts are told by their number.
            text = prompt if prompt.isascii() or language not in {"ru", "zh", "ja"} else f"({language})"
            label = "\n".join(textwrap.wrap(f"{number}. {text}", 44)[:2])
            draw.multiline_text((x + 4, y + TILE), label, fill=(40, 40, 50), font=font, spacing=2)
            for warning in drawing.warnings:
                print(f"{number}. {prompt}: {warning}")
        sheet.save(output / f"sheet-{first // PER_SHEET + 1}.webp", quality=60, method=6)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
