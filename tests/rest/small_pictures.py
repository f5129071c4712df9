"""A hook for schemathesis: requests that would be granted ask for small pictures, so that two thousand take a minute,
and every other text in an image's place becomes a picture, so that edits are reached at all.

Everything else that makes a request wrong stays as generated.
"""

from __future__ import annotations

import base64
from typing import Any

import schemathesis

from cloudflare_image_mcp.catalog import Size
from tests.rest.pictures import mask, picture

_FILES = {"image": base64.b64encode(picture()).decode(), "mask": base64.b64encode(mask()).decode()}


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: schemathesis.Case[Any], kwargs: dict[str, Any]) -> None:
    body = case.body
    if not isinstance(body, dict):
        return
    if "size" not in body or _is_size(body["size"]):
        body["size"] = "256x256"
    if body.get("n") in range(3, 9):
        body["n"] = 2
    for name, file in _FILES.items():
        written = body.get(name)
        if isinstance(written, str) and len(written) % 2 == 0:
            body[name] = file


def _is_size(value: object) -> bool:
    try:
        return value is None or bool(Size.parse(str(value)))
    except ValueError:
        return False
