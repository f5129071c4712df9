"""The illustrator: a brief in, a drawing out."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cloudflare_image_mcp.illustrator import cast as casting
from cloudflare_image_mcp.illustrator import bodies, figure, layout, light, setting, weather
from cloudflare_image_mcp.illustrator.artwork import Artwork, Concept
from cloudflare_image_mcp.illustrator.brief import Brief
from cloudflare_image_mcp.illustrator.cast import Actor, Cast
from cloudflare_image_mcp.illustrator.colour import mix
from cloudflare_image_mcp.illustrator.errors import Cancelled, IllustratorError
from cloudflare_image_mcp.illustrator.figure import seeded
from cloudflare_image_mcp.illustrator.reading import Reader, Reading
from cloudflare_image_mcp.illustrator.scene import Box, Scene, Subject
from cloudflare_image_mcp.illustrator.stage import Stage
from cloudflare_image_mcp.illustrator.vocabulary import Vocabulary

Pixels = NDArray[np.uint8]
OnPartial = Callable[[int, Pixels], None]


@dataclass(frozen=True, slots=True)
class Drawing:
    """The result: pixels (H x W x 3, uint8, sRGB), what they show, and what was not understood, a sentence each."""

    pixels: Pixels
    scene: Scene
    warnings: tuple[str, ...]


class Illustrator:
    """Holds the artwork, opened on first use. Raises ArtworkMissing when it was never packed."""

    def __init__(self) -> None:
        self._vocabulary: Vocabulary | None = None

    @property
    def vocabulary(self) -> Vocabulary:
        if self._vocabulary is None:
            self._vocabulary = Vocabulary(Artwork())
        return self._vocabulary

    def draw(self, brief: Brief, on_partial: OnPartial | None = None, cancelled: Callable[[], bool] | None = None) -> Drawing:
        """Draws a brief. Raises IllustratorError for input that cannot be drawn, Cancelled when cancelled() turns true."""
        brief.check()
        if brief.images:
            raise IllustratorError("edits are not drawn yet")
        return _Session(self.vocabulary, brief, on_partial, cancelled).generate()


PROBE = 64  # pixels: the height at which a drawing is measured


@dataclass(frozen=True, slots=True)
class Sketch:
    """A drawing ready to be rasterised: SVG body, view box, the visible part's share of the height and its aspect."""

    body: str
    view: tuple[float, float]
    share: float
    aspect: float


