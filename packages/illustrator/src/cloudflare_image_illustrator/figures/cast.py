"""The cast: which drawing stands for each mention, how large it is beside the others, and what it is fastened to."""

from dataclasses import dataclass, field

import numpy as np

from cloudflare_image_illustrator.artwork import Concept
from cloudflare_image_illustrator.reading.mention import Mention, Reading
from cloudflare_image_illustrator.reading.vocabulary import Vocabulary

# Height beside a person's, by kind of concept and by label: what looks right in a picture, not true measures.
STATURE: dict[str, float] = {
    "animal-bug": 0.42, "animal-bird": 0.62, "animal-amphibian": 0.5, "animal-reptile": 0.7, "animal-marine": 0.8, "animal-mammal": 0.85,
    "plant-flower": 0.62, "plant-other": 0.8, "food": 0.5, "drink": 0.5, "dishware": 0.5, "person": 1.0, "family": 1.1,
    "place-building": 1.9, "place-religious": 1.9, "place-geographic": 1.8, "place-other": 1.5, "transport-ground": 1.2, "transport-water": 1.3,
    "transport-air": 1.15, "clothing": 0.45, "musical-instrument": 0.7, "household": 0.7, "sport": 0.45, "book-paper": 0.4, "tool": 0.5,
    "sky-weather": 0.8,
}  # fmt: skip
STATURE_OF: dict[str, float] = {
    "lighthouse": 2.2, "windmill": 2.0, "hot air balloon": 1.5, "fence": 0.7, "elephant": 1.6, "giraffe": 1.8, "horse": 1.25, "cow": 1.2, "dragon": 1.6, "spouting whale": 1.7, "whale": 1.7, "mouse": 0.45, "rat": 0.5,
    "deciduous tree": 1.8, "evergreen tree": 1.8, "palm tree": 1.8, "cactus": 1.1, "castle": 2.0, "ant": 0.3, "lady beetle": 0.35, "bicycle": 1.0,
    "motorcycle": 1.0, "skateboard": 0.55, "couch and lamp": 1.1, "bed": 1.1, "camel": 1.3, "sauropod": 1.8, "t-rex": 1.7, "unicorn": 1.2,
    "child": 0.74, "girl": 0.76, "boy": 0.76, "baby": 0.58, "candle": 0.34, "chestnut": 0.18, "peanuts": 0.2, "birthday cake": 0.6, "tomato": 0.3, "egg": 0.22, "lemon": 0.3, "red apple": 0.32, "green apple": 0.32, "tangerine": 0.3, "strawberry": 0.2, "cherries": 0.25, "spoon": 0.35, "steaming bowl": 0.5, "snail": 0.35, "bottle with popping cork": 0.6, "robot": 0.9, "hamster": 0.5, "rabbit": 0.65, "cat": 0.7, "dog": 0.8, "fox": 0.75, "umbrella": 0.9, "door": 1.3, "bear": 1.1, "polar bear": 1.15,
    "rhinoceros": 1.3, "hippopotamus": 1.25, "gorilla": 1.15, "ferris wheel": 2.0, "stone bridge": 1.7, "floating island": 1.9, "pirate ship": 1.7, "pyramid": 2.0, "sofa": 1.0, "plate": 0.3, "bench": 0.85, "sleeping cat": 0.55, "cushion": 0.5, "branch": 1.5, "fisherman": 1.0, "birdcage": 1.0, "walrus": 1.0, "empty cup": 0.5, "hot beverage": 0.34, "teacup without handle": 0.34, "sleeping dog": 0.6, "knight": 1.0, "samurai": 1.0, "bamboo": 1.5, "throne": 1.3, "bottle": 0.6, "bowl": 0.45, "statue of liberty": 1.9, "volcano": 2.0, "fire": 0.7, "tent": 1.2,
}  # fmt: skip
# Colours that a thing may well have when the prompt names none ("" keeps the drawing's own); the seed chooses.
COATS: dict[str, tuple[str, ...]] = {
    "cat": ("", "", "gray", "white", "brown"), "dog": ("", "", "brown", "white", "gray"), "horse": ("", "", "beige", "white", "black"),
    "rabbit": ("", "brown", "white"), "automobile": ("", "blue", "green", "yellow", "orange", "teal"), "bird": ("", "blue", "yellow", "teal"),
    "sailboat": ("", "", "red", "teal"), "butterfly": ("", "blue", "purple", "yellow"), "tulip": ("", "red", "yellow", "purple"), "teapot": ("", "teal", "red"),
    "dragon": ("", "", "red", "purple", "blue"), "bicycle": ("", "teal", "yellow"), "umbrella": ("", "red", "yellow", "teal"), "top hat": ("", "navy"),
    "wrapped gift": ("", "blue", "green", "purple"), "kite": ("", "green"), "tropical fish": ("", "", "orange", "purple"), "backpack": ("", "teal", "blue"),
}  # fmt: skip
# Things whose many instances each have their own.
MIXED: dict[str, tuple[str, ...]] = {
    "balloon": ("red", "yellow", "blue", "green", "purple", "orange", "pink"),
    "butterfly": ("orange", "blue", "yellow", "purple", "pink"),
    "tropical fish": ("blue", "orange", "yellow", "purple", "teal"),
    "wrapped gift": ("red", "blue", "green", "yellow", "purple"),
    "kite": ("red", "yellow", "blue", "green"),
    "house": ("", "beige", "white", "pink", "teal"),
    "tulip": ("red", "yellow", "pink", "orange", "purple"),
}
ALOFT = {
    "hot air balloon", "airplane", "small airplane", "airplane departure", "helicopter", "balloon", "kite", "parachute", "flying saucer", "rocket", "butterfly", "honeybee", "bat",
    "cloud", "comet", "sun with face", "full moon face", "crescent moon", "dove", "eagle", "floating island", "phoenix", "satellite", "star", "glowing star", "sun", "red heart", "snowflake", "ringed planet", "droplet",
}  # fmt: skip
FASTENED_FIRST = {"riding", "on", "over", "under", "inside", "front", "behind", "shoulder"}  # "A on B": A follows B
# "A holds B": B follows A, bound so.
FASTENED_SECOND = {"holding": "holding", "wearing": "wearing", "containing": "inside", "bearing": "on"}


