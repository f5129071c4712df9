"""The OpenAPI description of the routes: their summaries, query parameters and answers. ``openapi_requests`` has the
request bodies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cloudflare_image_mcp.catalog import Operation, openai_families
from cloudflare_image_mcp.core.job import JobState
from cloudflare_image_mcp.core.result import CacheOutcome
from cloudflare_image_mcp.errors import ERRORS
from cloudflare_image_mcp.limits import MAX_IMAGES
from cloudflare_image_mcp.rest.pages import DEFAULT_LIMIT, MAX_LIMIT

if TYPE_CHECKING:
    from cloudflare_image_mcp.core.request_schema import Schema

DESCRIPTION: Final = (
    "OpenAI's image routes over Cloudflare Workers AI, or over the embedded engine when no account is set. "
    "Ranges depend on the model: GET /v1/models/{model_id} tells them."
)
SUMMARIES: Final = {
    Operation.GENERATE: "Generate images from a prompt",
    Operation.EDIT: "Edit an image, inside a mask if one is given",
    Operation.VARY: "Make variations of an image",
}

_ERROR: Final[Schema] = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "code": {"type": ["string", "null"]},
            },
        }
    },
}

_IMAGES: Final[Schema] = {
    "type": "object",
    "required": ["created", "data"],
    "properties": {
        "created": {"type": "integer"},
        "data": {
            "type": "array",
            "minItems": 1,
            "maxItems": max(MAX_IMAGES, *(family.max_images for family in openai_families())),
            "items": {
                "type": "object",
                "properties": {
                    "url": {"type": "string"},
                    "b64_json": {"type": "string"},
                    "revised_prompt": {"type": "string"},
                    "seed": {"type": "integer"},
                },
                "oneOf": [{"required": ["url"]}, {"required": ["b64_json"]}],
            },
        },
        "size": {"type": "string"},
        "output_format": {"enum": ["png", "jpeg", "webp"]},
        "background": {"enum": ["opaque", "transparent"]},
        "model": {"type": "string"},
        "safety_identifier": {"type": "string"},
        "warnings": {"type": "array", "items": {"type": "string"}},
    },
}

_EVENT: Final[Schema] = {
    "description": "one event: its data is JSON, or [DONE] at the end",
    "type": "object",
    "required": ["data"],
    "properties": {
        "event": {
            "enum": [
                "image_generation.partial_image",
                "image_generation.completed",
                "image_edit.partial_image",
                "image_edit.completed",
                "error",
                "message",
            ]
        },
        "data": {"type": "string"},
    },
}

_MODEL: Final[Schema] = {
    "type": "object",
    "required": [
        "id",
        "object",
        "created",
        "owned_by",
        "tasks",
        "parameters",
        "sizes",
        "price",
        "mask",
        "status",
    ],
    "properties": {
        "id": {"type": "string"},
        "object": {"const": "model"},
        "created": {"type": "integer"},
        "owned_by": {"type": "string"},
        "tasks": {"type": "array", "items": {"enum": [operation.value for operation in Operation]}},
        "parameters": {"type": "object"},
        "sizes": {"type": "array", "items": {"type": "string"}},
        "price": {"type": ["object", "null"]},
        "edits_made_by": {"type": ["object", "null"]},
        "mask": {"enum": ["none", "optional", "required"]},
        "transparent_background": {"type": "boolean"},
        "status": {"enum": ["available", "beta"]},
    },
}


def image_responses() -> dict[int | str, Schema]:
    success = _success("The images", _IMAGES)
    job = _json("The job, where the request has async or the header Prefer: respond-async", _JOB)
    job["headers"] = {"Location": {"schema": {"type": "string"}, "description": "the job's path"}}
    return {200: success, 202: job, **_errors(*sorted({row.status for row in ERRORS.values()} - {405, 416}))}


def _success(description: str, schema: Schema) -> Schema:
    outcome = {"type": "string", "enum": list(CacheOutcome)}
    cache = {"schema": outcome, "description": "with IMAGE_CACHE, of a request with a seed: how the cache answered"}
    return {
        "description": f"{description}; server-sent events when stream is true",
        "content": {"application/json": {"schema": schema}, "text/event-stream": {"schema": _EVENT}},
        "headers": {"x-image-cache": cache},
    }


def chat_responses() -> dict[int | str, Schema]:
    message = {
        "type": "object",
        "required": ["role", "content", "images"],
        "properties": {"role": {"const": "assistant"}, "content": {"type": "string"}, "images": {"type": "array"}},
    }
    choice = {"type": "object", "required": ["index", "message"], "properties": {"message": message}}
    body = {
        "type": "object",
        "required": ["id", "object", "created", "model", "choices", "usage"],
        "properties": {"object": {"const": "chat.completion"}, "choices": {"type": "array", "items": choice}},
    }
    responses = image_responses() | {200: _success("The images in a message", body)}
    return {status: answer for status, answer in responses.items() if status != 202}


def model_list_responses() -> dict[int | str, Schema]:
    listed = {
        "type": "object",
        "required": ["object", "data"],
        "properties": {"object": {"const": "list"}, "data": {"type": "array", "items": _MODEL}},
    }
    return {200: _json("The models", listed), **_errors(401)}


def model_responses() -> dict[int | str, Schema]:
    return {200: _json("The model", _MODEL), **_errors(401, 404)}


_STORED: Final[Schema] = {
    "type": "object",
    "required": ["id", "object", "url", "created", "expires", "bytes", "media_type"],
    "properties": {
        "id": {"type": "string"},
        "object": {"const": "image"},
        "url": {"type": "string"},
        "created": {"type": "integer", "description": "seconds since 1970"},
        "expires": {"type": ["integer", "null"], "description": "seconds since 1970; null: kept for good"},
        "bytes": {"type": "integer"},
        "media_type": {"type": "string"},
        "size": {"type": ["string", "null"]},
        "operation": {"type": ["string", "null"]},
        "model": {"type": ["string", "null"]},
        "backend": {"type": ["string", "null"]},
        "seed": {"type": ["integer", "null"]},
        "prompt": {"type": ["string", "null"]},
    },
}
_JOB: Final[Schema] = {
    "type": "object",
    "required": ["id", "object", "status", "created_at", "expires_at", "progress"],
    "properties": {
        "id": {"type": "string"},
        "object": {"const": "image.job"},
        "status": {"enum": [state.value for state in JobState]},
        "created_at": {"type": "integer", "description": "seconds since 1970"},
        "expires_at": {"type": ["integer", "null"], "description": "when the job is forgotten; null: it runs"},
        "progress": {"type": "integer", "minimum": 0, "maximum": 100},
        "operation": {"enum": [operation.value for operation in Operation]},
        "model": {"type": "string"},
        "result": _IMAGES,
        "error": _ERROR["properties"]["error"],
        "images": {"type": "array", "items": {"type": "object", "required": ["url"]}},
    },
}
JOB_LIST_PARAMETERS: Final[list[Schema]] = [
    {
        "name": "limit",
        "in": "query",
        "schema": {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
    },
    {"name": "after", "in": "query", "description": "last_id of the page before", "schema": {"type": "string"}},
]
IMAGE_LIST_PARAMETERS: Final[list[Schema]] = [
    *JOB_LIST_PARAMETERS,
    {"name": "q", "in": "query", "description": "words of the prompt, model, size, seed", "schema": {"type": "string"}},
]


def image_list_responses() -> dict[int | str, Schema]:
    return {200: _json("The images", _list_of(_STORED)), **_errors(400, 401, 500)}


def image_record_responses() -> dict[int | str, Schema]:
    return {200: _json("The image's record", _STORED), **_errors(401, 404, 405, 500)}


def image_deleted_responses() -> dict[int | str, Schema]:
    deleted = {
        "type": "object",
        "required": ["id", "object", "deleted"],
        "properties": {"id": {"type": "string"}, "object": {"const": "image"}, "deleted": {"type": "boolean"}},
    }
    return {200: _json("Whether it was there", deleted), **_errors(401, 404, 405, 500)}


def job_list_responses() -> dict[int | str, Schema]:
    return {200: _json("The jobs", _list_of(_JOB)), **_errors(400, 401, 500)}


def job_responses() -> dict[int | str, Schema]:
    return {200: _json("The job", _JOB), **_errors(401, 404, 405, 500)}


def job_event_responses() -> dict[int | str, Schema]:
    names = [f"image.job.{state.value}" for state in JobState]
    event = _EVENT | {"properties": {"event": {"enum": [*names, "message"]}, "data": {"type": "string"}}}
    success = {"description": "The job at each change", "content": {"text/event-stream": {"schema": event}}}
    return {200: success, **_errors(401, 404, 405, 500)}


def file_responses() -> dict[int | str, Schema]:
    images = {f"image/{kind}": {"schema": {"type": "string", "format": "binary"}} for kind in ("png", "jpeg", "webp")}
    return {
        200: {"description": "The image", "content": images},
        206: {"description": "A part of it", "content": images},
        304: {"description": "The client has it"},
        **_errors(404, 416),
    }


def health_responses() -> dict[int | str, Schema]:
    body = {"type": "object", "required": ["status"], "properties": {"status": {"const": "ok"}}}
    return {200: _json("It is", body)}


def ready_responses() -> dict[int | str, Schema]:
    problems = {"type": "array", "items": {"type": "string"}}
    body = {"type": "object", "required": ["status"], "properties": {"status": {"const": "ready"}}}
    not_ready = {
        "type": "object",
        "required": ["status", "problems"],
        "properties": {"status": {"const": "not ready"}, "problems": problems},
    }
    return {200: _json("It can", body), 503: _json("It cannot, and why", not_ready)}


def metrics_responses() -> dict[int | str, Schema]:
    return {200: {"description": "The counters", "content": {"text/plain": {"schema": {"type": "string"}}}}}


def _list_of(item: Schema) -> Schema:
    """A page of a list, as OpenAI's lists are."""
    return {
        "type": "object",
        "required": ["object", "data", "first_id", "last_id", "has_more"],
        "properties": {
            "object": {"const": "list"},
            "data": {"type": "array", "maxItems": MAX_LIMIT, "items": item},
            "first_id": {"type": ["string", "null"]},
            "last_id": {"type": ["string", "null"]},
            "has_more": {"type": "boolean"},
        },
    }


def _errors(*statuses: int) -> dict[int | str, Schema]:
    kinds = {status: [name for name, row in ERRORS.items() if row.status == status] for status in statuses}
    return {status: _json(", ".join(names), _ERROR) for status, names in kinds.items()}


def _json(description: str, schema: Schema) -> Schema:
    return {"description": description, "content": {"application/json": {"schema": schema}}}
