"""Icons of the server and its tools: small SVGs as data URLs, drawn with the current text colour."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

_FRAME: Final = '<rect x="3" y="4" width="18" height="16" rx="2"/>'
_HILLS: Final = '<path d="m4 17 5-5 4 4 3-3 4 4"/><circle cx="15.5" cy="8.5" r="1.5"/>'

_DRAWINGS: Final = {
    "server": _FRAME + _HILLS,
    "run_model": _FRAME + _HILLS,
    "list_models": '<path d="M8 6h12M8 12h12M8 18h12M4 6h.01M4 12h.01M4 18h.01"/>',
    "describe_model": '<circle cx="12" cy="12" r="9"/><path d="M12 11v5M12 8h.01"/>',
    "get_job": '<circle cx="12" cy="12" r="9"/><path d="M12 7v5l3 3"/>',
    "cancel_job": '<circle cx="12" cy="12" r="9"/><path d="m9 9 6 6m0-6-6 6"/>',
    "list_images": '<rect x="3" y="3" width="7" height="7"/><rect x="14" y="3" width="7" height="7"/>'
    '<rect x="3" y="14" width="7" height="7"/><rect x="14" y="14" width="7" height="7"/>',
}


def icon(name: str) -> str:
    """A ``data:image/svg+xml`` URL."""
    drawing = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="#f6821f" '
        f'stroke-width="2" stroke-linecap="round" stroke-linejoin="round">{_DRAWINGS[name]}</svg>'
    )
    return f"data:image/svg+xml,{quote(drawing)}"
