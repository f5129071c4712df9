"""Content credentials: images signed with certificates made here, and verified by the library's own reader."""

from __future__ import annotations

import base64
import io
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import c2pa
import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from cloudflare_image_mcp.assembly import assemble
from cloudflare_image_mcp.errors import SettingError
from cloudflare_image_mcp.imagefile.provenance import SourceType
from cloudflare_image_mcp.settings import Settings
from tests.decoding import decoded
from tests.live import gateway
from tests.rest.pictures import picture
from tests.waiting import LONGEST

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes

DAY = timedelta(days=1)


def certificate(
    subject: str, key: CertificateIssuerPrivateKeyTypes, issuer_key: CertificateIssuerPrivateKeyTypes, *, ca: bool
) -> bytes:
    """A certificate of the tests' authority as PEM: its own, or one for a signer."""

    def named(name: str) -> x509.Name:
        pairs = ((NameOID.COMMON_NAME, name), (NameOID.ORGANIZATION_NAME, "Tests"))
        return x509.Name([x509.NameAttribute(kind, value) for kind, value in pairs])

    usage = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only"), False
    )
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(named(subject))
        .issuer_name(named("authority"))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + 30 * DAY)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
        .add_extension(
            x509.KeyUsage(digital_signature=not ca, key_cert_sign=ca, crl_sign=ca, decipher_only=False, **usage),
            critical=True,
        )
    )
    if not ca:
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
    return builder.sign(issuer_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@dataclass(frozen=True)
class Files:
    """The two files that the settings name."""

    certificate: Path
    key: Path

    @property
    def environ(self) -> dict[str, str]:
        return {"C2PA_CERTIFICATE": str(self.certificate), "C2PA_PRIVATE_KEY": str(self.key)}


def signer_files(folder: Path, key: CertificateIssuerPrivateKeyTypes) -> Files:
    authority = ec.generate_private_key(ec.SECP256R1())
    chain = certificate("signer", key, authority, ca=False) + certificate("authority", authority, authority, ca=True)
    files = Files(folder / "chain.pem", folder / "key.pem")
    files.certificate.write_bytes(chain)
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    files.key.write_bytes(key.private_bytes(encoding, form, serialization.NoEncryption()))
    return files


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("credentials")
    files = signer_files(folder, ec.generate_private_key(ec.SECP256R1()))
    with gateway(folder / "images", **files.environ) as origin:
        yield origin


def state(data: bytes, kind: str) -> str:
    with c2pa.Reader(f"image/{kind}", io.BytesIO(data)) as reader:
        return str(reader.get_validation_state())


def manifest(data: bytes, kind: str) -> dict[str, Any]:
    with c2pa.Reader(f"image/{kind}", io.BytesIO(data)) as reader:
        found = json.loads(reader.json())
    active: dict[str, Any] = found["manifests"][found["active_manifest"]]
    return active


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
def test_images_are_signed_and_a_change_is_found(origin: str, kind: str) -> None:
    body = {"prompt": "a red fox", "size": "256x256", "output_format": kind, "response_format": "url"}
    made = requests.post(f"{origin}/v1/images/generations", json=body, timeout=LONGEST)
    assert made.status_code == 200, made.text
    data = requests.get(made.json()["data"][0]["url"], timeout=LONGEST).content
    assert decoded(data).size == (256, 256)
    assert state(data, kind) == "Valid"
    signed = manifest(data, kind)
    assert signed["claim_generator_info"][0]["name"] == "cloudflare-image-mcp"
    assert signed["signature_info"]["common_name"] == "signer"
    assert "thumbnail" not in signed
    (action,) = signed["assertions"][0]["data"]["actions"]
    assert action["action"] == "c2pa.created"
    assert action["digitalSourceType"] == SourceType.ALGORITHMIC
    assert action["softwareAgent"]["name"] == "illustrator"
    assert b"a red fox" in data  # the metadata is there, too
    changed = bytearray(data)
    changed[-40] ^= 1
    assert state(bytes(changed), kind) == "Invalid"


def test_edits_say_that_they_are_edits(origin: str) -> None:
    files = {"image": ("a.png", picture(256, 256))}
    fields = {"prompt": "make it blue", "response_format": "b64_json", "output_format": "png"}
    made = requests.post(f"{origin}/v1/images/edits", data=fields, files=files, timeout=LONGEST)
    assert made.status_code == 200, made.text
    data = base64.b64decode(made.json()["data"][0]["b64_json"])
    (action,) = manifest(data, "png")["assertions"][0]["data"]["actions"]
    assert action["digitalSourceType"] == SourceType.ALGORITHMIC_EDIT


def keys() -> dict[str, CertificateIssuerPrivateKeyTypes]:
    return {
        "P-384": ec.generate_private_key(ec.SECP384R1()),
        "P-521": ec.generate_private_key(ec.SECP521R1()),
        "Ed25519": ed25519.Ed25519PrivateKey.generate(),
        "RSA": rsa.generate_private_key(65537, 2048),
    }


@pytest.mark.parametrize("name", keys())
async def test_keys_of_other_kinds_sign(name: str, tmp_path: Path) -> None:
    files = signer_files(tmp_path, keys()[name])
    assembly = assemble(Settings.read({"IMAGE_STORAGE_URL": "memory:", "IMAGE_BACKEND": "local", **files.environ}))
    await assembly.aclose()


@pytest.mark.parametrize("wrong", ["no certificate", "no key", "another key", "no PEM", "secp256k1", "one of them"])
def test_what_cannot_sign_stops_the_start(wrong: str, tmp_path: Path) -> None:
    files = signer_files(tmp_path, ec.generate_private_key(ec.SECP256R1()))
    environ = files.environ
    if wrong == "no certificate":
        files.certificate.unlink()
    elif wrong == "no key":
        files.key.unlink()
    elif wrong == "no PEM":
        files.key.write_text("secret words")
    elif wrong == "one of them":
        del environ["C2PA_PRIVATE_KEY"]
    else:
        curve = ec.SECP256K1() if wrong == "secp256k1" else ec.SECP256R1()
        other = tmp_path / "other"
        other.mkdir()
        environ["C2PA_PRIVATE_KEY"] = str(signer_files(other, ec.generate_private_key(curve)).key)
    with pytest.raises(SettingError, match="C2PA_") as raised:
        assemble(Settings.read({"IMAGE_STORAGE_URL": "memory:", "IMAGE_BACKEND": "local", **environ}))
    assert "secret" not in str(raised.value)
