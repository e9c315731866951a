"""Extract the source of a study's own primitives from their files, with everything they need."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Sequence
from dataclasses import dataclass

from budgetnet.errors import ExportError
from budgetnet.network.torch.build import CustomModule

__all__ = ["PluginSource", "plugin_source"]


@dataclass(frozen=True, slots=True)
class PluginSource:
    """Text for a file that stands alone."""

    imports: list[str]
    definitions: list[str]
    """Functions, classes and constants in the order of their files."""


def plugin_source(makers: Sequence[CustomModule], *, taken: Sequence[str]) -> PluginSource:
    """Return what the makers (classes or functions of a Python file) need to run elsewhere.

    From each file it takes the top-level statements that a maker refers to, directly or through another.
    Annotations alone make no statement needed (the file they go to does not evaluate them), but what they name is
    imported where it can be. Closed forms (a class's static method
    ``cost``) stay behind: they are budgetnet's.

    Args:
        makers: classes or functions that make a primitive.
        taken: names that the file defines otherwise.

    Raises:
        ExportError: a maker's source is not available, needs budgetnet, or uses a name that is taken.
    """
    imports: list[str] = []
    definitions: list[str] = []
    for maker in makers:
        name = getattr(maker, "__name__", type(maker).__name__)
        try:
            module = inspect.getmodule(maker)
            text = inspect.getsource(module) if module is not None else ""
        except (OSError, TypeError):
            text = ""
        statements = ast.parse(text).body
        if not any(name in _defined(statement) for statement in statements):
            raise ExportError(f"the source of {name} is not available; define it at the top level of a Python file")
        for statement in _needed(name, statements):
            if isinstance(statement, ast.Import | ast.ImportFrom):
                line = ast.unparse(statement)
                if _stays_here(statement):
                    raise ExportError(f"{name} needs `{line}`, which an exported file does not have; do without it")
                _add(imports, line)
                continue
            clash = sorted(_defined(statement) & set(taken))
            if clash:
                raise ExportError(f"{name} defines {clash[0]!r}, which the exported file defines too; rename it")
            _add(definitions, _text(statement, text))
    return PluginSource(imports, definitions)


def _needed(name: str, statements: list[ast.stmt]) -> list[ast.stmt]:
    """The statements that define *name* and, transitively, all that they refer to; in the file's order."""
    wanted, chosen = {name}, set[int]()
    while True:
        found = {index for index, statement in enumerate(statements) if _defined(statement) & wanted} - chosen
        if not found:
            wanted |= set().union(*(_names(statements[index], hints=True) for index in chosen))
            chosen |= {index for index, statement in enumerate(statements) if _can_leave(statement, wanted)}
            return [_only(wanted, statements[index]) for index in sorted(chosen)]
        chosen |= found
        for index in found:
            wanted |= _names(statements[index])


def _names(node: ast.AST, *, hints: bool = False) -> set[str]:
    """The names in a piece of syntax, those in closed forms left out, and those in annotations unless *hints*."""
    if _is_form(node):
        return set()
    found = {node.id} if isinstance(node, ast.Name) else set()
    for field, value in ast.iter_fields(node):
        if hints or field not in ("annotation", "returns"):
            for child in value if isinstance(value, list) else [value]:
                found |= _names(child, hints=hints) if isinstance(child, ast.AST) else set()
    return found


def _only(wanted: set[str], statement: ast.stmt) -> ast.stmt:
    """An import without the names that nobody wants; any other statement as it is."""
    if not isinstance(statement, ast.Import | ast.ImportFrom):
        return statement
    statement.names = [alias for alias in statement.names if _bound(alias) in wanted]
    return statement


def _bound(alias: ast.alias) -> str:
    """The name that an import binds."""
    return (alias.asname or alias.name).partition(".")[0]


def _defined(statement: ast.stmt) -> set[str]:
    """The names that a top-level statement binds."""
    match statement:
        case ast.FunctionDef() | ast.ClassDef():
            return {statement.name}
        case ast.Import() | ast.ImportFrom():
            return {_bound(alias) for alias in statement.names}
        case ast.Assign() | ast.AnnAssign():
            names = (node for node in ast.walk(statement) if isinstance(node, ast.Name))
            return {node.id for node in names if isinstance(node.ctx, ast.Store)}
        case _:
            return set()


def _can_leave(statement: ast.stmt, wanted: set[str]) -> bool:
    """Return True if it imports a wanted name that an exported file can import."""
    if not isinstance(statement, ast.Import | ast.ImportFrom):
        return False
    return bool(_defined(statement) & wanted) and not _stays_here(statement)


def _stays_here(statement: ast.Import | ast.ImportFrom) -> bool:
    """Return True if it imports something that an exported file cannot: budgetnet, or a neighbouring file."""
    if isinstance(statement, ast.ImportFrom):
        return statement.level > 0 or (statement.module or "").partition(".")[0] == "budgetnet"
    return any(alias.name.partition(".")[0] == "budgetnet" for alias in statement.names)


def _text(statement: ast.stmt, text: str) -> str:
    """The statement as written, decorators and comments inside it included, closed forms not."""
    lines = text.splitlines()
    kept = set(_lines_of(statement))
    for part in statement.body if isinstance(statement, ast.ClassDef) else []:
        if _is_form(part):
            cut = _lines_of(part)
            blank = range(cut.start - 1, cut.start) if not lines[cut.start - 1].strip() else range(0)
            kept -= {*cut, *blank}
    return "\n".join(lines[number] for number in sorted(kept)).rstrip()


def _lines_of(statement: ast.stmt) -> range:
    """A statement's lines, counted from 0."""
    decorators = getattr(statement, "decorator_list", [])
    first = min([statement.lineno, *(decorator.lineno for decorator in decorators)])
    return range(first - 1, statement.end_lineno or first)


def _is_form(node: ast.AST) -> bool:
    """Return True if it is the closed form of a primitive's class."""
    return (
        isinstance(node, ast.FunctionDef)
        and node.name == "cost"
        and any(isinstance(decorator, ast.Name) and decorator.id == "staticmethod" for decorator in node.decorator_list)
    )


def _add(lines: list[str], line: str) -> None:
    if line not in lines:
        lines.append(line)
