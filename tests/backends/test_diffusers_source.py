"""What stops the start, with and without the extra installed: each error names the setting."""

from __future__ import annotations

import json
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from cloudflare_image_mcp.assembly import assemble
from cloudflare_image_mcp.backends.diffusers.source import PACKAGES, ModelSource
from cloudflare_image_mcp.errors import SettingError
from cloudflare_image_mcp.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

MISSING = [package for package in PACKAGES if find_spec(package) is None]
WEIGHTS = b'{"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}'
INDEX = {"_class_name": "StableDiffusionPipeline", "unet": ["diffusers", "UNet2DConditionModel"]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A pipeline as far as it can be told without loading it."""
    folder = tmp_path / "my-model"
    (folder / "unet").mkdir(parents=True)
    index = INDEX | {"safety_checker": [None, None]}
    (folder / "model_index.json").write_text(json.dumps(index), "utf-8")
    write_weights(folder, len(WEIGHTS), WEIGHTS + bytes(8))
    return folder


def write_weights(folder: Path, length: int, rest: bytes) -> None:
    (folder / "unet" / "model.safetensors").write_bytes(length.to_bytes(8, "little") + rest)


def refusal(model: str | None) -> str:
    with pytest.raises(SettingError) as caught:
        ModelSource.of(model)
    message = str(caught.value)
    assert "DIFFUSERS_MODEL" in message
    assert "\n" not in message
    return message


def test_a_model_has_to_be_named() -> None:
    message = refusal(None)
    assert message.startswith('LOCAL_ENGINE is "diffusers", which needs DIFFUSERS_MODEL')
    assert "stabilityai/sd-turbo" in message


@pytest.mark.parametrize("value", ["/no/such/folder", "sd-turbo", "a/b/c", "../up", "~/nowhere", "owner/na me"])
def test_what_is_neither_folder_nor_hub_id_is_refused(value: str) -> None:
    assert refusal(value).endswith(f'"{value}" is neither')


def test_a_folder_without_an_index_is_refused(folder: Path) -> None:
    (folder / "model_index.json").unlink()
    assert refusal(str(folder)).endswith(f'"{folder}" has no model_index.json')


@pytest.mark.parametrize("text", ["{", "[]", "{}", "\ud800".encode("utf-8", "surrogatepass")])
def test_an_unreadable_index_is_refused(folder: Path, text: str | bytes) -> None:
    (folder / "model_index.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    assert f'model_index.json in "{folder}"' in refusal(str(folder))


def test_a_missing_part_is_refused(folder: Path) -> None:
    index = INDEX | {"vae": ["diffusers", "AutoencoderKL"]}
    (folder / "model_index.json").write_text(json.dumps(index), "utf-8")
    assert refusal(str(folder)).endswith(f'"{folder}" lacks its part vae')


@pytest.mark.parametrize(
    ("length", "rest"),
    [
        (len(WEIGHTS), WEIGHTS + bytes(7)),
        (len(WEIGHTS), WEIGHTS + bytes(9)),
        (1 << 60, WEIGHTS),
        (len(WEIGHTS), b"version https://git-lfs.github.com/spec/v1\noid sha256:0123456789abcdef"),
        (2, b"[]"),
    ],
    ids=["cut short", "too long", "no header", "LFS pointer", "not a table"],
)
def test_weights_that_are_not_whole_are_refused(folder: Path, length: int, rest: bytes) -> None:
    write_weights(folder, length, rest)
    assert "unet/model.safetensors is not whole" in refusal(str(folder))


@pytest.mark.skipif(not MISSING, reason="the extra [diffusers] is installed")
def test_missing_packages_stop_the_start_and_the_message_says_what_to_install(folder: Path) -> None:
    settings = Settings.read(
        {"IMAGE_BACKEND": "local", "LOCAL_ENGINE": "diffusers", "DIFFUSERS_MODEL": str(folder), **MEMORY}
    )
    with pytest.raises(SettingError) as caught:
        assemble(settings)
    assert str(caught.value) == (
        f'LOCAL_ENGINE is "diffusers", which needs {", ".join(MISSING)}: '
        "run pip install -e '.[diffusers]' in the checkout, or set LOCAL_ENGINE to \"illustrator\""
    )


@pytest.mark.skipif(bool(MISSING), reason="the extra [diffusers] is not installed")
def test_a_source_tells_its_name_and_not_where_it_lies(folder: Path) -> None:
    assert ModelSource.of(str(folder)) == ModelSource(str(folder.resolve()), is_folder=True)
    assert ModelSource.of(str(folder)).name == "my-model"
    assert ModelSource.of("stabilityai/sd-turbo").name == "stabilityai/sd-turbo"


def test_another_engine_or_backend_does_not_look_at_the_model() -> None:
    unused = {"DIFFUSERS_MODEL": "/no/such/folder", **MEMORY}
    assert assemble(Settings.read(unused)).gateway.backend.name == "local"
    account = {"CLOUDFLARE_ACCOUNT_ID": "a" * 32, "CLOUDFLARE_API_TOKEN": "t" * 40, "LOCAL_ENGINE": "diffusers"}
    assert assemble(Settings.read(account | unused)).gateway.backend.name == "workers-ai"


def test_the_engine_is_one_of_two() -> None:
    with pytest.raises(SettingError, match='LOCAL_ENGINE must be one of illustrator, diffusers; "gpu" is not'):
        Settings.read({"LOCAL_ENGINE": "gpu"})


MEMORY = {"IMAGE_STORAGE_URL": "memory:"}
