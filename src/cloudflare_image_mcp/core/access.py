"""What the caller of a request may do. The interface that took the request sets it; the core checks it."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

from cloudflare_image_mcp.core.quota import UNLIMITED, Quota
from cloudflare_image_mcp.errors import GatewayError

if TYPE_CHECKING:
    from cloudflare_image_mcp.catalog import Model, Operation


@dataclass(frozen=True, slots=True)
class Access:
    """The rights of one API key."""

    name: str = ""
    """The key's name; empty without a key."""
    models: tuple[str, ...] = ()
    """Patterns of ids or short names, such as ``flux-*``; none: every model."""
    operations: frozenset[Operation] = frozenset()
    """None: every operation."""
    admin: bool = False
    quota: Quota = UNLIMITED

    def sees(self, owner: str) -> bool:
        """Whether it may see what the key of that name made. What was made without a key is for admins."""
        return self.admin or (owner != "" and owner == self.name)

    def allows(self, model: Model, operation: Operation) -> bool:
        return self._has_model(model) and (not self.operations or operation in self.operations)

    def check(self, model: Model, operation: Operation) -> None:
        """Raises ``GatewayError`` (403, ``not_allowed``)."""
        if self.operations and operation not in self.operations:
            allowed = ", ".join(sorted(self.operations))
            raise GatewayError("not_allowed", f"this API key may {allowed}, not {operation}")
        if not self._has_model(model):
            allowed = ", ".join(self.models)
            raise GatewayError(
                "not_allowed", f"this API key may not use {model.short_name}, but {allowed}", param="model"
            )

    def _has_model(self, model: Model) -> bool:
        if not self.models:
            return True
        names = (model.id.lower(), model.short_name.lower())
        return any(fnmatchcase(name, pattern.lower()) for pattern in self.models for name in names)


EVERYTHING: Final = Access(admin=True)
"""Where no API keys are set, and on the command line."""
NOTHING: Final = Access()
"""A request without a key, where keys are set: only what needs no key."""

access: Final[ContextVar[Access]] = ContextVar("access", default=EVERYTHING)
"""The rights of the request that is being answered."""
