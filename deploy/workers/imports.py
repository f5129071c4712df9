"""Which of our modules a module reaches by import, wherever in its code the import stands."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE: Final = "cloudflare_image_mcp"
ROOT: Final = Path(__file__).parents[2]
SOURCE: Final = ROOT / "src"


def reached(entry: str) -> dict[str, Path]:
    """Our modules that ``entry`` reaches, by name: what it imports anywhere, and the packages above.

    Imports for type checkers alone do not count, nor those in the functions of a package that is only passed through.
    """
    found: dict[str, Path] = {}
    waiting = [(entry, True)]
    seen: set[tuple[str, bool]] = set()
    while waiting:
        name, whole = waiting.pop()
        path = _file(name)
        if path is None or (name, whole) in seen:
            continue
        seen.add((name, whole))
        found[name] = path
        waiting += [(other, True) for other in imported(path, name, whole=whole)]
        if "." in name:
            waiting.append((name.rpartition(".")[0], False))
    return found


def imported(path: Path, name: str, *, whole: bool = True) -> list[str]:
    """The modules that the file imports: for ``from a import b`` it is ``a``, or ``a.b`` where that is one of ours.
    ``whole``: in its functions too.
    """
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    names: list[str] = []
    for node in _running(ast.parse(path.read_text("utf-8")), whole):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parent = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*parent, *([node.module] if node.module else [])])
            names += [_meant(base, alias.name) for alias in node.names]
    return names


def _meant(base: str, name: str) -> str:
    return base if _file(f"{base}.{name}") is None else f"{base}.{name}"


def _running(tree: ast.AST, whole: bool) -> Iterator[ast.AST]:
    """The nodes of a module but for the bodies of ``if TYPE_CHECKING``."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            for other in node.orelse:
                yield other
                yield from _running(other, whole)
            continue
        if not whole and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        yield node
        yield from _running(node, whole)


def _file(name: str) -> Path | None:
    if name != PACKAGE and not name.startswith(f"{PACKAGE}."):
        return None
    path = SOURCE.joinpath(*name.split("."))
    if (path / "__init__.py").is_file():
        return path / "__init__.py"
    return path.with_name(path.name + ".py") if path.with_name(path.name + ".py").is_file() else None
