"""Plans a request: checks it against what the model promises and translates it to what the backend takes.

Nothing is clamped or dropped silently: a value outside the promise is an error, and what the backend does not take
becomes a warning.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cloudflare_image_mcp.catalog import MAX_SEED, PROMPT_LENGTH, MaskUse, Operation, Size, models, openai_family
from cloudflare_image_mcp.catalog.model import plain
from cloudflare_image_mcp.core.model_names import natural_format
from cloudflare_image_mcp.core.ports import Call, Finish
from cloudflare_image_mcp.errors import invalid, shown
from cloudflare_image_mcp.imagefile.header import ImageFormat

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cloudflare_image_mcp.catalog import Model, Parameter, SizeRule
    from cloudflare_image_mcp.core.abilities import Abilities
    from cloudflare_image_mcp.core.request import ImageRequest

VARIATION_STRENGTH: Final = 0.7

QUALITY_STEPS: Final[Mapping[str, Callable[[float, float], float]]] = {
    "low": lambda default, most: default / 2,
    "medium": lambda default, most: default,
    "standard": lambda default, most: default,
    "high": lambda default, most: default * 1.5,
    "hd": lambda default, most: default * 1.5,
    "xhigh": lambda default, most: default * 2,
    "max": lambda default, most: most,
}
"""OpenAI's ``quality`` as steps, from the model's default and its most; explicit steps win."""

_USUAL_QUALITY: Final = frozenset({"medium", "standard"})
"""The values that ask for nothing special; SDKs send them on their own."""

_NUMBERS: Final = ("steps", "seed", "guidance", "strength")
_TEXTS: Final = ("negative_prompt", "background")
_MADE_ANYWAY: Final[Mapping[str, str]] = {"background": "opaque"}
"""What every model makes, so that asking for it needs no warning."""
_SIDES: Final = ("width", "height")
_TASK_NAMES: Final = {
    Operation.GENERATE: "make images from text",
    Operation.EDIT: "edit images",
    Operation.VARY: "vary images",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What will be done for a request, decided before a pixel is touched."""

    call: Call
    """Without the input images and the seed, which differs from image to image."""
    finish: Finish
    """Likewise without images."""
    seeds: tuple[int | None, ...]
    """One for each image; None where the model takes none."""
    images: int
    """How many of the input images are used."""
    reference_side: int | None
    """Pixels to which the longest side of a reference is scaled down; None: it is not scaled."""
    native_mask: bool
    doubtful: bool
    """Whether the backend may refuse this with every call."""
    warnings: tuple[str, ...]


def make_plan(
    request: ImageRequest,
    model: Model,
    abilities: Abilities,
    *,
    sources: tuple[Size, ...] = (),
    new_seed: Callable[[], int],
    offered: Mapping[str, Model] | None = None,
) -> Plan:
    """``sources`` are the upright sizes of the request's input images, the first the one that is edited. ``offered``
    are the models to name in an error; None: those of Workers AI.

    Raises ``GatewayError`` (400) naming the parameter, the value and what the model allows.
    """
    rows = models() if offered is None else offered
    _check_task(request, model, abilities, rows)
    _check_ranges(request, model)
    warnings = list(request.warnings)
    output_format = _output_format(request, abilities)
    if output_format is ImageFormat.PNG and request.output_compression not in {None, 100}:
        warnings.append("output_compression was ignored: PNG loses nothing")
    size = _delivered_size(request, model.promise.sizes, sources, warnings)
    values = _translate(request, model, abilities, warnings)
    if request.prompt.strip() and not abilities.prompt:
        warnings.append(f"prompt is not supported by {model.short_name} and was ignored")
    images = min(len(sources), max(abilities.images, 1))
    if len(sources) > images:
        warnings.append(
            f"{model.short_name} takes {_count(images, 'input image')}; the other {len(sources) - images} were ignored"
        )
    seed = values.pop("seed")
    return Plan(
        call=Call(
            model=model,
            operation=request.operation,
            prompt=request.prompt,
            size=abilities.sizes.nearest(size),
            **_texts(request, model, abilities, rows, warnings),
            output_format=output_format if "output_format" in abilities.parameters else None,
            partial_images=request.partial_images,
            **values,
        ),
        finish=Finish(size=size, format=output_format, compression=request.output_compression),
        seeds=_seeds(request, abilities, seed, new_seed),
        images=images,
        reference_side=abilities.reference_side,
        native_mask=request.mask is not None and abilities.mask,
        doubtful=request.operation in abilities.doubtful,
        warnings=tuple(dict.fromkeys(warnings)),
    )


