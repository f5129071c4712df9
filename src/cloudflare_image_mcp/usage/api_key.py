"""One API key: its hash, and what it may be used for. Runs in a Worker too."""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import fields
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final, Protocol

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from cloudflare_image_mcp.catalog import Operation  # noqa: TC001 - pydantic reads the annotation
from cloudflare_image_mcp.core.access import Access
from cloudflare_image_mcp.core.quota import Quota

if TYPE_CHECKING:
    from collections.abc import Iterable


NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
"""What a key may be called."""
RESERVED: Final = "api-keys-"
"""How the names of the keys of ``API_KEYS`` begin; the digits of the hash follow."""


def _with_zone(value: Any) -> Any:
    """A date is the beginning of that day, and a time without a zone is UTC."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    return value


_INTEGER: Final = Field(ge=1, description="an integer of at least 1")
_NUMBER: Final = Field(gt=0, allow_inf_nan=False, description="a number above 0")
_TIME: Final = Field(description="a date or a time, such as 2027-12-31")


class ApiKey(BaseModel):
    """The table ``[keys.NAME]`` of the file of keys. The descriptions say what each field must be."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: str = Field(
        pattern=r"^[0-9a-f]{64}$", description="the SHA-256 hash of the key, 64 hexadecimal digits in small letters"
    )
    # An empty list might be meant as "none" and would be everything: it is refused.
    models: Annotated[tuple[str, ...], Field(min_length=1, description='a list of patterns, such as ["flux-*"]')] = ()
    operations: Annotated[
        frozenset[Operation], Field(min_length=1, description="a list of some of generate, edit and vary")
    ] = frozenset()
    admin: bool = Field(default=False, description="true or false")
    requests_per_minute: Annotated[int | None, _INTEGER] = None
    images_per_day: Annotated[int | None, _INTEGER] = None
    neurons_per_day: Annotated[float | None, _NUMBER] = None
    usd_per_day: Annotated[float | None, _NUMBER] = None
    expires: Annotated[datetime | None, BeforeValidator(_with_zone), _TIME] = None
    revoked: Annotated[datetime | None, BeforeValidator(_with_zone), _TIME] = None

    def is_valid(self, now: datetime) -> bool:
        return self.revoked is None and (self.expires is None or now < self.expires)

    def access(self, name: str) -> Access:
        return Access(name, self.models, self.operations, self.admin, self.quota)

    @property
    def quota(self) -> Quota:
        return Quota(**{row.name: getattr(self, row.name) for row in fields(Quota)})


class Keys(Protocol):
    """Finds the rights of an API key."""

    def find(self, written: bytes, now: datetime) -> Access | None:
        """None for a key that is unknown, expired or revoked."""
        ...


class Keyring:
    """The keys of a server, by their hashes."""

    def __init__(self, keys: dict[str, ApiKey]) -> None:
        self._by_hash = {key.sha256: (key, key.access(name)) for name, key in keys.items()}

    def find(self, written: bytes, now: datetime) -> Access | None:
        """Returns the rights of a valid key; None for an unknown, expired or revoked one. Hashes are compared, so that
        the time taken says nothing about the keys.
        """
        digest = hashlib.sha256(written).hexdigest()
        found = self._by_hash.get(digest)
        if found is None:
            return None
        key, access = found
        return access if hmac.compare_digest(key.sha256, digest) and key.is_valid(now) else None


def unlimited_keys(written: Iterable[str]) -> dict[str, ApiKey]:
    """Returns the keys of ``API_KEYS``, each named by the first digits of its hash."""
    digests = [hashlib.sha256(key.encode()).hexdigest() for key in written]
    return {f"{RESERVED}{digest[:12]}": ApiKey(sha256=digest) for digest in digests}
