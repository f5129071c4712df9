"""Turns a caller's fields into an ``ImageRequest``: JSON bodies, forms, tool arguments and command lines alike.

One set of rules holds for all of them: other names of a parameter, null and empty values, numbers in quotes, words in
any case. What is not used becomes a warning; what cannot be read is an error that names the parameter as the caller
wrote it. What depends on the model is checked by the plan.
"""

from __future__ import annotations

import json
from contextlib import suppress
from difflib import get_close_matches
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from cloudflare_image_mcp.catalog import Operation, Size
from cloudflare_image_mcp.core.image_sources import is_source_name, read_sources, source_names
from cloudflare_image_mcp.core.prompt_flags import take_flags
from cloudflare_image_mcp.core.request import FREE_TEXT, NAMES, ImageRequest, OtherValue, Parameters, other_names
from cloudflare_image_mcp.core.request_schema import stated_schema
from cloudflare_image_mcp.core.written_values import as_written, is_absent, is_ratio, snake_case
from cloudflare_image_mcp.errors import invalid, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from cloudflare_image_mcp.core.request import ImageSource
    from cloudflare_image_mcp.errors import GatewayError

_NOT_SUPPORTED: Final[Mapping[str, str]] = {
    "style": "vivid",
    "input_fidelity": "high",
    "markup": "",
    "svg": "",
    "frame_count": "",
}
"""OpenAI's parameters that have no counterpart here, with the value that asks for something (empty: any value)."""
_WITHOUT_EFFECT: Final = frozenset({"user", "moderation", "extra_headers", "extra_query", "timeout"})
"""Known fields that do not change an image: ignored without a warning."""
_EXTRA: Final = "extra_body"
"""Further fields in an object: what the SDKs merge into the body, when it is sent as it is."""

_UNSURE: Final = frozenset({"image_size", "resolution", "dimensions", "ratio", "aspect", "format", "image_format"})
"""Other names whose values elsewhere are not ours ("2K"): a value that cannot be read is a warning, not an error."""
_MAX_UNKNOWN: Final = 20
"""Unknown fields that are named in warnings."""
_MAX_NAME: Final = 64

_Value = tuple[str, Any]
"""The name as written and the value."""


def parse_request(operation: Operation, fields: Mapping[str, object]) -> ImageRequest:
    """Reads one request. Raises ``GatewayError`` (400) naming the parameter, the value and what is allowed."""
    given, unknown = _collect(fields)
    values = {name: rows[0][1] for name, rows in given.items()}
    written = {name: rows[0][0] for name, rows in given.items()}
    warnings: list[str] = []
    flags = _take_flags(values, given, warnings)
    images, masks, left_out = _inputs(operation, fields)
    values |= {"operation": operation, "images": images, "mask": masks[0] if masks else None}
    request = _checked(values, written, given, warnings)
    others: list[OtherValue] = []
    for name, rows in given.items():
        if len(rows) > 1:
            others += _read_others(request, name, rows, warnings)
    if request.asynchronous and request.stream:
        raise invalid("stream", "stream cannot be true with async: the events of a job are at its own path, /events")
    if request.partial_images and not request.stream:
        warnings.append("partial_images was ignored: it needs stream")
    size = _size(request, written, flags, others, warnings)
    names = {name: name_written for name, name_written in written.items() if name_written != name}
    if size is not request.size:
        names["size"] = "width"
    if not (names or others or warnings or unknown or left_out or size is not request.size):
        return request
    return request.replace(
        size=size,
        written={name: name_written for name, name_written in names.items() if name not in flags},
        others=tuple(others),
        warnings=(*_not_known(unknown), *left_out, *warnings),
        misspelt_prompt=None if "prompt" in values else _misspelt("prompt", unknown),
    )


def parameter_of(name: str) -> str | None:
    """The parameter that clients send under this name, in any case and style: ``numSteps``, ``num-steps``."""
    return NAMES.get(name) or (_in_another_style(name) if len(name) <= _MAX_NAME else None)


@lru_cache(maxsize=1024)
def _in_another_style(name: str) -> str | None:
    return NAMES.get(snake_case(name))


