"""The one rule for the forms in which clients write a path: each form becomes the path that the routes have.

Keys are checked and routes are chosen by the result alone, so no form of a path leads past the key of its plain form.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from cloudflare_image_mcp.catalog import Operation

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX: Final = "/v1"
METRICS: Final = "/metrics"
IMAGES: Final = f"{PREFIX}/images/"
OPERATIONS: Final[Mapping[str, Operation]] = {
    f"{IMAGES}generations": Operation.GENERATE,
    f"{IMAGES}edits": Operation.EDIT,
    f"{IMAGES}variations": Operation.VARY,
}
"""By path. A chat says in its messages whether it is an edit."""
CHAT: Final = f"{PREFIX}/chat/completions"
OPENAI_ROUTES: Final = frozenset(path.removeprefix(f"{PREFIX}/") for path in (*OPERATIONS, CHAT))
"""Routes under ``/v1`` that are also found without it."""
MODELS: Final = "models"
NO_KEY: Final = frozenset({"/", "/health", "/ready", "/favicon.ico"})
"""Paths that need no key (GET and HEAD): the page, the health checks, and what a browser asks for (404)."""
_PAGE_FILE: Final = re.compile(r"/web/[^/]+")
_STORED_IMAGE: Final = re.compile(r"/images/[^/]+")
"""Stored images need no key: their names cannot be guessed, and pages show them in ``<img>``."""
_WELL_KNOWN: Final = "/.well-known/"
"""404 without a key: a 401 makes MCP clients begin an OAuth flow."""

_SLASHES: Final = re.compile("//+")
_AZURE: Final = re.compile(r"/openai/deployments/(?P<deployment>.+?)(?:/v1)?/(?P<route>images/[a-z]+|chat/completions)")
_PREFIXES: Final = re.compile(r"(?:/(?:v1|openai|api|v1beta))+(?=/)")
"""What base URLs end with: OpenAI's, Azure's, OpenRouter's (``/api/v1``), Gemini's (``/v1beta/openai``)."""


def canonical_path(path: str) -> tuple[str, str | None]:
    """Returns the path as the routes have it, and the deployment (model) that Azure's form of it names.

    Doubled and final slashes are dropped, as are prefixes that clients put before OpenAI's routes: ``/openai/v1/...``,
    ``/openai/...`` and ``/openai/deployments/{model}/...`` (Azure), ``/api/v1/...``, ``/v1beta/openai/...``,
    ``/v1/v1/...`` (a base URL that has it already), and no prefix at all.
    """
    if path in _PLAIN:
        return path, None
    path = _SLASHES.sub("/", path)
    if len(path) > 1:
        path = path.removesuffix("/")
    azure = _AZURE.fullmatch(path)
    if azure is not None and azure["route"] in OPENAI_ROUTES:
        return f"{PREFIX}/{azure['route']}", azure["deployment"]
    prefixes = _PREFIXES.match(path)
    route = path[prefixes.end() if prefixes else 0 :].removeprefix("/")
    if route in OPENAI_ROUTES or route == MODELS or route.startswith(f"{MODELS}/"):
        return f"{PREFIX}/{route}", None
    return path, None


_PLAIN: Final = frozenset({*(f"{PREFIX}/{route}" for route in OPENAI_ROUTES), f"{PREFIX}/{MODELS}", "/health", "/mcp"})
"""The forms that most requests have: nothing to do."""


def needs_key(method: str, path: str) -> bool:
    """Whether a request for this canonical path must send one of the keys, where there are any."""
    if method not in {"GET", "HEAD"}:
        return True
    open_path = path in NO_KEY or path.startswith(_WELL_KNOWN)
    return not (open_path or _STORED_IMAGE.fullmatch(path) or _PAGE_FILE.fullmatch(path))
