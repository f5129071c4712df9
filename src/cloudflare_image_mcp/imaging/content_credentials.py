"""Content credentials (C2PA): signs images with the library c2pa-python, of the extra ``[c2pa]``."""

from __future__ import annotations

import asyncio
import io
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from cloudflare_image_mcp import __version__
from cloudflare_image_mcp.errors import GatewayError, SettingError
from cloudflare_image_mcp.imagefile.header import ImageFormat
from cloudflare_image_mcp.imagefile.image import Image
from cloudflare_image_mcp.imagefile.payload import BytesPayload
from cloudflare_image_mcp.imagefile.provenance import Provenance, SourceType

if TYPE_CHECKING:
    from pathlib import Path

_FORMATS: Final = frozenset({ImageFormat.PNG, ImageFormat.JPEG, ImageFormat.WEBP})
_CURVES: Final = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
_SETTINGS: Final = {"builder": {"thumbnail": {"enabled": False}}}
"""A thumbnail would add some dozen kilobytes to every image."""

_log = logging.getLogger(__name__)


class CredentialsSigner:
    """An ``ImageSigner``."""

    def __init__(self, certificate: Path, private_key: Path) -> None:
        """Signs an image to see that it can. Raises ``SettingError``."""
        self._certificate = _read("C2PA_CERTIFICATE", certificate)
        self._key = _read("C2PA_PRIVATE_KEY", private_key)
        try:
            import c2pa
        except ImportError:
            raise SettingError(
                "C2PA_CERTIFICATE needs the extra [c2pa]: pip install -e '.[c2pa]' in the checkout"
            ) from None
        self._c2pa: Any = c2pa
        self._algorithm = _algorithm(self._key, private_key)
        trial = Provenance(source_type=SourceType.ALGORITHMIC, model="trial", created=datetime.now(UTC))
        try:
            self._signed(_smallest_png(), ImageFormat.PNG, trial)
        except c2pa.C2paError as error:
            raise SettingError(
                f'C2PA_CERTIFICATE and C2PA_PRIVATE_KEY cannot sign: "{certificate}" and "{private_key}" are not the '
                f"chain and the key of a certificate for content credentials ({error})"
            ) from None

    async def sign(self, image: Image, provenance: Provenance) -> Image:
        if image.format not in _FORMATS:
            return image
        data = await image.payload.read()
        try:
            signed = await asyncio.to_thread(self._signed, data, image.format, provenance)
        except self._c2pa.C2paError as error:
            _log.error("an image could not be signed: %s", error)
            raise GatewayError("internal_error", "the image could not be signed; the server's log says why") from None
        return Image(BytesPayload(signed), image.header)

    def _signed(self, data: bytes, image_format: ImageFormat, provenance: Provenance) -> bytes:
        """In a thread. The library takes a signer and a builder for one image each."""
        c2pa, signed = self._c2pa, io.BytesIO()
        info = c2pa.C2paSignerInfo(self._algorithm, self._certificate, self._key, None)
        with (
            c2pa.Settings.from_dict(_SETTINGS) as settings,
            c2pa.Context(settings=settings) as context,
            c2pa.Signer.from_info(info) as signer,
            c2pa.Builder(_manifest(provenance), context) as builder,
        ):
            builder.sign(signer, image_format.media_type, io.BytesIO(data), signed)
        return signed.getvalue()


def _manifest(provenance: Provenance) -> dict[str, Any]:
    action = {
        "action": "c2pa.created",
        "when": provenance.created.astimezone(UTC).isoformat(timespec="seconds"),
        "digitalSourceType": provenance.source_type.value,
        "softwareAgent": {"name": provenance.model},
    }
    return {
        "claim_generator_info": [{"name": "cloudflare-image-mcp", "version": __version__}],
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [action]}}],
    }


def _read(name: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SettingError(f'{name} must be a PEM file; "{path}" cannot be read: {error.strerror}') from None


def _algorithm(key: bytes, path: Path) -> Any:
    """The signature algorithm that the key is for. Raises ``SettingError``."""
    from c2pa import C2paSigningAlg
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        loaded = load_pem_private_key(key, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise SettingError(
            f'C2PA_PRIVATE_KEY must be a PEM file of a key without a passphrase; "{path}" is not'
        ) from None
    if isinstance(loaded, ec.EllipticCurvePrivateKey) and loaded.curve.name in _CURVES:
        return C2paSigningAlg[_CURVES[loaded.curve.name]]
    if isinstance(loaded, ed25519.Ed25519PrivateKey):
        return C2paSigningAlg.ED25519
    if isinstance(loaded, rsa.RSAPrivateKey):
        return C2paSigningAlg.PS256
    raise SettingError(f'C2PA_PRIVATE_KEY must be a key on P-256, P-384 or P-521, of Ed25519 or RSA; "{path}" is not')


def _smallest_png() -> bytes:
    from PIL import Image as PillowImage

    file = io.BytesIO()
    PillowImage.new("RGB", (1, 1)).save(file, "PNG")
    return file.getvalue()