def _collect(fields: Mapping[str, object]) -> tuple[dict[str, list[_Value]], list[_Value]]:
    """The values of each parameter, the one that counts first, and the fields that are no parameters."""
    found: dict[str, list[_Value]] = {}
    unknown: list[_Value] = []
    for written, value in _with_extra(fields):
        name = parameter_of(written)
        if name is None:
            if value is not None and value != "" and not is_source_name(written):
                unknown.append((written, value))
        elif not _is_absent(name, value):
            if name == "size" and is_ratio(value):
                name = "aspect_ratio"
            found.setdefault(name, []).append((written, value))
    for name, rows in found.items():
        if len(rows) > 1:
            order = {other: rank for rank, other in enumerate(other_names(name))}
            found[name] = sorted(rows, key=lambda row: order.get(row[0], len(order)))
    return found, unknown


def _is_absent(name: str, value: object) -> bool:
    text = FREE_TEXT.get(name)
    return is_absent(value, words=text is None or text.words, free_text=text is not None)


def _with_extra(fields: Mapping[str, object]) -> Iterable[_Value]:
    if _EXTRA not in fields:
        return fields.items()
    return [*((name, value) for name, value in fields.items() if name != _EXTRA), *_extra(fields).items()]


def _extra(fields: Mapping[str, object]) -> Mapping[str, Any]:
    extra = fields.get(_EXTRA)
    if isinstance(extra, str) and extra.lstrip().startswith("{"):
        with suppress(ValueError, RecursionError):
            extra = json.loads(extra)
    if extra is None or extra == "":
        return {}
    if not isinstance(extra, dict):
        raise invalid(_EXTRA, f"{_EXTRA} must be an object, not {shown(extra)}")
    return extra


def _take_flags(values: dict[str, Any], given: dict[str, list[_Value]], warnings: list[str]) -> frozenset[str]:
    """Takes the flags out of the prompt; the last of several counts. A parameter that is given as a field too keeps the
    field's value. Returns the parameters that flags alone set.
    """
    if "prompt" not in values or not isinstance(values["prompt"], str):
        return frozenset()
    found = take_flags(values["prompt"])
    values["prompt"] = found.prompt
    warnings += found.warnings
    fields = frozenset(given)
    for flag in reversed(found.flags):
        name = "aspect_ratio" if flag.parameter == "size" and is_ratio(flag.value) else flag.parameter
        values.setdefault(name, flag.value)
        given.setdefault(name, []).append((flag.written, flag.value))
    return frozenset(given) - fields


def _checked(
    values: dict[str, Any], written: dict[str, str], given: dict[str, list[_Value]], warnings: list[str]
) -> ImageRequest:
    """The request. A value that cannot be read is left out with a warning where its name has other meanings elsewhere,
    and the next one of the parameter counts; any other raises ``GatewayError``.
    """
    try:
        return ImageRequest(**values)
    except ValidationError as error:
        failed = _failure(error)
        if written.get(failed) not in _UNSURE:
            raise _invalid(error, written, values) from None
    rows = given[failed]
    warnings.append(_not_understood(*rows.pop(0)))
    values.pop(failed)
    written.pop(failed)
    if rows:
        written[failed], values[failed] = rows[0]
    return _checked(values, written, given, warnings)


def _not_understood(written: str, value: object) -> str:
    return f"{written} {shown(value)} was not understood and was ignored"


def _read_others(request: ImageRequest, name: str, rows: list[_Value], warnings: list[str]) -> Iterator[OtherValue]:
    """The values of a parameter that was given more than once. Those that differ from the first become warnings."""
    used = getattr(request, name)
    for written, value in rows[1:]:
        try:
            other = getattr(Parameters(**{"model": request.model, name: value}), name)
        except ValidationError as error:
            if written not in _UNSURE:
                raise _invalid(error, {name: written}, {name: value}) from None
            warnings.append(_not_understood(written, value))
            continue
        if other != used:
            warnings.append(
                f"{written} {as_written(value)} was ignored: {rows[0][0]} {as_written(rows[0][1])} was used"
            )
            yield OtherValue(name, written, other)


