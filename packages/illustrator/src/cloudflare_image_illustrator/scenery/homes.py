"""Where the things of a prompt that names no place are at home."""

import numpy as np

from cloudflare_image_illustrator.artwork import Concept
from cloudflare_image_illustrator.figures import cast as casting
from cloudflare_image_illustrator.reading.mention import Reading

# Scenery and its weight, by kind of concept or by label.
Homes = tuple[tuple[str, float], ...]
OUTDOORS: Homes = (("meadow", 3), ("forest", 2), ("studio", 2), ("hills", 1))
HABITATS: dict[str, Homes] = {
    "animal-marine": (("underwater", 4), ("studio", 1)),
    "animal": OUTDOORS,
    "plant": (("meadow", 2), ("studio", 3), ("hills", 1)),
    "food": (("table", 2), ("studio", 3)),
    "drink": (("table", 2), ("studio", 3)),
    "dishware": (("table", 2), ("studio", 2)),
    "place-building": (("meadow", 2), ("hills", 2), ("mountains", 1)),
    "place-religious": (("meadow", 2), ("hills", 2)),
    "place": (("meadow", 2), ("hills", 1)),
    "transport-ground": (("city", 2), ("hills", 2), ("studio", 1)),
    "transport-water": (("ocean", 3), ("lake", 0)),
    "transport-air": (("sky", 3), ("mountains", 1)),
    "person": (("meadow", 2), ("city", 2), ("studio", 2), ("mountains", 1)),
    "family": (("meadow", 2), ("interior", 1)),
    "household": (("interior", 2), ("studio", 2)),
    "book-paper": (("table", 2), ("studio", 2)),
    "musical": (("stage", 2), ("studio", 2)),
    "computer": (("table", 2), ("studio", 2)),
}  # fmt: skip
HABITAT_OF: dict[str, Homes] = {
    "cat": (("interior", 2), ("meadow", 2), ("studio", 2)), "dog": (("interior", 1), ("meadow", 3), ("studio", 2)), "penguin": (("snow", 4), ("studio", 1)),
    "polar bear": (("snow", 4), ("studio", 1)), "camel": (("desert", 3), ("studio", 1)), "cactus": (("desert", 2), ("studio", 2)),
    "rocket": (("space", 3), ("sky", 1)), "astronaut": (("moon", 2), ("space", 2), ("studio", 1)), "alien": (("moon", 2), ("space", 1), ("studio", 1)),
    "flying saucer": (("space", 1), ("mountains", 1), ("city", 1)), "satellite": (("space", 1),), "ringed planet": (("space", 1),), "comet": (("space", 1),),
    "snowman": (("snow", 1),), "snowman without snow": (("snow", 1),), "palm tree": (("beach", 1),), "seal": (("snow", 1), ("beach", 1)),
    "duck": (("lake", 1),), "swan": (("lake", 1),), "dragon": (("mountains", 2), ("hills", 1), ("cave", 1)), "robot": (("city", 1), ("studio", 3)),
    "lighthouse": (("beach", 1), ("hills", 2)), "submarine": (("underwater", 1),), "fence": (("meadow", 1),),
    "hot beverage": (("table", 3), ("studio", 1)), "skier": (("snow", 1),), "snowboarder": (("snow", 1),), "crab": (("beach", 2), ("underwater", 1)),
    "sofa": (("interior", 1),), "couch and lamp": (("interior", 1),), "throne": (("interior", 1),), "bench": (("meadow", 1),), "pirate ship": (("ocean", 1),), "person rowing boat": (("ocean", 1),), "man rowing boat": (("ocean", 1),),
    "log cabin": (("forest", 2), ("snow", 1), ("mountains", 1)), "igloo": (("snow", 1),), "pyramid": (("desert", 1),), "floating island": (("sky", 1),), "bamboo": (("forest", 1),), "stone bridge": (("lake", 1),),
    "knight": (("hills", 1), ("meadow", 1), ("mountains", 1)), "samurai": (("mountains", 1), ("meadow", 1)), "cauldron": (("cave", 1), ("forest", 1)), "sleeping cat": (("interior", 3), ("meadow", 1)), "sleeping dog": (("interior", 2), ("meadow", 1)),
    "cushion": (("interior", 1),), "birdcage": (("interior", 2), ("studio", 1)), "empty cup": (("table", 1),), "walrus": (("snow", 1),), "toucan": (("forest", 1),), "branch": (("forest", 1), ("meadow", 1)),
    "fisherman": (("beach", 1), ("lake", 1)), "ballerina": (("stage", 1),), "cowboy": (("desert", 2), ("meadow", 1)), "pirate": (("beach", 2), ("meadow", 1)), "barn": (("meadow", 2), ("hills", 1)),
    "bed": (("interior", 1),), "sailboat": (("ocean", 3), ("lake", 0)), "castle": (("hills", 2), ("mountains", 2)),
    "ghost": (("forest", 1), ("studio", 1)), "santa claus": (("snow", 1),), "canoe": (("ocean", 1),), "giraffe": (("hills", 2), ("meadow", 1)),
    "spouting whale": (("ocean", 2), ("underwater", 1)), "dolphin": (("ocean", 1), ("underwater", 2)), "man surfing": (("ocean", 1),),
    "tent": (("forest", 1), ("mountains", 1)), "fire": (("forest", 1), ("studio", 1)), "umbrella": (("beach", 1), ("city", 1), ("studio", 1)),
}  # fmt: skip
# What food is served on or in.
SERVING = {"plate", "bowl"}


