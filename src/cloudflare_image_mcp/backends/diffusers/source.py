"""Where the diffusion model comes from, with the checks that need no loading."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Self

from cloudflare_image_mcp.errors import SettingError

PACKAGES: Final = ("diffusers", "transformers", "accelerate", "torch")
INSTALL: Final = "pip install -e '.[diffusers]' in the checkout"
_ALLOWED: Final = (
    "DIFFUSERS_MODEL must be a folder that a diffusers pipeline was saved to (it holds model_index.json), "
    'or a hub id such as "stabilityai/sd-turbo"'
)
_HUB_ID: Final = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


@dataclass(frozen=True, slots=True)
class ModelSource:
    """A folder, or an id on the hub."""

    location: str
    is_folder: bool

    @classmethod
    def of(cls, setting: str | None) -> Self:
        """Reads ``DIFFUSERS_MODEL``. Imports none of the packages and opens nothing on the network.

        Raises ``SettingError`` when a package is missing or the folder is no whole pipeline.
        """
        if setting is None:
            raise SettingError(f'LOCAL_ENGINE is "diffusers", which needs DIFFUSERS_MODEL. {_ALLOWED}')
        folder = Path(setting).expanduser()
        is_folder = folder.is_dir()
        if is_folder:
            _check(folder, setting)
        elif not _HUB_ID.fullmatch(setting):
            raise SettingError(f'{_ALLOWED}; "{setting}" is neither')
        missing = [package for package in PACKAGES if find_spec(package) is None]
        if missing:
            raise SettingError(
                f'LOCAL_ENGINE is "diffusers", which needs {", ".join(missing)}: run {INSTALL}, '
                'or set LOCAL_ENGINE to "illustrator"'
            )
        return cls(str(folder.resolve()) if is_folder else setting, is_folder)

    @property
    def name(self) -> str:
        """The public name: the hub id, or the folder's name without its path."""
        return Path(self.location).name if self.is_folder else self.location


def _check(folder: Path, setting: str) -> None:
    index = _index(folder, setting)
    for part, kind in index.items():
        # A part is [library, class]; [null, null] is one that the pipeline does without.
        if not part.startswith("_") and isinstance(kind, list) and any(kind) and not (folder / part).is_dir():
            raise SettingError(f'{_ALLOWED}; "{setting}" lacks its part {part}')
    for weights in sorted(folder.glob("*/*.safetensors")):
        if not _whole(weights):
            raise SettingError(f'{_ALLOWED}; in "{setting}" {weights.relative_to(folder)} is not whole: fetch it again')


def _index(folder: Path, setting: str) -> dict[str, Any]:
    try:
        index = json.loads((folder / "model_index.json").read_text("utf-8"))
    except FileNotFoundError:
        raise SettingError(f'{_ALLOWED}; "{setting}" has no model_index.json') from None
    except (OSError, ValueError) as error:
        raise SettingError(f'{_ALLOWED}; model_index.json in "{setting}" cannot be read: {error}') from None
    if not isinstance(index, dict) or "_class_name" not in index:
        raise SettingError(f'{_ALLOWED}; model_index.json in "{setting}" names no pipeline')
    return index


def _whole(weights: Path) -> bool:
    """Whether the file is as long as its header says, https://github.com/huggingface/safetensors#format. A download
    cut short is not, nor is the pointer that Git LFS leaves in place of a file.
    """
    size = weights.stat().st_size
    with weights.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= size - 8:
            return False
        try:
            header = json.loads(file.read(length))
            ends = [tensor["data_offsets"][1] for name, tensor in header.items() if name != "__metadata__"]
        except (ValueError, TypeError, KeyError, AttributeError):
            return False
    return bool(size == 8 + length + max(ends, default=0))
