"""Draws the gallery: contact sheets of 60 prompts and of edits, as WebP.

python packages/illustrator/docs/gallery/make.py OUTPUT_FOLDER
"""

import sys
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from cloudflare_image_illustrator import Brief, Illustrator

SIDE, TILE, COLUMNS, LABEL = 512, 300, 5, 18
SHEETS: dict[str, list[tuple[str, int]]] = {
    "subjects": [
        ("a red apple", 1), ("a cat", 2), ("a robot", 4), ("a fox", 1), ("cup of coffee on a desk", 3),
        ("portrait of an old wizard", 1), ("a blue car", 5), ("a pink elephant", 6), ("a golden teapot", 7), ("a wooden horse", 8),
        ("three penguins in the snow", 9), ("five balloons in the sky", 10), ("two dogs and a cat in a living room", 11), ("seven fish in the ocean", 12), ("a green apple and two bananas on a plate", 13),
    ],
    "relations": [
        ("an astronaut riding a horse in space", 21), ("a purple dragon flying over a castle with mountains", 22), ("a bear wearing a red hat", 23), ("a girl holding a balloon in a park", 24), ("a cat on a couch", 25),
        ("a dog under a tree", 26), ("a monkey riding a bicycle", 27), ("a knight holding a sword in front of a castle", 28), ("a penguin wearing sunglasses on the beach", 29), ("a frog under an umbrella in the rain", 30),
        ("a rabbit inside a box", 31), ("a bird on top of an elephant", 32), ("a mouse next to an elephant", 33), ("a wizard and a dragon in a cave", 34), ("a sign that says \"OPEN\" on a city street", 35),
    ],
    "scenes": [
        ("sunset over mountains", 41), ("a blue car on a city street at night", 42), ("a sailboat on the ocean at sunset", 43), ("a lake in the mountains at dawn", 44), ("a deer in a foggy forest", 45),
        ("a camel in the desert at sunset", 46), ("northern lights over snowy mountains", 47), ("an airplane above the clouds", 48), ("a thunderstorm over the ocean with a ship", 49), ("a cottage in an autumn forest", 50),
        ("cyberpunk city in the rain with a robot", 51), ("an astronaut on the moon", 52), ("a turtle underwater", 53), ("a cow in a meadow under a rainbow", 54), ("a snowman in falling snow at night", 55),
    ],
    "styles": [
        ("watercolor of two birds and flowers", 61), ("oil painting of a sailboat on the ocean at sunset", 62), ("pencil sketch of a fox in the forest", 63), ("ink drawing of an owl at night", 64), ("pixel art of a dragon and a castle", 65),
        ("flat design of a rocket in space", 66), ("isometric city with a red car", 67), ("vintage travel poster of the mountains \"VISIT THE ALPS\"", 68), ("neon tiger", 69), ("low poly wolf in the snow", 70),
        ("eine rote Katze im Wald bei Nacht", 71), ("一只红色的猫在森林里", 72), ("un castillo en las montañas al atardecer", 73), ("森の中の白い馬", 74), ("зимний лес и лиса", 75),
    ],
}  # fmt: skip
# The label typeface is Latin: what other prompts say is put in English.
CAPTIONS = {
    "eine rote Katze im Wald bei Nacht": "German: a red cat in the forest at night",
    "一只红色的猫在森林里": "Chinese: a red cat in the forest",
    "un castillo en las montañas al atardecer": "Spanish: a castle in the mountains at sunset",
    "森の中の白い馬": "Japanese: a white horse in the forest",
    "зимний лес и лиса": "Russian: a winter forest and a fox",
}
EDITS = [
    "make it night",
    "make it autumn",
    "make it snow",
    "turn into a watercolor",
    "add a star",
    "make the car blue",
    "remove the car",
    "replace the car with a dog",
    "replace the background with mountains",
]


def labelled(sheet: Image.Image, place: int, picture: NDArray[np.uint8], text: str) -> None:
    """Puts one picture with its prompt under it on a sheet."""
    x, y = place % COLUMNS * TILE, place // COLUMNS * (TILE + LABEL)
    sheet.paste(Image.fromarray(picture).resize((TILE - 4, TILE - 4), Image.Resampling.LANCZOS), (x + 2, y + 2))
    font = ImageFont.load_default(11)
    ImageDraw.Draw(sheet).text(
        (x + 4, y + TILE),
        CAPTIONS.get(text, text)[:54],
        fill=(40, 40, 50),
        font=font,
    )


def blank(count: int) -> Image.Image:
    rows = -(-count // COLUMNS)
    return Image.new("RGB", (COLUMNS * TILE, rows * (TILE + LABEL)), (250, 249, 246))


def main(output: Path) -> None:
    illustrator = Illustrator()
    for name, prompts in SHEETS.items():
        sheet = blank(len(prompts))
        for place, (prompt, seed) in enumerate(prompts):
            drawing = illustrator.draw(Brief(prompt=prompt, seed=seed, width=SIDE, height=SIDE))
            labelled(sheet, place, drawing.pixels, prompt)
            for warning in drawing.warnings:
                print(f"{prompt}: {warning}")
        sheet.save(output / f"{name}.webp", quality=80, method=6)
    source = illustrator.draw(Brief(prompt="a red car in a meadow at noon", seed=4, width=SIDE, height=SIDE)).pixels
    file = BytesIO()
    Image.fromarray(source).save(file, "PNG")
    sheet = blank(len(EDITS) + 1)
    labelled(sheet, 0, source, "the source")
    for place, prompt in enumerate(EDITS, 1):
        labelled(
            sheet,
            place,
            illustrator.draw(Brief(prompt=prompt, images=(file.getvalue(),), seed=4, width=SIDE, height=SIDE)).pixels,
            prompt,
        )
    sheet.save(output / "edits.webp", quality=80, method=6)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