@dataclass(slots=True)
class Actor:
    """One instance of a mention. Positions are pixels of the picture.

    aspect: width over height of the visible drawing. crown: top of the head in shares of its box.
    saddle: where a thing set on it rests, in shares of its height. cut: a bust that the picture's lower edge cuts off. parent, bond: the actor it is fastened to and how.
    """

    mention: int
    instance: int
    concept: Concept | None
    stature: float
    aspect: float = 1.0
    parent: int | None = None
    bond: str | None = None
    colour: str | None = None
    material: str | None = None
    height: float = 0.0
    x: float = 0.0
    foot: float = 0.0
    flip: bool = False
    floating: bool = False
    lettering: str | None = None
    rank: int = 0
    phrase: str = ""
    crown: tuple[float, float] = (0.5, 0.0)
    saddle: float = 0.0
    cut: bool = False

    @property
    def width(self) -> float:
        return self.height * self.aspect

    @property
    def box(self) -> tuple[float, float, float, float]:
        """left, top, right, bottom."""
        half = self.width / 2
        return self.x - half, self.foot - self.height, self.x + half, self.foot

    @property
    def bounds(self) -> tuple[int, int, int, int]:
        """The box in whole pixels."""
        left, top, right, bottom = (round(v) for v in self.box)
        return left, top, right, bottom


@dataclass(slots=True)
class Cast:
    actors: list[Actor] = field(default_factory=list)
    concepts: list[Concept | None] = field(default_factory=list)