def _output_format(request: ImageRequest, abilities: Abilities) -> ImageFormat | None:
    """The file format; a transparent background needs one with alpha. None: what the model makes."""
    if request.background == "transparent" and "background" in abilities.parameters:
        if request.output_format is ImageFormat.JPEG:
            written = request.name_of("output_format")
            raise invalid(written, f"{written} jpeg has no transparency; background transparent needs png or webp")
        return request.output_format or ImageFormat.PNG
    return request.output_format or natural_format(request.model)


def _check_task(request: ImageRequest, model: Model, abilities: Abilities, rows: Mapping[str, Model]) -> None:
    promise, operation = model.promise, request.operation
    if operation not in promise.tasks:
        able = ", ".join(other.id for other in rows.values() if operation in other.promise.tasks)
        raise invalid("model", f"{model.id} does not {_TASK_NAMES[operation]}; these models do: {able}")
    if operation is not Operation.VARY and abilities.prompt and not request.prompt.strip():
        misspelt = request.misspelt_prompt
        hint = "" if misspelt is None else f": {shown(misspelt, 40)} is not a known parameter; did you mean prompt?"
        raise invalid("prompt", f"prompt is required{hint}")
    longest = longest_prompt(request, model, abilities)
    if len(request.prompt) > longest:
        raise invalid(
            "prompt",
            f"prompt must be at most {longest:,} characters long for {model.short_name}, not {len(request.prompt):,}",
        )
    if request.negative_prompt is not None and len(request.negative_prompt) > PROMPT_LENGTH:
        written = request.name_of("negative_prompt")
        raise invalid(
            written,
            f"{written} must be at most {PROMPT_LENGTH:,} characters long, not {len(request.negative_prompt):,}",
        )
    if operation is Operation.GENERATE:
        return
    if not request.images:
        raise invalid("image", "image is required")
    if request.mask is None and promise.mask is MaskUse.REQUIRED:
        raise invalid("mask", f"mask is required: {model.short_name} repaints inside a mask only")


def longest_prompt(request: ImageRequest, model: Model, abilities: Abilities) -> int:
    """In characters. Clients of OpenAI's API expect its own limit under its names, where the backend can keep it."""
    if abilities.openai_prompt_length is not None and openai_family(request.model or "") is not None:
        return abilities.openai_prompt_length
    return model.promise.prompt_length


def _check_ranges(request: ImageRequest, model: Model) -> None:
    """Checks every value that was given, also one that is not used."""
    given = [(name, request.name_of(name), value) for name in _NUMBERS if (value := getattr(request, name)) is not None]
    given += [(other.parameter, other.written, other.value) for other in request.others if other.value is not None]
    for name, written, value in given:
        if name in _SIDES:
            _check_sides({name: value}, {name: written}, model.promise.sizes)
        elif name == "size":
            _check_size(value, written, model.promise.sizes)
        elif name in _NUMBERS:
            row = model.promise.parameters.get(name)
            if row is not None and not _within(value, row):
                raise invalid(written, f"{written} must be {row.allowed} for {model.short_name}, not {shown(value)}")


def _within(value: float, row: Parameter) -> bool:
    low, high = row.minimum, row.maximum
    return (low is None or value >= low) and (high is None or value <= high)


def _delivered_size(request: ImageRequest, rule: SizeRule, sources: tuple[Size, ...], warnings: list[str]) -> Size:
    """Asked for; else of the shape asked for; else the source's own; else the model's default."""
    if request.size is not None:
        _check_size(request.size, request.name_of("size"), rule)
        return request.size
    if request.aspect_ratio is not None:
        side, stretch = math.sqrt(rule.default.pixels), math.sqrt(request.aspect_ratio)
        shape = Size(round(side * stretch), round(side / stretch))
        return fit_size(shape, rule, multiple=16)
    if sources and request.operation is not Operation.GENERATE:
        size = fit_size(sources[0], rule)
        if size != sources[0]:
            warnings.append(f"the image is {sources[0]}; the result is {size} (allowed: {rule})")
        return size
    return rule.default


def _check_size(size: Size, written: str, rule: SizeRule) -> None:
    if written in _SIDES:
        _check_sides(size._asdict(), {}, rule)
    elif not all(rule.minimum <= side <= rule.maximum for side in size):
        raise invalid(written, f"{written} must be {rule}, not {size}")


