"""Pages of lists: OpenAI's envelope, and the query parameter ``limit``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from cloudflare_image_mcp.errors import invalid, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_LIMIT: Final = 20
MAX_LIMIT: Final = 100
"""Rows in one answer."""


def read_limit(query: Mapping[str, str]) -> int:
    """Raises ``GatewayError`` (400)."""
    written = query.get("limit", str(DEFAULT_LIMIT))
    if not (written.isascii() and written.isdecimal() and len(written) < 10 and 1 <= int(written) <= MAX_LIMIT):
        raise invalid("limit", f"limit must be an integer from 1 to {MAX_LIMIT}, not {shown(written)}")
    return int(written)


def page(rows: list[dict[str, Any]], *, has_more: bool) -> dict[str, Any]:
    """One page of a list. Each row has its ``id``, which ``after`` takes."""
    return {
        "object": "list",
        "data": rows,
        "first_id": rows[0]["id"] if rows else None,
        "last_id": rows[-1]["id"] if rows else None,
        "has_more": has_more,
    }
