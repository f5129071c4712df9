"""Makes a catalogue row of another provider's model from its published input schema, by the usual names of fields."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, Final

from cloudflare_image_mcp.backends.workers_ai.proxied_fields import FORMATS, IMAGES, PROMPTS, SCALES, side_of_scale
from cloudflare_image_mcp.backends.workers_ai.proxied_wire import proxied_wire_of
from cloudflare_image_mcp.catalog import CatalogError, Model
from cloudflare_image_mcp.catalog.loading import read_model
from cloudflare_image_mcp.catalog.toml_table import Table
from cloudflare_image_mcp.core.request import other_names

NUMBERS: Final = {parameter: other_names(parameter) for parameter in ("seed", "steps", "guidance", "strength")}
QUALITIES: Final = {
    "low": ("low", "draft"),
    "medium": ("medium", "standard"),
    "standard": ("standard", "medium"),
    "high": ("high", "hd"),
    "hd": ("hd", "high"),
    "xhigh": ("xhigh", "high", "hd"),
    "max": ("max", "xhigh", "high", "hd"),
}
"""Our values of ``quality``, and a model's that stand for each, the best first."""
MOST_IMAGES: Final = 16
LARGEST_SIDE: Final = 4096
USUAL_SIZE: Final = "1024x1024"
_SIZE: Final = re.compile(r"\d+x\d+")
_RATIO: Final = re.compile(r"[\d.]+:[\d.]+")


class NotOffered(ValueError):
    """The schema is not one of an image model, or wants a field that nothing here stands for."""


def model_of_schema(model_id: str, title: str, schema: Any, price: float | None = None) -> Model:
    """``schema`` holds ``input`` and ``output``. ``price`` is in USD for an image. Raises ``NotOffered``."""
    try:
        table = _Reader(model_id, title, schema["input"], schema["output"]).table()
        table["price"] = {"currency": "usd"} | ({} if price is None else {"per_image": price})
        model = read_model(Table(model_id, table))
        proxied_wire_of(model)
        return model
    except (KeyError, TypeError, AttributeError, ValueError, CatalogError) as error:
        raise NotOffered(str(error)) from error


