"""Edits an image by an instruction: relights it, adds, removes or recolours things, or replaces the background."""

import re
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter, ImageOps

from cloudflare_image_illustrator.artwork import Concept
from cloudflare_image_illustrator.drawing import Drawing
from cloudflare_image_illustrator.edits import inpainting, looks, matching, photograph, placing, skies
from cloudflare_image_illustrator.edits.decoding import decode_image, decode_mask
from cloudflare_image_illustrator.edits.instruction import Instruction, instruction
from cloudflare_image_illustrator.figures import cast as casting
from cloudflare_image_illustrator.figures import figure, layout
from cloudflare_image_illustrator.figures.cast import Actor
from cloudflare_image_illustrator.pixels import Array
from cloudflare_image_illustrator.raster import bands, smooth
from cloudflare_image_illustrator.reading.mention import Reading
from cloudflare_image_illustrator.scene import Scene, Subject
from cloudflare_image_illustrator.scenery import light, setting
from cloudflare_image_illustrator.seeds import seeded
from cloudflare_image_illustrator.session import Session, subject_of

FULL = 0.7  # strength at which an instruction is carried out in full; beyond it the source gives way to a new picture
DRAWN = 128  # pixels: the height of a drawing that is looked for in a picture
INSIDE = 0.7  # share of what stands out from which the mask means it too
CERTAIN = 0.2  # how far a reference's subject must stand out to be cut out of it


