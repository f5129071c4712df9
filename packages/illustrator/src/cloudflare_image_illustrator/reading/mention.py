"""What was understood of a prompt, in canonical words."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Mention:
    """A thing in the prompt with what the prompt says of it. joined: by "and" to the one before it."""

    phrase: str
    concepts: list[int]
    count: int = 1
    colours: list[str] = field(default_factory=list)
    material: str | None = None
    size: float = 1.0
    relation: tuple[str, int] | None = None
    lettering: str | None = None
    flying: bool = False
    joined: bool = False


@dataclass(slots=True)
class Reading:
    """Everything that was understood, in canonical words. kinds: scenery -> what kind of it: {"interior": "kitchen"}."""

    mentions: list[Mention] = field(default_factory=list)
    scenery: list[str] = field(default_factory=list)
    tints: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    time: str | None = None
    weather: list[str] = field(default_factory=list)
    season: str | None = None
    sky: list[str] = field(default_factory=list)
    style: str | None = None
    mood: str | None = None
    composition: str | None = None
    lettering: list[str] = field(default_factory=list)
    titles: list[str] = field(default_factory=list)
    colours: list[str] = field(default_factory=list)
    emblem: bool = False
    road: bool = False
    room_part: bool = False
    ideas: list[str] = field(default_factory=list)
    refused: str = ""
    warnings: list[str] = field(default_factory=list)
