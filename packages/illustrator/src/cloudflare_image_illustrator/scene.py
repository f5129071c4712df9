"""What was drawn, in plain values."""

from dataclasses import dataclass

Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One thing of the prompt as it was drawn.

    label: the artwork's own name. phrase: the words of the prompt. boxes: one (left, top, right, bottom) in pixels
    for each separate instance. relation: (kind, label of the other subject), or None.
    """

    label: str
    phrase: str
    count: int = 1
    colour: str | None = None
    relation: tuple[str, str] | None = None
    boxes: tuple[Box, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A description of the picture: subjects in reading order, scenery from far to near, and how it was lit.

    energy: the layout's energy before the first step and after each one; it never rises.
    """

    subjects: tuple[Subject, ...] = ()
    scenery: tuple[str, ...] = ()
    time: str = "day"
    weather: tuple[str, ...] = ()
    season: str | None = None
    sky: tuple[str, ...] = ()
    style: str | None = None
    mood: str | None = None
    lettering: tuple[str, ...] = ()
    composition: str = "wide"
    artwork: str = "fluent"
    energy: tuple[float, ...] = ()