def choose(
    vocabulary: Vocabulary, mention: Mention, guidance: float, refused: list[int], rng: np.random.Generator
) -> Concept | None:
    """Draws a concept with p ~ exp(8 x guidance x similarity): high guidance is literal, low is associative."""
    if not mention.concepts:
        return None
    if set(mention.concepts[:1]) & set(refused):
        return None
    score: dict[int, float] = {number: similarity * 0.9 for number, similarity in vocabulary.alike(mention.concepts[0])}
    for place, number in enumerate(mention.concepts):
        score[number] = max(score.get(number, 0.0), 1.0 if place == 0 else 0.9 - 0.01 * place)
    vectors = vocabulary.artwork.embeddings
    for number in list(score):
        for other in refused:
            likeness = float(vectors[number] @ vectors[other])
            if likeness > 0.75:
                score.pop(number, None)
                break
            score[number] -= 0.5 * max(likeness, 0.0)
    if not score:
        return None
    numbers = list(score)
    power = np.array([score[n] for n in numbers]) * guidance * 8
    weights = np.exp(power - power.max())
    return vocabulary.concept(numbers[int(rng.choice(len(numbers), p=weights / weights.sum()))])


def assemble(
    reading: Reading, concepts: list[Concept | None], refused_colours: list[str], rng: np.random.Generator
) -> Cast:
    """One actor for each instance of each mention, fastened as the relations say, in the colours asked for or likely."""
    cast = Cast(concepts=concepts)
    first: dict[int, int] = {}
    for index, (mention, concept) in enumerate(zip(reading.mentions, concepts, strict=True)):
        if concept is None and mention.lettering is None:
            continue
        first[index] = len(cast.actors)
        colours = mention.colours or _likely(concept, mention, refused_colours, rng)
        for instance in range(mention.count):
            actor = Actor(index, instance, concept, stature(concept) * mention.size, material=mention.material)
            actor.colour = (colours[instance % len(colours)] or None) if colours else None
            actor.lettering, actor.phrase = mention.lettering, mention.phrase
            actor.floating = mention.flying or (concept is not None and concept.label in ALOFT)
            cast.actors.append(actor)
    for index, mention in enumerate(reading.mentions):
        if mention.relation is None or index not in first or mention.relation[1] not in first:
            continue
        kind, other = mention.relation
        if kind in FASTENED_FIRST:
            _fasten(cast, other, index, kind)
            while reading.mentions[other].joined and (before := reading.mentions[other].relation) is not None:
                other = before[1]
                if other in first and reading.mentions[other].relation is None:
                    _fasten(cast, other, index, kind)
        elif kind in FASTENED_SECOND:
            _fasten(cast, index, other, FASTENED_SECOND[kind])
    return cast


def _likely(concept: Concept | None, mention: Mention, refused: list[str], rng: np.random.Generator) -> list[str]:
    """Colours for a thing whose colour and material are left open."""
    if concept is None or mention.material is not None:
        return []
    if mention.count > 1 and concept.label in MIXED:
        turn = int(rng.integers(len(MIXED[concept.label])))
        mixed = [c for c in MIXED[concept.label] if c not in refused]
        return mixed[turn % len(mixed) :] + mixed[: turn % len(mixed)]
    coats = [c for c in COATS.get(concept.label, ()) if c not in refused]
    return [str(rng.choice(coats))] if coats else []


def _fasten(cast: Cast, child: int, parent: int, bond: str) -> None:
    """Fastens the instances of a mention to those of another one, unless that would close a circle."""
    parents = [i for i, a in enumerate(cast.actors) if a.mention == parent]
    ancestor: int | None = parents[0]
    while ancestor is not None:
        if cast.actors[ancestor].mention == child:
            return
        ancestor = cast.actors[ancestor].parent
    for actor in cast.actors:
        if actor.mention == child and actor.parent is None:
            actor.parent, actor.bond = parents[actor.instance % len(parents)], bond


def stature(concept: Concept | None) -> float:
    """Height beside a person's."""
    if concept is None:
        return 0.9
    if concept.label in STATURE_OF:
        return STATURE_OF[concept.label]
    return next((value for kind, value in STATURE.items() if concept.kind.startswith(kind)), 0.6)