def crowd(reading: Reading) -> bool:
    """Whether several things stand side by side; what is worn, held or put on another thing does not count."""
    return sum(m.count for m in reading.mentions if m.relation is None or m.relation[0] == "beside") > 1


def home(reading: Reading, concepts: list[Concept | None], refused: Reading, rng: np.random.Generator) -> str:
    """A place for a prompt that names none: where its first thing is at home."""
    draw = float(rng.random())
    known = [c for c in concepts if c is not None]
    if any(c.label in SERVING for c in known):
        return "table"  # a lobster on a plate is a meal
    if any(c.kind == "transport-water" and c.label != "submarine" for c in known):
        return "ocean" if "ocean" not in refused.scenery else "lake"
    # A thing that is at home in one place only settles it: the sofa, not the cat on it.
    concept = next((c for c in known if len(HABITAT_OF.get(c.label, ())) == 1), known[0] if known else None)
    homes: Homes = (("meadow", 2), ("hills", 1)) if not concepts else (("studio", 1),)
    if concept is not None:
        homes = HABITAT_OF.get(concept.label) or next(
            (h for kind, h in HABITATS.items() if concept.kind.startswith(kind)), (("studio", 1),)
        )
    if crowd(reading):  # several things on bare ground look pasted: they get a place
        placed = tuple(h for h in homes if h[0] != "studio")
        small = all(c is None or casting.stature(c) <= 0.85 for c in concepts)
        homes = placed or ((("table", 1),) if small else (("meadow", 1),))
    large = any(c is not None and c.kind.startswith(("plant-other", "place", "transport")) for c in concepts)
    rooted = any(c is not None and (c.kind.startswith("place") or c.label.endswith(" tree")) for c in concepts)
    outside = reading.time or reading.weather or reading.sky or reading.season
    homes = tuple(
        h
        for h in homes
        if h[0] not in refused.scenery
        and not (outside and h[0] in {"studio", "table", "interior", "underwater"})
        and not (reading.sky and h[0] == "forest")
        and not (large and h[0] in {"interior", "table"})
        and not (rooted and h[0] in {"studio", "city"})
    )
    if not homes:
        homes = (("meadow", 1),)
    total = sum(weight for _, weight in homes)
    for place, weight in homes:
        draw -= weight / total
        if draw < 0:
            return place
    return homes[-1][0]