def _size(
    request: ImageRequest,
    written: dict[str, str],
    flags: frozenset[str],
    others: list[OtherValue],
    warnings: list[str],
) -> Size | None:
    """The size from ``size``, else from ``width`` and ``height``. A shape that is given beside it becomes a warning."""
    width, height, size = request.width, request.height, request.size
    in_prompt = "size" in flags
    if size is not None and in_prompt and width is not None and height is not None:
        others.append(OtherValue("size", "size", size))
        size = None
    if size is None:
        if width is None and height is None:
            return None
        if width is None or height is None:
            missing, given = ("width", "height") if width is None else ("height", "width")
            name = written.get(given, given)
            raise invalid(missing, f"{missing} is required when {name} is given")
        size = Size(width, height)
    else:
        sides = {name: side for name, side in (("width", width), ("height", height)) if side is not None}
        if sides and any(side != getattr(size, name) for name, side in sides.items()):
            ignored = " and ".join(f"{written.get(name, name)} {side}" for name, side in sides.items())
            verb = "were" if len(sides) == 2 else "was"
            warnings.append(f"{ignored} {verb} ignored: {written.get('size', 'size')} {size} was used")
            others += [OtherValue(name, written.get(name, name), side) for name, side in sides.items()]
    ratio = request.aspect_ratio
    if ratio is not None and not 0.98 < size.aspect / ratio < 1.02:
        warnings.append(f"{written.get('aspect_ratio', 'aspect_ratio')} was ignored: the size {size} was used")
    return size


def _inputs(
    operation: Operation, fields: Mapping[str, object]
) -> tuple[tuple[ImageSource, ...], tuple[ImageSource, ...], tuple[str, ...]]:
    """The input images, the masks, and warnings for those that are not used."""
    if _EXTRA in fields:
        fields = {**_extra(fields), **fields}
    if operation is Operation.GENERATE:
        unused = tuple(f"{name} was ignored: generating takes no image; an edit does" for name in source_names(fields))
        return (), (), unused
    images, masks = read_sources("image", fields), read_sources("mask", fields)
    several = f"only the first of {len(masks)} masks was used"
    return images, masks, (several,) if len(masks) > 1 else ()


def _not_known(unknown: list[_Value]) -> Iterator[str]:
    """A warning for each field that is not used."""
    named = 0
    for written, value in unknown:
        if written in _WITHOUT_EFFECT:
            continue
        if written in _NOT_SUPPORTED:
            if _NOT_SUPPORTED[written] in ("", value):
                yield f"{written} is not supported and was ignored"
            continue
        named += 1
        if named <= _MAX_UNKNOWN:
            near = _nearest(written)
            hint = f"; did you mean {near}?" if near else ""
            yield f"{shown(written, 40)} is not a known parameter and was ignored{hint}"
    if named > _MAX_UNKNOWN:
        yield f"{named - _MAX_UNKNOWN} more unknown parameters were ignored"


def _misspelt(parameter: str, unknown: list[_Value]) -> str | None:
    """The first unknown field that may be meant for a parameter."""
    nearest = ((written, _nearest(written)) for written, _ in unknown[:_MAX_UNKNOWN])
    return next((written for written, near in nearest if near and NAMES[near] == parameter), None)


def _nearest(written: str) -> str | None:
    """The known name that is most like an unknown one."""
    if len(written) > _MAX_NAME:
        return None
    return next(iter(get_close_matches(snake_case(written), NAMES, n=1, cutoff=0.75)), None)


def _failure(error: ValidationError) -> str:
    return str(error.errors(include_url=False, include_input=False)[0]["loc"][0])


def _invalid(error: ValidationError, written: Mapping[str, str], values: Mapping[str, Any]) -> GatewayError:
    """The first failure as our own error: the parameter as written, what is allowed, the value."""
    row = error.errors(include_url=False, include_input=False)[0]
    parameter = str(row["loc"][0])
    name, value = written.get(parameter, parameter), values.get(parameter)
    if row["type"] == "string_too_long":
        most, length = row["ctx"]["max_length"], len(str(value))
        return invalid(name, f"{name} must be at most {most} characters long, not {length}")
    allowed = _allowed(parameter, row)
    if "; " in allowed:
        return invalid(name, f"{name} must be {allowed}")
    if isinstance(value, str) and allowed.startswith("an integer from"):
        return invalid(name, f"{name} must be {allowed}, not {value.strip()}")
    given = "a file" if isinstance(value, bytes) else shown(value)
    return invalid(name, f"{name} must be {allowed}, not {given}")


def _allowed(parameter: str, row: Mapping[str, Any]) -> str:
    """What is allowed, in words, from the failed rule."""
    if row["type"] == "not_allowed":
        return str(row["ctx"]["allowed"])
    schema = stated_schema(parameter)
    if "enum" in schema:
        return f"one of {', '.join(schema['enum'])}"
    return f"an integer from {schema['minimum']} to {schema['maximum']}"
