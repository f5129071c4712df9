"""Counts the fields that a client sends and no model reads, so that a test can tell that there were none."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

WRONG_NAMES: Final = {
    "image": "input_image_0, or image on Stable Diffusion",
    "images": "input_image_0",
    "input_image": "input_image_0",
    "mask_image": "mask",
    "mask_b64": "mask",
    "num_steps": "steps",
    "steps": "num_steps",
    "num_inference_steps": "steps or num_steps",
    "guidance_scale": "guidance",
    "cfg_scale": "guidance",
    "negativePrompt": "negative_prompt",
    "text": "prompt",
    "n": "one call an image",
    "size": "width and height",
}
"""Names of other models and other vendors for what a model here calls otherwise."""


@dataclass(slots=True)
class FieldCounts:
    """By ``model field``: how often."""

    unknown: Counter[str] = field(default_factory=Counter)
    misnamed: Counter[str] = field(default_factory=Counter)
    out_of_range: Counter[str] = field(default_factory=Counter)

    def look_at(self, model: str, names: Iterable[str], known: Iterable[str]) -> None:
        """Counts the names that the model does not read."""
        for name in set(names) - set(known):
            (self.misnamed if name in WRONG_NAMES else self.unknown)[f"{model} {name}"] += 1

    def outside(self, model: str, name: str) -> None:
        self.out_of_range[f"{model} {name}"] += 1

    def as_dict(self) -> dict[str, dict[str, int]]:
        return {
            "unknown": dict(self.unknown),
            "misnamed": dict(self.misnamed),
            "out_of_range": dict(self.out_of_range),
        }