class _Reader:
    """Reads one schema; ``table`` is what a catalogue file of the model would hold."""

    def __init__(self, model_id: str, title: str, inputs: Any, outputs: Any) -> None:
        self._id = model_id
        self._title = title
        self._fields: dict[str, Any] = dict(inputs["properties"])
        self._required: list[str] = list(inputs.get("required", []))
        self._closed = inputs.get("additionalProperties") is False
        self._answers: dict[str, Any] = dict(outputs["properties"])
        self._constants: dict[str, Any] = {}

    def table(self) -> dict[str, Any]:
        answer = next((name for name in ("image", "images") if name in self._answers), None)
        if answer is None:
            raise NotOffered("it does not answer with an image")
        images, size, parameters = self._images(), self._size(), self._parameters()
        known = {row["field"] for row in parameters.values()} | _size_names(size) | self._constants.keys()
        if images is not None:
            known.add(images["field"])
        self._constants |= {name: self._filler(name) for name in self._required if name not in known}
        edits_only = images is not None and images["field"] in self._required
        tasks = ([] if edits_only else ["generate"]) + ([] if images is None else ["edit", "vary"])
        wire = {
            "media_type": "image/png",
            "answer": answer,
            "closed": self._closed,
            "size": size,
            "parameters": parameters,
            "constants": self._constants,
        }
        return {
            "id": self._id,
            "title": self._title,
            "owned_by": self._id.split("/", maxsplit=1)[0],
            "provider": self._id.split("/", maxsplit=1)[0],
            "created": datetime.now(UTC),
            "best_for": "Newer than this release: offered from its published schema",
            "beta": False,
            "promise": self._promise(tasks, images, size, parameters),
            "wire": wire if images is None else wire | {"images": images},
            "live": {"tasks": tasks, "notes": ["It is newer than this release: what its schema lacks is ignored."]},
        }

    def _promise(
        self, tasks: list[str], images: dict[str, Any] | None, size: dict[str, Any], parameters: dict[str, Any]
    ) -> dict[str, Any]:
        default = size.get("default", USUAL_SIZE)
        ranges = {
            name: {"type": "integer" if name == "steps" else "number"}
            | _bounds(self._fields[parameters[name]["field"]])
            for name in ("steps", "guidance", "strength")
            if name in parameters
        }
        return {
            "tasks": tasks,
            "mask": "none" if images is None else "optional",
            "images": 0 if images is None else images["most"],
            "sizes": {"min": 64, "max": LARGEST_SIDE, "default": default, "listed": [default]},
            "parameters": ranges,
        }

    def _parameters(self) -> dict[str, Any]:
        rows: dict[str, Any] = {}
        prompt = self._first(PROMPTS)
        if prompt is not None:
            rows["prompt"] = {"field": prompt} | _length(self._fields[prompt])
        if "negative_prompt" in self._fields:
            rows["negative_prompt"] = {"field": "negative_prompt"} | _length(self._fields["negative_prompt"])
        for parameter, names in NUMBERS.items():
            name = self._first(names)
            if name is not None:
                row = _variant(self._fields[name])
                kind = "integer" if row.get("type") == "integer" else "number"
                bounds = _bounds(row)
                low = max(0, bounds.get("min", 0)) if parameter == "seed" else bounds.get("min")
                rows[parameter] = {"field": name, "type": kind} | bounds | ({} if low is None else {"min": low})
        quality = _values(self._fields.get("quality"))
        if quality:
            words = {
                ours: next((word for word in theirs if word in quality), None) for ours, theirs in QUALITIES.items()
            }
            rows["quality"] = {"field": "quality", "values": {ours: word for ours, word in words.items() if word}}
        if "transparent" in _values(self._fields.get("background")):
            backgrounds = {
                word: word for word in ("transparent", "opaque") if word in _values(self._fields["background"])
            }
            rows["background"] = {"field": "background", "values": backgrounds}
        name = self._first(FORMATS)
        if name is not None:
            theirs = _values(self._fields[name])
            formats = {word.replace("jpg", "jpeg"): word for word in theirs if word in {"png", "jpeg", "jpg", "webp"}}
            if formats:
                rows["output_format"] = {"field": name, "values": formats}
        return rows

    def _images(self) -> dict[str, Any] | None:
        name = self._first(IMAGES)
        if name is None:
            return None
        row = self._fields[name]
        lists = [option for option in (row, *row.get("anyOf", ())) if option.get("type") == "array"]
        if lists:
            objects = lists[0].get("items", {}).get("type") == "object"
            most = min(int(lists[0].get("maxItems", 4)), MOST_IMAGES)
            return {"field": name, "form": "objects" if objects else "list", "most": most}
        return {"field": name, "form": "object" if row.get("type") == "object" else "text", "most": 1}

    def _size(self) -> dict[str, Any]:
        sides = [self._fields.get(name) for name in ("width", "height")]
        if all(sides):
            for name in ("size", "aspect_ratio"):
                if "custom" in _values(self._fields.get(name)):
                    self._constants[name] = "custom"
            low = max(64, int(max(_bounds(row).get("min", 64) for row in sides)))
            high = min(LARGEST_SIDE, int(min(_bounds(row).get("max", 2048) for row in sides)))
            step = max(int(row.get("multipleOf", 16)) for row in sides if row)
            usual = f"{max(low, min(1024, high))}x{max(low, min(1024, high))}"
            return {"fields": ["width", "height"], "min": low, "max": high, "multiple": step, "default": usual}
        listed = [text for text in _values(self._fields.get("size")) if _SIZE.fullmatch(text)]
        if listed:
            return {"field": "size", "sizes": listed, "default": USUAL_SIZE if USUAL_SIZE in listed else listed[0]}
        ratios = [text for text in _values(self._fields.get("aspect_ratio")) if _RATIO.fullmatch(text)]
        if ratios:
            return self._ratios(ratios)
        if self._fields.get("size", {}).get("type") == "string":
            return {"field": "size", "sizes": [USUAL_SIZE], "default": USUAL_SIZE}
        return {"none": True, "min": 64, "max": LARGEST_SIDE, "default": USUAL_SIZE}

    def _ratios(self, ratios: list[str]) -> dict[str, Any]:
        table: dict[str, Any] = {"ratio": "aspect_ratio", "ratios": ratios}
        for name in SCALES:
            scales = {text: side for text in _values(self._fields.get(name)) if (side := side_of_scale(text))}
            if scales:
                return table | {"scale": name, "scales": scales}
        return table

    def _filler(self, name: str) -> Any:
        """A value for a field that the schema requires and nothing here stands for. Raises ``NotOffered``."""
        row = self._fields.get(name, {})
        if "default" in row:
            return row["default"]
        if row.get("type") == "boolean":
            return False
        if _values(row):
            return _values(row)[0]
        raise NotOffered(f"it wants {name}")

    def _first(self, names: tuple[str, ...]) -> str | None:
        return next((name for name in names if name in self._fields), None)


def _variant(row: Any) -> dict[str, Any]:
    """The row itself, or of several forms the first that is not null."""
    options: list[dict[str, Any]] = [option for option in row.get("anyOf", ()) if option.get("type") != "null"]
    return options[0] if options else row


def _values(row: Any) -> list[str]:
    return [value for value in (row or {}).get("enum", ()) if isinstance(value, str)]


def _bounds(row: Any) -> dict[str, Any]:
    row = _variant(row)
    return {ours: row[theirs] for ours, theirs in (("min", "minimum"), ("max", "maximum")) if theirs in row}


def _length(row: Any) -> dict[str, Any]:
    return {"max_length": row["maxLength"]} if "maxLength" in row else {}


def _size_names(size: dict[str, Any]) -> set[str]:
    names = [*size.get("fields", ()), *(size.get(key) for key in ("field", "ratio", "scale"))]
    return {name for name in names if name}