def _check_sides(sides: Mapping[str, int], written: Mapping[str, str], rule: SizeRule) -> None:
    for name, side in sides.items():
        if not rule.minimum <= side <= rule.maximum:
            shown_name = written.get(name, name)
            raise invalid(
                shown_name,
                f"{shown_name} must be an integer from {rule.minimum} to {rule.maximum}, not {shown(side)}",
            )


def fit_size(size: Size, rule: SizeRule, multiple: int = 1) -> Size:
    """The size of the same shape within the rule, or the nearest that there is."""
    scale = min(1.0, rule.maximum / max(size))
    scale = max(scale, min(rule.minimum / min(size), rule.maximum / max(size)))
    width, height = (max(rule.minimum, min(rule.maximum, round(side * scale / multiple) * multiple)) for side in size)
    return Size(width, height)


def _translate(request: ImageRequest, model: Model, abilities: Abilities, warnings: list[str]) -> dict[str, Any]:
    """The numbers as the backend takes them."""
    values: dict[str, Any] = {name: getattr(request, name) for name in _NUMBERS}
    if request.operation is Operation.GENERATE and values["strength"] is not None:
        warnings.append(f"{request.name_of('strength')} has no meaning without an input image and was ignored")
        values["strength"] = None
    if request.operation is Operation.VARY and values["strength"] is None and "strength" in abilities.parameters:
        values["strength"] = VARIATION_STRENGTH
    if request.quality is not None and "quality" not in abilities.parameters:
        if values["steps"] is None:
            values["steps"] = _quality_steps(request, model, abilities, warnings)
        elif request.quality not in _USUAL_QUALITY:
            warnings.append(f"quality {request.quality} was ignored: {request.name_of('steps')} was used")
    for name, value in values.items():
        if value is None:
            continue
        bounds = abilities.parameters.get(name)
        if bounds is None:
            warnings.append(f"{request.name_of(name)} is not supported by {model.short_name} and was ignored")
            values[name] = None
            continue
        taken = max(value, bounds.minimum if bounds.minimum is not None else value)
        taken = min(taken, bounds.maximum if bounds.maximum is not None else taken)
        if taken != value:
            outside = f"{request.name_of(name)} {plain(value)} is outside what {model.short_name} takes"
            warnings.append(f"{outside}; {plain(taken)} was used")
            values[name] = taken
    return values


def _quality_steps(request: ImageRequest, model: Model, abilities: Abilities, warnings: list[str]) -> int | None:
    row, quality = model.promise.parameters.get("steps"), request.quality or ""
    if row is None or row.default is None or row.maximum is None or "steps" not in abilities.parameters:
        if quality not in _USUAL_QUALITY:
            warnings.append(f"quality {quality} is not supported by {model.short_name} and was ignored")
        return None
    wanted = QUALITY_STEPS[quality](row.default, row.maximum)
    return max(1, min(int(row.maximum), math.ceil(wanted)))


def _texts(
    request: ImageRequest, model: Model, abilities: Abilities, rows: Mapping[str, Model], warnings: list[str]
) -> dict[str, Any]:
    """The texts that the backend takes."""
    values: dict[str, Any] = {}
    if "quality" in abilities.parameters:
        values["quality"] = request.quality
    for name in _TEXTS:
        value: str | None = getattr(request, name)
        if value is None or not value.strip():
            continue
        if name in abilities.parameters:
            values[name] = value
        elif value != _MADE_ANYWAY.get(name):
            any_model = any(name in row.promise.parameters for row in rows.values())
            by = f" by {model.short_name}" if any_model else ""
            warnings.append(f"{request.name_of(name)} is not supported{by} and was ignored")
    return values


def _seeds(
    request: ImageRequest, abilities: Abilities, seed: float | None, new_seed: Callable[[], int]
) -> tuple[int | None, ...]:
    """The request's seed, then the ones that follow it: one image asked for alone is the first of several."""
    if "seed" not in abilities.parameters:
        return (None,) * request.n
    first = new_seed() if seed is None else int(seed)
    largest = abilities.parameters["seed"].maximum
    count = (MAX_SEED if largest is None else min(int(largest), MAX_SEED)) + 1
    return tuple((first + index) % count for index in range(request.n))


def _count(number: int, noun: str) -> str:
    return f"one {noun}" if number == 1 else f"{number} {noun}s"