class Edit:
    """The editing of one source."""

    def __init__(self, session: Session) -> None:
        self.session, self.brief = session, session.brief
        self.size = (self.brief.width, self.brief.height)
        self.rim = max(4, min(self.size) // 22)  # pixels round what stands out that belong to its hole
        source = decode_image(self.brief.images[0], "the image")
        self.source = source if source.size == self.size else ImageOps.fit(source, self.size, Image.Resampling.LANCZOS)
        self.mask = None if self.brief.mask is None else decode_mask(self.brief.mask, source.size, self.size)
        self.references = [decode_image(data, f"reference {i}") for i, data in enumerate(self.brief.images[1:], 1)]
        self.subjects: list[Subject] = []
        self.energy: tuple[float, ...] = ()

    def run(self) -> Drawing:
        """The edited picture. At strength 0 it is the source itself."""
        asked = instruction(self.brief.prompt)
        reading, refused = self.session.read("" if asked.kind in {"remove", "tint"} else asked.what)
        _snow_falls(asked, reading)
        if self.brief.transparent:
            reading.warnings.append("an edit keeps its background; a transparent one was not made")
        if self.brief.vary:
            edited = looks.applied(
                photograph.drifted(self.source, self.brief.seed, self.brief.strength), reading, self.brief
            )
        else:
            edited = self._carried_out(asked, reading, refused)
        self.session.preview(edited)
        for reference in self.references:
            edited = self._referenced(edited, reference)
        self.session.preview(edited)
        result = self._measured(edited, asked)
        scene = Scene(
            subjects=tuple(self.subjects), scenery=tuple(reading.scenery), time=reading.time or "unchanged", weather=tuple(reading.weather), season=reading.season,
            sky=tuple(reading.sky), style=reading.style, mood=reading.mood, lettering=tuple(reading.lettering), composition="edit", energy=self.energy,
        )  # fmt: skip
        return Drawing(result, scene, tuple(reading.warnings))

    def _measured(self, edited: Image.Image, asked: Instruction) -> NDArray[np.uint8]:
        """The result at the brief's strength, the source exactly where the mask keeps it."""
        strength = self.brief.strength
        share = min(strength / FULL, 1.0)
        fresh = None
        if (
            strength > FULL
            and not self.brief.vary
            and asked.kind == "describe"
            and self.brief.prompt.strip()
            and self.mask is None
        ):
            fresh = Session(
                self.session.vocabulary,
                replace(self.brief, images=(), mask=None, partial_images=0),
                None,
                self.session.cancelled,
            ).generate()
        result = np.empty((*self.size[::-1], 3), np.uint8)
        for rows in bands(len(result)):
            box = (0, rows.start, self.size[0], rows.stop)
            source, full = (np.asarray(image.crop(box), np.float32) for image in (self.source, edited))
            mixed = source + (full - source) * share
            if fresh is not None:
                new = fresh.pixels[rows].astype(np.float32)
                mixed += (new - mixed) * ((strength - FULL) / (1 - FULL))
            if self.mask is not None:
                mixed = source + (mixed - source) * self.mask[rows, :, None]
            result[rows] = np.clip(mixed + 0.5, 0, 255).astype(np.uint8)
        return result

    def _carried_out(self, asked: Instruction, reading: Reading, refused: Reading) -> Image.Image:
        picture, adorned = self.source, bool(reading.sky)
        if asked.kind == "remove":
            return self._removed(picture, asked.what, reading)
        if asked.kind == "tint" and asked.colour is not None:
            return self._tinted(picture, asked.colour, reading)
        concepts = self.session.choose(reading, refused)
        if asked.kind == "backdrop" or (
            reading.scenery and asked.kind in {"describe", "replace"} and not reading.mentions
        ):
            picture, adorned = self._new_backdrop(picture, reading, refused), False
            reading.mentions, concepts = [], []
        elif asked.kind == "add" and any(photograph.standing_out(r)[1] >= CERTAIN for r in self.references):
            reading.mentions = []  # what is to be added is in the reference
        elif reading.mentions:
            picture = self._with_subjects(picture, asked, reading, concepts)
        elif self.mask is not None and not (
            reading.time
            or reading.weather
            or reading.style
            or reading.season
            or reading.mood
            or self._keeps_masked(asked, reading)
        ):
            picture = inpainting.filled(picture, self.mask, self.brief.steps, self._apart(picture, self.mask))
        elif asked.kind == "describe" and reading.titles:
            self.session.title(picture := picture.copy(), reading.titles[0], reading)
        picture = looks.applied(picture, reading, self.brief)
        if adorned and self.mask is None:
            self._warn_of_sky(picture, reading)
        return skies.adorned(picture, tuple(reading.sky), self.brief.seed, self.mask) if adorned else picture

    def _keeps_masked(self, asked: Instruction, reading: Reading) -> bool:
        """Whether things of the sky are drawn over what the mask covers: when they are added, or when it is open sky."""
        return bool(reading.sky) and (asked.kind == "add" or skies.open_sky(self.source, self.mask) is not None)

    @staticmethod
    def _warn_of_sky(picture: Image.Image, reading: Reading) -> None:
        """Says where no sky was found for things of the sky, or that what was taken for it may be a wall."""
        things = ", ".join(reading.sky)
        if skies.open_sky(picture, None) is None:
            reading.warnings.append(f"no open sky was found, so nothing was drawn in it: {things}")
        elif skies.like_a_wall(picture):
            reading.warnings.append(
                f"the upper part was taken for the sky, but may be a wall; a mask would say where to draw: {things}"
            )

    def _removed(self, picture: Image.Image, what: str, reading: Reading) -> Image.Image:
        """The picture without a thing: inside the mask, or what stands out when there is no mask."""
        hole = self.mask
        if hole is None:
            hole = self._recognised(picture, what, reading)
        if hole is None:
            found, certainty = photograph.standing_out(picture)
            if certainty < 0.15:
                reading.warnings.append(
                    f'"{what.strip()}" could not be told apart from its surroundings; mark it with a mask'
                )
                return picture
            reading.warnings.append(
                f'what stands out most was taken for "{what.strip()}"; a mask would say which part is meant'
            )
            hole = photograph.hull(found, self.rim)
        return inpainting.filled(picture, hole, self.brief.steps, self._apart(picture, hole))

    def _recognised(self, picture: Image.Image, what: str, reading: Reading) -> Array | None:
        """A generous outline of a named thing that the artwork draws and the picture shows; None when it is not found."""
        mentions = self.session.read(what)[0].mentions
        if len(mentions) != 1 or not mentions[0].concepts:
            return None
        concept = self.session.vocabulary.concept(mentions[0].concepts[0])
        sketch = self.session.prepare(concept, "fluent", whole=True)
        drawing = figure.trimmed(figure.draw(sketch.body, sketch.view, DRAWN))
        # It may wear any of the colours that the seed chooses from where a prompt names none.
        coats = mentions[0].colours[:1] or dict.fromkeys(("", *casting.COATS.get(concept.label, ())))
        best, certainty = np.zeros(self.size[::-1], np.float32), 0.0
        for coat in coats:
            worn = figure.recolour(drawing, coat, concept=concept) if coat else drawing
            outline, fit = matching.found(picture, worn)
            if fit > certainty:
                best, certainty = outline, fit
            if certainty > matching.BEYOND_DOUBT:
                break
        if certainty < matching.LIKELY:
            return None
        if certainty < matching.CERTAIN:
            reading.warnings.append(
                f'what looks most like "{what.strip()}" was taken for it; a mask would say which part is meant'
            )
        return photograph.hull(best, max(4, min(self.size) // 14))

    @staticmethod
    def _apart(picture: Image.Image, hole: Array) -> Array:
        """What stands out beside a hole, which is not to be repeated in it, H x W."""
        found, certainty = photograph.standing_out(picture)
        if certainty < CERTAIN or found.mean() > 0.5:
            return np.zeros_like(found)
        beside: Array = found * (hole < 0.02)
        return beside

    def _tinted(self, picture: Image.Image, colour: str, reading: Reading) -> Image.Image:
        """The masked part, or what stands out, in another colour."""
        part, certainty = (self.mask, 1.0) if self.mask is not None else photograph.standing_out(picture)
        if part is None or certainty < 0.15:
            part = np.ones(self.size[::-1], np.float32)
            reading.warnings.append("no single thing stands out; the main colour of the whole picture was changed")
        elif self.mask is None:
            part = self._outlined(picture, part) * photograph.of_one_colour(picture, part)
        layer = picture.convert("RGBA")
        layer.putalpha(Image.fromarray((part * 255).astype(np.uint8)))
        names = {"golden": "gold", "grey": "gray", "turquoise": "teal", "violet": "purple"}
        changed = figure.recolour(layer, names.get(colour, colour))
        return Image.composite(changed.convert("RGB"), picture, layer.getchannel("A"))

    def _new_backdrop(self, picture: Image.Image, reading: Reading, refused: Reading) -> Image.Image:
        """The foreground of the picture before newly drawn scenery."""
        fresh = self._scenery(reading, refused)
        found, certainty = photograph.standing_out(picture)
        if self.mask is not None and (certainty < CERTAIN or float((found * self.mask).sum() / found.sum()) > INSIDE):
            return fresh
        if certainty < 0.12:
            reading.warnings.append("nothing stands out as the foreground; the scenery was mixed in instead")
            return Image.blend(picture, fresh, 0.6)
        core = Image.fromarray((found * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(min(self.size) / 40))
        whole = np.maximum(self._outlined(picture, found), smooth(0.75, 0.95, np.asarray(core, np.float32) / 255))
        return Image.composite(picture, fresh, Image.fromarray((whole * 255).astype(np.uint8)))

    def _outlined(self, picture: Image.Image, found: Array) -> Array:
        """What stands out, by its finer outline."""
        return inpainting.outlined(picture, found, photograph.hull(found, self.rim))

    def _scenery(self, reading: Reading, refused: Reading) -> Image.Image:
        bare = _without_things(reading)
        plan = setting.plan(bare, [], self.brief.seed, refused)
        stage = setting.build(plan, bare, self.brief, [], refused)
        setting.paint(stage)
        return stage.canvas

    def _with_subjects(
        self, picture: Image.Image, asked: Instruction, reading: Reading, concepts: list[Concept | None]
    ) -> Image.Image:
        """New things in the mask, in place of what stands out, or at a free place."""
        picture = picture.copy()
        cast = casting.assemble(reading, concepts, [], seeded(self.brief.seed, "coats"))
        self.session.measure(cast, "fluent", whole=True)
        region = self._region(picture, asked)
        if region is not None and asked.kind != "add":
            hole = (
                self.mask if self.mask is not None else photograph.hull(photograph.standing_out(picture)[0], self.rim)
            )
            picture = inpainting.filled(picture, hole, self.brief.steps)
        stage = looks.stage_of(picture, self.brief.seed)
        roots = [a for a in cast.actors if a.parent is None]
        for i, actor in enumerate(roots):
            if region is not None:
                placing.fit(actor, region, i, len(roots))
            else:
                self._place(actor, picture, asked, i)
        follow = seeded(self.brief.seed, "layout").uniform(-1, 1, len(cast.actors))
        layout.fasten(cast, follow)
        stage.floating = False
        self.session.perform(stage, cast)
        for index, mention in enumerate(reading.mentions):
            actors = [a for a in cast.actors if a.mention == index]
            if actors:
                self.subjects.append(subject_of(mention, actors))
        return stage.canvas

    def _region(self, picture: Image.Image, asked: Instruction) -> tuple[int, int, int, int] | None:
        """Where a new thing goes: left, top, right, bottom; None for anywhere free."""
        part = self.mask
        if part is None and asked.kind != "add":
            found, certainty = photograph.standing_out(picture)
            part = found if certainty >= 0.15 else None
        if part is None:
            return None
        return placing.box_of(part)

    def _place(self, actor: Actor, picture: Image.Image, asked: Instruction, order: int) -> None:
        """Where the instruction says, if it names what is in the picture, else anywhere free."""
        if asked.relation is None or not placing.by_what_stands_out(actor, picture, asked.relation):
            placing.free_place(actor, picture, self.brief.seed, order)

    def _referenced(self, picture: Image.Image, reference: Image.Image) -> Image.Image:
        """The reference's subject placed in the picture when one stands out of it, else its palette."""
        wants_palette = (
            re.search(r"\b(palette|colou?rs?|style|look|mood)\b", self.brief.prompt, re.IGNORECASE) is not None
        )
        found, certainty = photograph.standing_out(reference)
        if wants_palette or certainty < CERTAIN:
            return photograph.palette_moved(picture, reference, 0.85)
        cut = reference.convert("RGBA")
        cut.putalpha(Image.fromarray((found * 255).astype(np.uint8)))
        cut = figure.trimmed(cut)
        actor = Actor(0, 0, None, 1.0, cut.width / cut.height)
        if self.mask is not None:
            box = placing.box_of(self.mask)
            if box is not None:
                placing.fit(actor, box, 0, 1)
        else:
            placing.free_place(actor, picture, self.brief.seed, 7)
            actor.height *= 1.25
        size = (max(2, round(actor.width)), max(2, round(actor.height)))
        stage = looks.stage_of(picture.copy(), self.brief.seed)
        image = cut.resize(size, Image.Resampling.LANCZOS)
        light.ground_shadow(stage, image, actor.x - size[0] / 2, actor.foot)
        light.place(stage, image, actor.x - size[0] / 2, actor.foot - size[1])
        self.subjects.append(Subject(label="reference", phrase="reference", boxes=(actor.bounds,)))
        return stage.canvas


def _snow_falls(asked: Instruction, reading: Reading) -> None:
    """ "Make it snow" asks for weather, not for another place."""
    if (
        asked.kind == "describe"
        and reading.scenery == ["snow"]
        and re.match(r"\s*(make|let|turn|have)\b", asked.what, re.IGNORECASE)
    ):
        reading.scenery, reading.season = [], "winter"
        reading.weather.append("snowfall")


def _without_things(reading: Reading) -> Reading:
    """The reading's place and hour without its things."""
    return Reading(
        scenery=list(reading.scenery),
        kinds=dict(reading.kinds),
        tints=dict(reading.tints),
        time=reading.time,
        weather=list(reading.weather),
        season=reading.season,
        sky=list(reading.sky),
        mood=reading.mood,
    )


def edit(session: Session) -> Drawing:
    """Edits or varies a brief's first image."""
    return Edit(session).run()
