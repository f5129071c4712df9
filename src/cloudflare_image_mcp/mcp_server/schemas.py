"""JSON Schemas of the tools' arguments and results. The request's parameters come from the core's model of the request,
with the ranges of the models that an endpoint offers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from cloudflare_image_mcp.catalog import MaskUse, Operation
from cloudflare_image_mcp.core.request_schema import Schema, is_promised, parameter_schema
from cloudflare_image_mcp.core.result import CacheOutcome
from cloudflare_image_mcp.limits import MAX_INPUT_IMAGES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cloudflare_image_mcp.catalog import Model

OUTPUTS: Final = ("auto", "image", "link")
DEFAULT_WAIT: Final = 40.0
"""Seconds. Several hosts give up after 45 to 60 seconds, even if progress is reported."""
MAX_WAIT: Final = 300.0
MAX_LISTED: Final = 100

_PARAMETERS: Final = (
    "n",
    "size",
    "aspect_ratio",
    "seed",
    "steps",
    "guidance",
    "negative_prompt",
    "strength",
    "output_format",
    "background",
)
"""Parameters in the schema of ``run_model``. The others are accepted, too, but a short schema serves models better."""

_IMAGE: Final = "an image id from an earlier result, image://{id}, an https URL or a data: URL"
_IMAGE_OR_PATH: Final = f"a path to a file on this machine, {_IMAGE}"


def _object(properties: Schema, required: Iterable[str] = (), **more: Any) -> Schema:
    return {"type": "object", "properties": properties, "required": list(required), **more}


def _text(description: str, **more: Any) -> Schema:
    return {"type": "string", "description": description, **more}


NO_ARGUMENTS: Final = _object({})
ONE_MODEL: Final = _object(
    {"model": _text("model id such as @cf/black-forest-labs/flux-1-schnell, or its last part")}, ["model"]
)
_WAIT: Final[Schema] = {
    "type": "number",
    "minimum": 0,
    "maximum": MAX_WAIT,
    "description": "seconds to wait for the images before answering with a job id; many hosts give up at 60",
}
_OUTPUT: Final[Schema] = {
    "type": "string",
    "enum": list(OUTPUTS),
    "default": "auto",
    "description": "auto: a preview of each image is shown to you; image: as large as the result may carry; "
    "link: no pixels, only ids and links",
}
JOB_ARGUMENTS: Final = _object(
    {
        "job_id": _text("the job_id of an unfinished run_model"),
        "wait_seconds": _WAIT | {"default": 0},
        "output": _OUTPUT,
    },
    ["job_id"],
)
ONE_JOB: Final = _object({"job_id": _text("the job_id of an unfinished run_model")}, ["job_id"])
LIST_ARGUMENTS: Final = _object(
    {
        "limit": {
            "type": "integer",
            "minimum": 1,
            "maximum": MAX_LISTED,
            "default": 20,
            "description": "how many, the newest first",
        }
    }
)


def run_arguments(model: Model | None, offered: list[Model], *, paths: bool) -> Schema:
    """Returns the arguments of ``run_model``: of the fixed model, or of every model with the widest ranges."""
    rows = [model] if model else offered
    tasks = [task for task in Operation if any(task in row.promise.tasks for row in rows)]
    properties: Schema = {"prompt": parameter_schema("prompt")}
    if model is None:
        names = ", ".join(row.short_name for row in rows)
        properties["model"] = _text(f"model id; the default suits most requests. One of: {names}")
    properties["operation"] = _text(
        "generate from the prompt, edit the images as the prompt says, or vary the first image; when left out: what "
        "prompt and images amount to",
        enum=[task.value for task in tasks],
    )
    if tasks != [Operation.GENERATE]:
        properties |= _inputs(rows, paths=paths)
    promised = (name for name in _PARAMETERS if is_promised(name, rows))
    properties |= {name: parameter_schema(name, rows) for name in promised}
    properties["size"]["description"] = _size_text(rows)
    properties["output"] = _OUTPUT
    properties["wait_seconds"] = _WAIT | {"default": DEFAULT_WAIT}
    return _object(properties, ["prompt"])


def _inputs(rows: list[Model], *, paths: bool) -> Schema:
    how = _IMAGE_OR_PATH if paths else _IMAGE
    most = min(MAX_INPUT_IMAGES, max(row.promise.images for row in rows))
    inputs: Schema = {
        "images": {
            "type": "array",
            "items": {"type": "string"},
            "maxItems": most if len(rows) == 1 else MAX_INPUT_IMAGES,
            "description": f"images to edit or vary, the one to change first, then references. Each is {how}",
        }
    }
    if any(row.promise.mask is not MaskUse.NONE for row in rows):
        inputs["mask"] = _text(
            f"where an edit repaints: white (or transparent) is repainted, black (or opaque) is kept. It is {how}"
        )
    return inputs


def _size_text(rows: list[Model]) -> str:
    smallest = min(row.promise.sizes.minimum for row in rows)
    largest = max(row.promise.sizes.maximum for row in rows)
    return (
        f"WIDTHxHEIGHT in pixels, {smallest} to {largest} a side, such as 1024x768; default: the model's own, or for "
        "an edit the source's"
    )


_STRING: Final[Schema] = {"type": "string"}
_STRINGS: Final[Schema] = {"type": "array", "items": _STRING}
_INTEGER: Final[Schema] = {"type": "integer"}
_NUMBER: Final[Schema] = {"type": "number"}
_PRICE: Final = _object({"neurons": _NUMBER, "usd": {"anyOf": [_NUMBER, {"type": "null"}]}}, ["usd"])
"""In neurons and USD, or in USD alone; null where it is not known."""

_MODEL: Final[Schema] = {
    "id": _STRING,
    "name": _STRING,
    "best_for": _STRING,
    "tasks": _STRINGS,
    "mask": {"type": "string", "enum": [use.value for use in MaskUse]},
    "max_input_images": _INTEGER,
    "default_size": _STRING,
    "price": _PRICE,
    "default_for": _STRINGS,
}
_ALWAYS: Final = [name for name in _MODEL if name != "price"]
"""The keys that are always there; the price is missing where nothing is billed."""
MODEL_LIST: Final = _object(
    {"backend": _STRING, "models": {"type": "array", "items": _object(_MODEL, _ALWAYS)}, "next": _STRING},
    ["backend", "models", "next"],
)
_PARAMETER: Final = _object(
    {
        "type": _STRING,
        "minimum": _NUMBER,
        "maximum": _NUMBER,
        "default": _NUMBER,
        "supported": {"type": "boolean"},
    },
    ["type", "supported"],
)
_DESCRIBED: Final[Schema] = _MODEL | {
    "backend": _STRING,
    "owned_by": _STRING,
    "status": _STRING,
    "max_prompt_length": _INTEGER,
    "parameters": {"type": "object", "additionalProperties": _PARAMETER},
    "sizes": _object(
        {"minimum_side": _INTEGER, "maximum_side": _INTEGER, "default": _STRING, "examples": _STRINGS},
        ["minimum_side", "maximum_side", "default", "examples"],
    ),
    "limits": _STRINGS,
    "next": _STRING,
}
MODEL_DESCRIPTION: Final = _object(_DESCRIBED, [name for name in _DESCRIBED if name != "price"])

_STORED: Final[Schema] = {
    "id": _STRING,
    "uri": _STRING,
    "url": _STRING,
    "path": _STRING,
    "mime_type": _STRING,
    "bytes": _INTEGER,
    "width": _INTEGER,
    "height": _INTEGER,
    "seed": _INTEGER,
    "created": _STRING,
    "model": _STRING,
    "operation": _STRING,
    "prompt": _STRING,
}
IMAGE_LIST: Final = _object(
    {"images": {"type": "array", "items": _object(_STORED, ["id", "uri", "mime_type", "bytes"])}}, ["images"]
)
_MADE: Final = _object(
    {name: row for name, row in _STORED.items() if name not in {"created", "model", "operation", "prompt"}}
    | {
        "sha256": _STRING,
        "preview": _object(
            {"mime_type": _STRING, "width": _INTEGER, "height": _INTEGER}, ["mime_type", "width", "height"]
        ),
    },
    ["id", "uri", "mime_type", "width", "height", "bytes", "sha256"],
)
JOB_RESULT: Final = _object(
    {
        "job_id": _STRING,
        "status": {"type": "string", "enum": ["running", "completed", "failed", "cancelled"]},
        "operation": {"type": "string", "enum": [task.value for task in Operation]},
        "model": _STRING,
        "requested_model": _STRING,
        "backend": _STRING,
        "requested": _INTEGER,
        "seconds": _NUMBER,
        "images": {"type": "array", "items": _MADE},
        "cost": _PRICE,
        "cache": {"type": "string", "enum": [outcome.value for outcome in CacheOutcome]},
        "warnings": _STRINGS,
        "error": _object({"code": _STRING, "message": _STRING}, ["message"]),
        "next": _STRING,
    },
    ["job_id", "status", "operation", "model", "backend", "requested", "seconds", "images", "warnings", "next"],
)
