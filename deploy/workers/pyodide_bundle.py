"""Builds the Python runtime that ``workerd`` loads from disk under the flag ``python_workers_development``.

The stock way fetches a bundle from Cloudflare's host. This one is made from the npm package ``pyodide``, so that
a machine with the package registries alone can run the Worker. The glue code of Pyodide expects a browser;
``workerd`` offers its own versions of a few operations in the module ``pyodide-internal:builtin_wrappers``, and the
edits below put those in. Each edit says how often its text must occur: another Pyodide fails here, not at run time.
"""

from __future__ import annotations

import re
import struct
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

HOOKS: Final = "newWasmModule, getRandomValues, patchedLoadLibData"
INTERNAL: Final = 2
"""Cap'n Proto ``Module.type``: a module of the runtime itself."""
SOURCE, WASM, DATA = range(3)
"""Cap'n Proto ``Module``: which of its contents is set."""


@dataclass(frozen=True)
class Edit:
    why: str
    pattern: str
    replacement: str
    count: int


EDITS: Final = (
    Edit(
        "only the runtime may compile WebAssembly",
        r"new WebAssembly\.Module\(",
        "newWasmModule(",
        4,
    ),
    Edit(
        "random numbers are refused while the Worker's modules are loaded",
        r"crypto\.getRandomValues\(",
        "getRandomValues(Module,",
        1,
    ),
    Edit(
        "compiled Python modules are read from the Worker's own files",
        r"function loadLibData\(\)\{.*?\}(?=function getExports\(\))",
        "function loadLibData(){var libData=patchedLoadLibData(Module,libName,flags.rpath);"
        "return flags.loadAsync?Promise.resolve(libData):libData}",
        1,
    ),
    Edit(
        "a snapshot must find a compiled module's memory again",
        r"alignMemory\(getMemory\(",
        "alignMemory(Module.getMemoryPatched(Module,libName,",
        1,
    ),
    Edit(
        "the runtime imports the function by name",
        r"export default _createPyodideModule;",
        "export{_createPyodideModule};",
        1,
    ),
)


def patched_glue(source: str) -> str:
    """Pyodide's glue with the runtime's hooks. Exits when a text is not there as often as it must be."""
    for edit in EDITS:
        source, count = re.subn(edit.pattern, edit.replacement, source, flags=re.DOTALL)
        if count != edit.count:
            raise SystemExit(
                f"pyodide.asm.mjs: {edit.pattern} occurs {count} times, not {edit.count}: {edit.why}. "
                "The versions of pyodide and workerd in deploy/workers/package.json do not go together."
            )
    return f'import{{{HOOKS}}}from"pyodide-internal:builtin_wrappers";\n{source}'


def bundle(modules: list[tuple[str, int, bytes]]) -> bytes:
    """A Cap'n Proto message ``Bundle{modules :List(Module)}`` of (name, which content, content).

    One segment. A Module is one word of data (type and content, two u16) and two pointers, to its name (text
    ending in NUL) and to its content (bytes): https://capnproto.org/encoding.html
    """
    element = 3
    # Words before the first element: the root pointer, the pointer to the list, the list's tag.
    first = 3
    heap = first + element * len(modules)
    words: list[bytes] = [
        _struct_pointer(0, 0, 1),
        struct.pack("<II", 1, (element * len(modules)) << 3 | 7),
        struct.pack("<IHH", len(modules) << 2, 1, 2),
    ]
    tail: list[bytes] = []
    for index, (name, which, content) in enumerate(modules):
        words.append(struct.pack("<HHI", INTERNAL, which, 0))
        for pointer, data in enumerate((name.encode() + b"\0", content), start=first + element * index + 1):
            words.append(struct.pack("<II", (heap - pointer - 1) << 2 | 1, len(data) << 3 | 2))
            padded = data + bytes(-len(data) % 8)
            tail.append(padded)
            heap += len(padded) // 8
    body = b"".join(words + tail)
    return struct.pack("<II", 0, len(body) // 8) + body


def _struct_pointer(offset: int, data_words: int, pointers: int) -> bytes:
    return struct.pack("<IHH", offset << 2, data_words, pointers)


def build(package: Path, target: Path) -> None:
    """Writes ``target`` from the files of the npm package ``pyodide`` in ``package``."""
    glue = patched_glue((package / "pyodide.asm.mjs").read_text("utf-8"))
    data = bundle(
        [
            ("pyodideRuntime-internal:pyodide.asm", SOURCE, glue.encode()),
            ("pyodideRuntime-internal:pyodide.asm.wasm", WASM, (package / "pyodide.asm.wasm").read_bytes()),
            ("pyodideRuntime-internal:python_stdlib.zip", DATA, (package / "python_stdlib.zip").read_bytes()),
        ]
    )
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_suffix(".part")
    part.write_bytes(data)
    part.replace(target)


if __name__ == "__main__":
    build(Path(sys.argv[1]), Path(sys.argv[2]))
