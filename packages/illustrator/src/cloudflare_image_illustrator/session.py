"""One drawing under way: from a brief to a stage with its cast, and the picture that they make."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from PIL import Image

from cloudflare_image_illustrator.artwork import Concept
from cloudflare_image_illustrator.brief import Brief
from cloudflare_image_illustrator.colour import mix
from cloudflare_image_illustrator.drawing import Drawing
from cloudflare_image_illustrator.errors import Cancelled
from cloudflare_image_illustrator.figures import bodies, figure, layout, lettering
from cloudflare_image_illustrator.figures import cast as casting
from cloudflare_image_illustrator.figures.cast import Actor, Cast
from cloudflare_image_illustrator.pixels import Pixels
from cloudflare_image_illustrator.reading.languages import translate
from cloudflare_image_illustrator.reading.mention import Mention, Reading
from cloudflare_image_illustrator.reading.reader import Reader
from cloudflare_image_illustrator.reading.vocabulary import Vocabulary
from cloudflare_image_illustrator.scene import Scene, Subject
from cloudflare_image_illustrator.scenery import light, setting, weather
from cloudflare_image_illustrator.scenery.stage import Stage
from cloudflare_image_illustrator.seeds import seeded
from cloudflare_image_illustrator.styles import styling
from cloudflare_image_illustrator.styles.finish import finish

OnPartial = Callable[[int, Pixels], None]
MAX_READ = 2048  # characters of a prompt: the time of the layout grows with the cube of the number of things
# Drawings with letters or digits, which are not mirrored.
LETTERED = {
    "convenience store", "bank", "hotel", "love hotel", "post office", "japanese post office", "department store", "hospital", "police car", "ambulance",
    "stop sign", "calendar", "tear-off calendar", "spiral calendar", "newspaper", "rolled-up newspaper", "bus stop", "mantelpiece clock", "alarm clock",
    "watch", "keyboard", "money bag", "dollar banknote", "open book",
}  # fmt: skip
PROBE = 64  # pixels: the height at which a drawing is measured


@dataclass(frozen=True, slots=True)
class Sketch:
    """A drawing ready to be rasterised: SVG body, view box, the visible part's share of the
    height and its aspect, the top of the head in shares of width and
    height, where a thing set on it rests, in shares of its height, and whether it is a bust without an end below."""

    body: str
    view: tuple[float, float]
    share: float
    aspect: float
    crown: tuple[float, float]
    saddle: float
    cut: bool


class Session:
    """The drawing of one brief."""

    def __init__(
        self,
        vocabulary: Vocabulary,
        brief: Brief,
        on_partial: OnPartial | None,
        cancelled: Callable[[], bool] | None,
    ) -> None:
        self.vocabulary, self.brief = vocabulary, brief
        self.on_partial, self.cancelled = on_partial, cancelled
        self.handed = 0
        self.reader = Reader(vocabulary)
        self.drawings: dict[str, Sketch] = {}

    def checkpoint(self) -> None:
        if self.cancelled is not None and self.cancelled():
            raise Cancelled

    def preview(self, image: Image.Image) -> None:
        """Hands out a partial image while any is still owed."""
        if self.on_partial is not None and self.handed < self.brief.partial_images:
            self.on_partial(self.handed, np.asarray(image.convert("RGB")))
            self.handed += 1

    def read(self, prompt: str | None = None) -> tuple[Reading, Reading]:
        """The prompt, and what must not appear (the negative prompt and "without ..." in the prompt)."""
        written = self.brief.prompt if prompt is None else prompt
        text, notes = translate(self.vocabulary, written[:MAX_READ])
        if len(written) > MAX_READ:
            notes = [
                *notes,
                f"the prompt has {len(written):,} characters; the engine read the first {MAX_READ:,}",
            ]
        reading = self.reader.read(text)
        reading.warnings[:0] = notes
        negative, _ = translate(
            self.vocabulary, ", ".join(filter(None, (self.brief.negative_prompt[:MAX_READ], reading.refused)))
        )
        refused = self.reader.read(negative)
        setting.refuse(reading, refused)
        return reading, refused

    def choose(self, reading: Reading, refused: Reading) -> list[Concept | None]:
        """A concept for each mention; mentions that the negative prompt names are dropped."""
        rng = seeded(self.brief.seed, "cast")
        banned = [m.concepts[0] for m in refused.mentions if m.concepts]
        concepts = [casting.choose(self.vocabulary, m, self.brief.guidance, banned, rng) for m in reading.mentions]
        for mention, concept in zip(reading.mentions, concepts, strict=True):
            if concept is None and mention.lettering is None:
                reading.warnings.append(f'"{mention.phrase}" was left out because the negative prompt excludes it')
        return concepts

    def generate(self) -> Drawing:
        """Draws the prompt from nothing."""
        reading, refused = self.read()
        plan, stage, cast, energy = self.compose(reading, refused, self.choose(reading, refused))
        setting.paint(stage)
        self.preview(stage.canvas)
        self.checkpoint()
        self.perform(stage, cast)
        self.preview(stage.canvas)
        weather.over_figures(stage)
        if reading.style != "flat":
            light.finish(stage)
        self.preview(stage.canvas)
        self.checkpoint()
        self.style(stage, reading)
        stage.canvas = finish(
            stage.canvas.convert("RGB"), self.brief.steps, self.brief.guidance, self.brief.negative_prompt[:MAX_READ]
        )
        for text in reading.titles[:1]:
            self.title(stage.canvas, text, reading)
        return Drawing(
            np.asarray(stage.canvas.convert("RGB")),
            describe(reading, cast, plan, energy),
            tuple(reading.warnings),
        )

    def compose(
        self, reading: Reading, refused: Reading, concepts: list[Concept | None]
    ) -> tuple[setting.ScenePlan, Stage, Cast, list[float]]:
        """Decides what goes where: the plan, the scenery not yet painted, the figures in their places, and the layout's energy after each step."""
        plan = setting.plan(reading, concepts, self.brief.seed, refused)
        stage = setting.build(plan, reading, self.brief, concepts, refused)
        self.checkpoint()
        cast = casting.assemble(reading, concepts, refused.colours, seeded(self.brief.seed, "coats"))
        self.measure(cast, plan.artwork, reading.composition != "close")
        energy = layout.arrange(cast, plan.floor(stage), self.brief.steps, seeded(self.brief.seed, "layout"))
        return plan, stage, cast, energy

    def title(self, canvas: Image.Image, text: str, reading: Reading) -> None:
        """Quoted text that no sign carries."""
        spelled = self.face.spelled(text)
        if spelled != text.strip():
            reading.warnings.append(
                f'the lettering "{text}" has characters that the typeface lacks; they were left out'
            )
        if spelled:
            lettering.title(canvas, self.face, spelled, top=not reading.emblem)

    @cached_property
    def face(self) -> lettering.Typeface:
        return lettering.Typeface(self.vocabulary.artwork.typeface)

    def style(self, stage: Stage, reading: Reading) -> None:
        """The technique that the prompt asks for, last of all."""
        if reading.style == "photo":
            reading.warnings.append(
                "this engine illustrates and cannot take photographs; the picture is an illustration"
            )
        elif reading.style is not None:
            stage.canvas = styling.apply(reading.style, stage.canvas, self.brief.seed, self.brief.steps)
        if reading.mood == "monochrome":
            stage.canvas = styling.monochrome(stage.canvas)

    def measure(self, cast: Cast, artwork: str, whole: bool) -> None:
        """Measures each drawing at a small size, so that the layout knows shapes; the real size follows."""
        rng = seeded(self.brief.seed, "flip")
        flips: dict[int, bool] = {}
        for actor in cast.actors:
            flips.setdefault(actor.mention, bool(rng.integers(2)))
            actor.flip = flips[actor.mention] and (actor.concept is None or actor.concept.label not in LETTERED)
            if actor.concept is None:
                actor.flip = False
                actor.aspect = self.board(actor, 120).width / 120
                continue
            if actor.concept.label not in self.drawings:
                self.drawings[actor.concept.label] = self.prepare(actor.concept, artwork, whole)
            sketch = self.drawings[actor.concept.label]
            actor.aspect, (across, down) = sketch.aspect, sketch.crown
            actor.saddle, actor.cut = sketch.saddle, sketch.cut
            actor.crown = (1 - across if actor.flip else across, down)

    def prepare(self, concept: Concept, artwork: str, whole: bool) -> Sketch:
        """A concept's drawing, with a body unless it is a portrait, and the box of what is visible in it."""
        complete = bodies.completed if whole else bodies.bust
        body, width, height = complete(self.vocabulary.artwork, concept, artwork)
        probe = figure.draw(body, (width, height), PROBE)
        left, top, right, bottom = figure.visible(probe)
        sideways = concept.kind in {"animal-mammal", "animal-reptile"} and concept.label not in bodies.ANIMALS
        cut = probe.crop((left, top, right, bottom))
        return Sketch(
            body,
            (width, height),
            (bottom - top) / PROBE,
            cut.width / cut.height,
            figure.crown(cut, sideways),
            figure.saddle(cut),
            not whole and bodies.ends_below(concept, cut),
        )

    def board(self, actor: Actor, height: int) -> Image.Image:
        """A sign with its text."""
        text = self.face.spelled(actor.lettering or "")
        return lettering.sign(self.face, text, height, "neon" in actor.phrase, seeded(self.brief.seed, "sign"))

    def perform(self, stage: Stage, cast: Cast) -> None:
        """Draws the figures from far to near."""
        rendered: dict[tuple[object, ...], Image.Image] = {}
        order = sorted(range(len(cast.actors)), key=lambda i: (_root(cast, i).foot, cast.actors[i].rank, i))
        for i in order:
            actor = cast.actors[i]
            self.checkpoint()
            key = (
                actor.concept.label if actor.concept else actor.lettering,
                round(actor.height),
                actor.colour,
                actor.material,
                actor.flip,
            )
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
        elif not actor.floating and not stage.floating and not actor.cut:
            light.ground_shadow(stage, lit, left, actor.foot, thin=actor.concept is None)
        if not stage.indoors:
            dx, dy = stage.sun[0] - actor.x, stage.sun[1] - (actor.foot - actor.height / 2)
            length = max((dx * dx + dy * dy) ** 0.5, 1.0)
            lit = light.rim(lit, stage.palette.sun, (dx / length, dy / length), 0.5 if stage.palette.dark else 0.4)
        light.place(stage, lit, left, top)

    def figure(self, actor: Actor) -> Image.Image:
        """An actor's drawing at its size, in its colour."""
        if actor.concept is None:
            return self.board(actor, max(8, round(actor.height)))
        sketch = self.drawings[actor.concept.label]
        image = figure.trimmed(figure.draw(sketch.body, sketch.view, max(8, round(actor.height / sketch.share))))
        if actor.concept.label == "unicorn" and not actor.colour:
            image = figure.recolour(image, "white")
        # The black of some drawings is a dark purple: they are painted black as well.
        own = actor.concept.label.split()[0] == actor.colour != "black"
        if (actor.colour and not own) or actor.material:
            image = figure.recolour(image, actor.colour, actor.material, actor.concept)
        if actor.flip:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        size = (max(1, round(actor.width)), max(1, round(actor.height)))
        return image if image.size == size else image.resize(size, Image.Resampling.BICUBIC)


