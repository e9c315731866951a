"""Measures how the package is laid out: rooms, folders, imports, circles, names.

A *module* is a Python file of the package, a *room* a file or folder at its top. ``python -m tools.house`` prints the
measures of the package in this repository, ``--package DIR`` those of another one, so that two commits can be compared.
``tests/test_house.py`` asserts the same measures.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tools.modules import Module, read_modules

__all__ = ["FULL_FOLDER", "LONG_FILE", "ORDER", "ROOT", "House", "Upward", "main", "read_house"]

ROOT = Path(__file__).parents[1]
"""The repository."""

FULL_FOLDER = 16
"""Modules that one folder may hold."""

LONG_FILE = 300
"""Lines that most files stay below."""

ORDER: tuple[tuple[str, ...], ...] = (
    ("__main__",),
    ("cli",),
    ("__init__",),
    ("api",),
    ("export",),
    ("report", "calibrate"),
    ("search",),
    ("records",),
    ("workers", "explore", "draw", "convert"),
    ("files",),
    ("space",),
    ("derivation",),
    ("network",),
    ("grammar",),
    ("ops", "training"),
    ("pages", "keys"),
    ("text",),
    ("numbers",),
    ("errors",),
)
"""Rooms from top to bottom; a room imports only from itself and from lower levels, not from its neighbours."""

EARLIER_ORDER: tuple[tuple[str, ...], ...] = tuple(
    (room,)
    for room in (
        "__main__",
        "cli",
        "__init__",
        "results",
        "search",
        "training",
        "space",
        "network",
        "language",
        "errors",
    )
)
"""The order before the rooms of `ORDER`, to measure older commits by their own rule."""


@dataclass(frozen=True, order=True)
class Upward:
    """An import that leads up, or to a neighbour on the same level."""

    module: str
    imported: str

    def __str__(self) -> str:
        """Read as an arrow."""
        return f"{self.module} → {self.imported}"


@dataclass(frozen=True)
class House:
    """All modules of a package, by name."""

    modules: Mapping[str, Module]

    @cached_property
    def rooms(self) -> tuple[str, ...]:
        """Names of the rooms, sorted."""
        return tuple(sorted({module.room for module in self.modules.values()}))

    @cached_property
    def order(self) -> tuple[tuple[str, ...], ...]:
        """The order of rooms that holds here: the earlier one for a package that still has ``language/``."""
        return EARLIER_ORDER if "language" in self.rooms else ORDER

    @cached_property
    def homeless(self) -> tuple[str, ...]:
        """Rooms that have no place in the order."""
        known = {room for level in self.order for room in level}
        return tuple(room for room in self.rooms if room not in known)

    @cached_property
    def folders(self) -> dict[str, int]:
        """Number of modules of each folder, ``__init__`` not counted, fullest first."""
        sizes: dict[str, int] = defaultdict(int)
        for module in self.modules.values():
            if module.file != "__init__":
                sizes[module.folder] += 1
        return dict(sorted(sizes.items(), key=lambda item: (-item[1], item[0])))

    @cached_property
    def lines(self) -> int:
        """Lines of all files."""
        return sum(module.lines for module in self.modules.values())

    @cached_property
    def long(self) -> dict[str, int]:
        """Modules above `LONG_FILE` lines, longest first."""
        long = {name: module.lines for name, module in self.modules.items() if module.lines > LONG_FILE}
        return dict(sorted(long.items(), key=lambda item: -item[1]))

    @cached_property
    def upward(self) -> tuple[Upward, ...]:
        """Imports that do not go down."""
        level = {room: number for number, rooms in enumerate(self.order) for room in rooms}
        return tuple(
            Upward(module.name, name)
            for module in self.modules.values()
            for name in sorted(module.imports)
            if module.room != (room := self.modules[name].room)
            and module.room in level
            and room in level
            and level[room] <= level[module.room]
        )

    @cached_property
    def circles(self) -> tuple[tuple[str, ...], ...]:
        """Groups of modules in which each imports, directly or through others, every other one."""
        graph = {name: sorted(module.imports - {name}) for name, module in self.modules.items()}
        return tuple(sorted(tuple(sorted(group)) for group in _strongly_connected(graph) if len(group) > 1))

    @cached_property
    def repeated_names(self) -> dict[str, tuple[str, ...]]:
        """Public names that several modules define, with these modules."""
        return _repeated((name, module.name) for module in self.modules.values() for name in sorted(module.public))

    @cached_property
    def repeated_files(self) -> dict[str, tuple[str, ...]]:
        """File names that occur in several rooms, with these modules."""
        found = _repeated((module.file, module.name) for module in self.modules.values() if module.file != "__init__")
        return {file: names for file, names in found.items() if len({self.modules[name].room for name in names}) > 1}

    def importing(self, library: str) -> tuple[str, ...]:
        """Return the modules that import a library, sorted."""
        return tuple(sorted(name for name, module in self.modules.items() if library in module.libraries))


def read_house(package: Path) -> House:
    """Read every Python file of a package.

    Args:
        package: its folder.

    Raises:
        FileNotFoundError: there is no such package.
    """
    return House(read_modules(package))


def _repeated(pairs: Iterator[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = defaultdict(list)
    for name, module in pairs:
        found[name].append(module)
    return {name: tuple(modules) for name, modules in sorted(found.items()) if len(modules) > 1}


def _strongly_connected(graph: Mapping[str, Sequence[str]]) -> Iterator[set[str]]:
    """Yield the strongly connected components of a graph (Kosaraju: order of leaving, then the reversed graph)."""
    left: list[str] = []
    seen: set[str] = set()
    for start in graph:
        _leave(start, graph, seen, left)
    backwards: dict[str, list[str]] = {name: [] for name in graph}
    for name, targets in graph.items():
        for target in targets:
            backwards[target].append(name)
    seen = set()
    for start in reversed(left):
        group: list[str] = []
        _leave(start, backwards, seen, group)
        if group:
            yield set(group)


def _leave(start: str, graph: Mapping[str, Sequence[str]], seen: set[str], left: list[str]) -> None:
    """Walk depth first from a node, and append each new node when it is left."""
    if start in seen:
        return
    seen.add(start)
    for target in graph[start]:
        _leave(target, graph, seen, left)
    left.append(start)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the measures of a package."""
    parser = argparse.ArgumentParser(prog="python -m tools.house", description="Measure how the package is laid out.")
    parser.add_argument("--package", type=Path, default=ROOT / "budgetnet", help="folder of the package to measure")
    package: Path = parser.parse_args(arguments).package
    try:
        house = read_house(package)
    except FileNotFoundError as error:
        sys.exit(str(error))
    fullest, size = next(iter(house.folders.items()))
    print(f"files: {len(house.modules)}")
    print(f"lines: {house.lines:,}")
    print(f"largest folder: {fullest or package.name}/ with {size} modules")
    full = [f"{name or package.name}/ {size}" for name, size in house.folders.items() if size > FULL_FOLDER]
    _print_list(f"folders of more than {FULL_FOLDER} modules", full)
    _print_list("circles", [" ↔ ".join(circle) for circle in house.circles])
    _print_list("public names that several modules define", _lines(house.repeated_names))
    _print_list("file names in several rooms", _lines(house.repeated_files))
    _print_list("imports that do not go down", [str(way) for way in house.upward])
    _print_list("rooms without a place in the order", house.homeless)
    _print_list(f"files over {LONG_FILE} lines", [f"{name} {lines}" for name, lines in house.long.items()])


def _lines(found: Mapping[str, Sequence[str]]) -> list[str]:
    return [f"{name}: {', '.join(modules)}" for name, modules in found.items()]


def _print_list(title: str, entries: Sequence[str]) -> None:
    print(f"{title}: {len(entries)}")
    for entry in entries:
        print(f"  {entry}")


if __name__ == "__main__":
    main()
