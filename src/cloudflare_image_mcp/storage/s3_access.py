"""Which bucket, where, and with what credentials: read once from the storage URL and the environment."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_SEGMENT: Final = re.compile(r"(?!\.{1,2}$)[0-9A-Za-z!_.*'()-]+")
_ENDPOINT: Final = re.compile(r"https?://[^/@\s]+/?")
_R2_HOST: Final = ".r2.cloudflarestorage.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Access:
    """A bucket and how to reach it."""

    bucket: str
    prefix: str
    """Without a slash at either end; empty for the bucket's top."""
    region: str
    endpoint: str | None = None
    """None is AWS itself."""
    access_key_id: str | None = None
    """None, on AWS alone: the machine's own role."""
    secret_access_key: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)

    @classmethod
    def read(cls, url: str, environ: Mapping[str, str]) -> S3Access:
        """``s3://bucket/prefix`` and AWS's usual variables, or R2's. Raises ``ValueError`` saying what is
        wrong, without credentials.
        """
        bucket, prefix = _place(url)
        endpoint: str | None
        if environ.get("R2_ACCESS_KEY_ID"):
            endpoint = _r2_endpoint(environ)
            names = ("R2_ACCESS_KEY_ID", "R2_SECRET_ACCESS_KEY", "R2_SESSION_TOKEN")
        else:
            endpoint = environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL") or None
            names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
        if endpoint and not _ENDPOINT.fullmatch(endpoint):
            raise ValueError("the endpoint (AWS_ENDPOINT_URL, R2_ENDPOINT_URL) has the form https://host:port")
        identity, secret, token = (environ.get(name) for name in names)
        if bool(identity) != bool(secret) or (endpoint and not identity):
            raise ValueError(f"a bucket of R2, or at another endpoint, needs {names[0]} and {names[1]}")
        is_r2 = endpoint is not None and endpoint.rstrip("/").endswith(_R2_HOST)
        region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or "us-east-1"
        return cls(
            bucket=bucket,
            prefix=prefix,
            region="auto" if is_r2 else region,
            endpoint=endpoint,
            access_key_id=identity or None,
            secret_access_key=secret or None,
            session_token=token or None,
        )


def _place(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    if "@" in parts.netloc:
        raise ValueError("credentials belong in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, not in the URL")
    if parts.query or parts.fragment:
        raise ValueError("nothing follows the prefix: s3://bucket/prefix")
    if not _BUCKET.fullmatch(parts.netloc):
        raise ValueError("a bucket's name has 3 to 63 of a-z, 0-9, dot and hyphen: s3://bucket/prefix")
    prefix = parts.path.strip("/")
    if prefix and not all(_SEGMENT.fullmatch(segment) for segment in prefix.split("/")):
        raise ValueError("a prefix has letters, digits and !_.*'()- between single slashes: s3://bucket/prefix")
    return parts.netloc, prefix


def _r2_endpoint(environ: Mapping[str, str]) -> str:
    if endpoint := environ.get("R2_ENDPOINT_URL"):
        return endpoint
    if account := environ.get("CLOUDFLARE_ACCOUNT_ID"):
        return f"https://{account}{_R2_HOST}"
    raise ValueError("R2_ACCESS_KEY_ID needs CLOUDFLARE_ACCOUNT_ID or R2_ENDPOINT_URL beside it")
