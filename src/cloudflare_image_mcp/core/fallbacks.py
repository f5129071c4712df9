"""Fallbacks: which models make an image in place of a model that failed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from cloudflare_image_mcp.errors import EditRefused, GatewayError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from cloudflare_image_mcp.catalog import Model
    from cloudflare_image_mcp.core.ports import Backend
    from cloudflare_image_mcp.core.request import ImageRequest

LOCAL: Final = "local"
"""In a list of fallbacks: the embedded engine, under the failed model's name."""

Fallback: TypeAlias = "Model | Literal['local']"


@dataclass(frozen=True, slots=True)
class Failure:
    """A model that did not make the image on a backend, and why."""

    model: Model
    backend: Backend
    error: GatewayError

    @property
    def maker(self) -> str:
        """The name of what failed, for messages."""
        return self.backend.engine or self.model.short_name

    def warning(self, maker: str) -> str:
        """Names what failed and ``maker``, which made the image instead."""
        if isinstance(self.error, EditRefused):
            return f"{self.maker} is refused for edits by {self.backend.name}; {maker} made this one"
        return f"{self.maker} failed ({str(self.error).rstrip('.')}); {maker} made this one"


@dataclass(frozen=True, slots=True)
class Fallbacks:
    """The operator's lists (``FALLBACKS``) and the model that makes edits which the service refuses."""

    chains: Mapping[str, Sequence[Fallback]] = field(default_factory=dict)
    """By the id of the model that failed."""
    editor: Model | None = None
    """Comes last where the failure is a refused edit; None with ``EDIT_FALLBACK=off``."""

    @property
    def use_local(self) -> bool:
        return any(LOCAL in chain for chain in self.chains.values())

    def after(self, model: Model, *, refused: bool) -> Iterator[Fallback]:
        """Yields what is tried after ``model``, in order. ``refused``: the failure is a refused edit."""
        yield from self.chains.get(model.id, ())
        if refused and self.editor is not None:
            yield self.editor


def decisive(failures: Sequence[Failure]) -> GatewayError:
    """Returns the error to report where every model failed: the first, unless that is a refused edit and another
    model, which could have made the edit, failed for a reason of its own.
    """
    errors = [failure.error for failure in failures]
    return next((error for error in errors if not isinstance(error, EditRefused)), errors[0])


def suited(request: ImageRequest, model: Model, backend: Backend) -> ImageRequest:
    """The request with its numbers inside another model's promise: the caller named neither. The embedded engine gets
    the caller's own prompt.
    """
    values: dict[str, float | int | str] = {}
    if backend.engine is not None and request.original_prompt is not None:
        values["prompt"] = request.original_prompt
    for name in ("steps", "guidance", "strength"):
        value, row = getattr(request, name), model.promise.parameters.get(name)
        if value is not None and row is not None and row.minimum is not None and row.maximum is not None:
            values[name] = type(value)(max(row.minimum, min(row.maximum, value)))
    return request.replace(others=(), **values)
