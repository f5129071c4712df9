"""What comes back from a gateway: one answer, whether an image is as it has to be, and what came of all requests."""

from __future__ import annotations

import io
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from PIL import Image

from clients.samples import SIDE

if TYPE_CHECKING:
    from collections.abc import Mapping


class WrongAnswer(Exception):
    """An answer that is not the expected one."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The error's code; ``None`` as a text where it has none."""
        return str(self.json["error"]["code"])


@dataclass(slots=True)
class Tally:
    """What was sent and what came back."""

    kinds: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    images: int = 0
    requests_for_images: int = 0
    """Those that the gateway counts in its metrics."""
    handed_on: int = 0
    """Failures of the upstream that the gateway did not mend."""
    left: int = 0
    """Requests whose client did not wait for the answer."""
    admitted: Counter[str] = field(default_factory=Counter)
    """Requests of the keys with limits that were answered with an image."""
    wrong: int = 0
    lost: int = 0
    problems: list[str] = field(default_factory=list)
    """A line for each of these."""
    seconds: list[float] = field(default_factory=list)
    """How long each answered request took."""


def check_image(data: bytes, output_format: str | None = None) -> None:
    """Raises ``WrongAnswer`` where it is not a whole picture of the size and format."""
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        if image.size != (SIDE, SIDE) or (output_format is not None and image.format != output_format.upper()):
            raise WrongAnswer(f"an image of {image.size} in {image.format} instead of {output_format}")
