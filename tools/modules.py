"""Reads the modules of a package: what each imports and which public names it defines.

Every import statement counts, at any depth: those inside functions and those for the type checker only are ways
through the house, too.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Module", "read_modules"]


@dataclass(frozen=True)
class Module:
    """One Python file of the package."""

    name: str
    """Dotted, without the package: ``network.cost.leaf``; a folder's ``__init__`` ends in ``.__init__``."""
    lines: int
    public: frozenset[str]
    """Names without a leading underscore that it defines at its top level; imported names are not defined here."""
    imports: frozenset[str]
    """Names of the package's modules that it imports."""
    libraries: frozenset[str]
    """Top-level names of everything else that it imports."""

    @property
    def room(self) -> str:
        """File or folder at the top of the package."""
        return self.name.split(".", maxsplit=1)[0]

    @property
    def folder(self) -> str:
        """Folder that holds the file, dotted; empty at the top of the package."""
        return self.name.rpartition(".")[0]

    @property
    def file(self) -> str:
        """Name of the file without its ending."""
        return self.name.rpartition(".")[2]


def read_modules(package: Path) -> dict[str, Module]:
    """Read every Python file of a package.

    Args:
        package: its folder.

    Returns:
        The modules by name, see `Module.name`.

    Raises:
        FileNotFoundError: there is no such package.
    """
    if not (package / "__init__.py").is_file():
        raise FileNotFoundError(f"a package is a folder with an __init__.py, but {package} has none")
    paths = {
        ".".join(path.relative_to(package).with_suffix("").parts): path
        for path in sorted(package.rglob("*.py"))
        if "__pycache__" not in path.parts
    }
    return {name: _read_module(name, path, package.name, paths) for name, path in paths.items()}


def _read_module(name: str, path: Path, package: str, known: Mapping[str, Path]) -> Module:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text, filename=str(path))
    imports: set[str] = set()
    libraries: set[str] = set()
    for target in _imported(tree, package, name):
        top, _, inside = target.partition(".")
        if top != package:
            libraries.add(top)
        elif (found := _module_of(inside, known)) is not None:
            imports.add(found)
    return Module(name, len(text.splitlines()), frozenset(_defined(tree)), frozenset(imports), frozenset(libraries))


def _imported(tree: ast.Module, package: str, name: str) -> Iterator[str]:
    """Yield what the import statements of a file name: ``package.module.name``, absolute."""
    parents = [package, *name.split(".")[:-1]]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = parents[: len(parents) - node.level + 1] if node.level else []
            origin = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{origin}.{alias.name}" for alias in node.names)


def _module_of(target: str, known: Mapping[str, Path]) -> str | None:
    """Find the module that ``from package.x import y`` asks: ``x.y``, else ``x``, each a file or a folder's init.

    ``__version__`` is no dependency: everyone may read it.
    """
    if target == "__version__":
        return None
    parts = target.split(".") if target else []
    for length in range(len(parts), -1, -1):
        stem = ".".join(parts[:length])
        for name in (stem, f"{stem}.__init__" if stem else "__init__"):
            if name in known:
                return name
    return None


def _defined(tree: ast.Module) -> Iterator[str]:
    """Yield the public names that a file defines at its top level."""
    for node in _top_level(tree.body):
        match node:
            case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                names = [node.name]
            case ast.Assign():
                names = [part.id for target in node.targets for part in ast.walk(target) if isinstance(part, ast.Name)]
            case ast.AnnAssign(target=ast.Name(id=name)):
                names = [name]
            case _ if (alias := getattr(node, "name", None)) is not None and isinstance(alias, ast.Name):
                names = [alias.id]  # type X = … of Python 3.12
            case _:
                names = []
        yield from (name for name in names if not name.startswith("_"))


def _top_level(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield statements of a module, those under ``if`` and ``try`` included."""
    for node in body:
        yield node
        if isinstance(node, ast.If):
            yield from _top_level([*node.body, *node.orelse])
        elif isinstance(node, ast.Try):
            yield from _top_level([*node.body, *node.orelse, *node.finalbody])