def _root(cast: Cast, index: int) -> Actor:
    actor = cast.actors[index]
    return actor if actor.parent is None else _root(cast, actor.parent)


def subject_of(mention: Mention, actors: list[Actor], relation: tuple[str, str] | None = None) -> Subject:
    """A mention as it was drawn, by the actors that stand for it."""
    concept = actors[0].concept
    return Subject(
        label=concept.label if concept else "sign",
        phrase=mention.phrase,
        count=len(actors),
        colour=actors[0].colour,
        relation=relation,
        boxes=tuple(a.bounds for a in actors),
    )


def describe(reading: Reading, cast: Cast, plan: setting.ScenePlan, energy: list[float]) -> Scene:
    """The scene as it was drawn."""
    subjects = []
    for index, mention in enumerate(reading.mentions):
        actors = [a for a in cast.actors if a.mention == index]
        if not actors:
            continue
        relation = None
        if mention.relation is not None:
            other = cast.concepts[mention.relation[1]]
            relation = (mention.relation[0], other.label if other else "sign")
        subjects.append(subject_of(mention, actors, relation))
    return Scene(
        subjects=tuple(subjects), scenery=tuple(plan.scenery), time=plan.time, weather=tuple(reading.weather), season=reading.season,
        sky=tuple(reading.sky), style=reading.style, mood=reading.mood, lettering=tuple(reading.lettering), composition=plan.composition,
        artwork=plan.artwork, energy=tuple(energy),
    )  # fmt: skip