class _Session:
    """The drawing of one brief."""

    def __init__(self, vocabulary: Vocabulary, brief: Brief, on_partial: OnPartial | None, cancelled: Callable[[], bool] | None) -> None:
        self.vocabulary, self.brief = vocabulary, brief
        self.on_partial, self.cancelled = on_partial, cancelled
        self.reader = Reader(vocabulary)
        self.drawings: dict[str, Sketch] = {}

    def checkpoint(self) -> None:
        if self.cancelled is not None and self.cancelled():
            raise Cancelled

    def generate(self) -> Drawing:
        brief = self.brief
        reading = self.reader.read(brief.prompt)
        refused = self.reader.read(", ".join(filter(None, (brief.negative_prompt, reading.refused))))
        setting.refuse(reading, refused)
        rng = seeded(brief.seed, "cast")
        refused_numbers = [m.concepts[0] for m in refused.mentions if m.concepts]
        concepts = [casting.choose(self.vocabulary, m, brief.guidance, refused_numbers, rng) for m in reading.mentions]
        plan = setting.plan(reading, concepts, brief.seed, refused)
        stage = setting.build(plan, reading, brief)
        self.checkpoint()
        cast = casting.assemble(reading, concepts)
        self.measure(cast, plan.artwork, reading.composition != "close")
        energy = layout.arrange(cast, plan.floor(stage), brief.steps, seeded(brief.seed, "layout"))
        setting.paint(stage)
        self.checkpoint()
        self.perform(stage, cast)
        weather.over_figures(stage)
        light.finish(stage)
        assert stage.canvas is not None
        return Drawing(np.asarray(stage.canvas.convert("RGB")), describe(reading, cast, plan, energy), tuple(reading.warnings))

    def measure(self, cast: Cast, artwork: str, whole: bool) -> None:
        """Measures each drawing at a small size, so that the layout knows shapes; the real size follows."""
        rng = seeded(self.brief.seed, "flip")
        flips: dict[int, bool] = {}
        for actor in cast.actors:
            flips.setdefault(actor.mention, bool(rng.integers(2)))
            actor.flip = flips[actor.mention]
            if actor.concept is None:
                continue
            if actor.concept.label not in self.drawings:
                self.drawings[actor.concept.label] = self.prepare(actor.concept, artwork, whole)
            actor.aspect = self.drawings[actor.concept.label].aspect

    def prepare(self, concept: Concept, artwork: str, whole: bool) -> Sketch:
        """A concept's drawing, with a body unless it is a portrait, and the box of what is visible in it."""
        if whole:
            body, width, height = bodies.completed(self.vocabulary.artwork, concept, artwork)
        else:
            body, side = self.vocabulary.artwork.drawing(concept, artwork)
            width = height = side
        probe = figure.draw(body, (width, height), PROBE)
        left, top, right, bottom = figure.visible(probe)
        return Sketch(body, (width, height), (bottom - top) / PROBE, (right - left) / (bottom - top))

    def perform(self, stage: Stage, cast: Cast) -> None:
        """Draws the figures from far to near."""
        rendered: dict[tuple[object, ...], Image.Image] = {}
        order = sorted(range(len(cast.actors)), key=lambda i: (_root(cast, i).foot, cast.actors[i].rank, i))
        for i in order:
            actor = cast.actors[i]
            if actor.concept is None:
                continue
            self.checkpoint()
            key = (actor.concept.label, round(actor.height), actor.colour, actor.material, actor.flip)
            if key not in rendered:
                rendered[key] = self.figure(actor)
            self.place(stage, actor, rendered[key])

    def place(self, stage: Stage, actor: Actor, image: Image.Image) -> None:
        """One figure with its light and its shadow or mirror image."""
        left, top = actor.x - image.width / 2, actor.foot - image.height
        lit = image
        if not stage.indoors:
            lit = light.tinted(image, mix(stage.palette.tint, (1.0, 1.0, 1.0), 0.4), stage.palette.haze, 0.03)
        afloat = stage.afloat and not actor.floating
        if afloat:
            lit = light.afloat(stage, lit, left, actor.foot, actor.concept.label if actor.concept else "")
        elif not actor.floating and not stage.floating:
            light.ground_shadow(stage, lit, left, actor.foot)
        if not stage.indoors:
            dx, dy = stage.sun[0] - actor.x, stage.sun[1] - (actor.foot - actor.height / 2)
            length = max((dx * dx + dy * dy) ** 0.5, 1.0)
            lit = light.rim(lit, stage.palette.sun, (dx / length, dy / length), 0.5 if stage.palette.dark else 0.4)
        light.place(stage, lit, left, top)

    def figure(self, actor: Actor) -> Image.Image:
        """An actor's drawing at its size, in its colour."""
        assert actor.concept is not None
        sketch = self.drawings[actor.concept.label]
        image = figure.trimmed(figure.draw(sketch.body, sketch.view, max(8, round(actor.height / sketch.share))))
        if actor.concept.label == "unicorn" and not actor.colour:
            image = figure.recolour(image, "white")
        if actor.colour or actor.material:
            image = figure.recolour(image, actor.colour, actor.material)
        if actor.flip:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        size = (max(1, round(actor.width)), max(1, round(actor.height)))
        return image if image.size == size else image.resize(size, Image.Resampling.BICUBIC)


def _root(cast: Cast, index: int) -> Actor:
    actor = cast.actors[index]
    return actor if actor.parent is None else _root(cast, actor.parent)


def describe(reading: Reading, cast: Cast, plan: "setting.Plan", energy: list[float]) -> Scene:
    """The scene as it was drawn."""
    subjects = []
    for index, mention in enumerate(reading.mentions):
        actors = [a for a in cast.actors if a.mention == index]
        if not actors:
            continue
        concept = actors[0].concept
        boxes: tuple[Box, ...] = tuple(tuple(round(v) for v in a.box) for a in actors)  # type: ignore[misc] # four by construction
        relation = None
        if mention.relation is not None:
            other = cast.concepts[mention.relation[1]]
            relation = (mention.relation[0], other.label if other else "sign")
        subjects.append(
            Subject(label=concept.label if concept else "sign", phrase=mention.phrase, count=len(actors), colour=actors[0].colour, relation=relation, boxes=boxes)
        )
    return Scene(
        subjects=tuple(subjects), scenery=tuple(plan.scenery), time=plan.time, weather=tuple(reading.weather), season=reading.season,
        sky=tuple(reading.sky), style=reading.style, mood=reading.mood, lettering=tuple(reading.lettering), composition=plan.composition,
        artwork=plan.artwork, energy=tuple(energy),
    )  # fmt: skip
