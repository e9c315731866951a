"""YAML with places: every value knows its line, so that every error can show it.

PyYAML's node tree is read directly: constructed Python values would have lost their places, and YAML 1.1's rules for
numbers (``1e-5`` is text, ``1:30`` is ninety, ``010`` is eight) are not what people mean in a study.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from budgetnet.errors import BudgetnetError, StudyError
from budgetnet.files.yaml_nodes import NotYaml, compose
from budgetnet.grammar.source import Source, Span
from budgetnet.keys.declare import unknown_key
from budgetnet.keys.key import BadValueError, Key
from budgetnet.numbers import read_number

__all__ = ["Document", "Field", "Section", "read_yaml"]


@dataclass(frozen=True, slots=True)
class Document:
    """A YAML file's text, which errors quote."""

    source: Source
    what: str
    """The kind of file, with an article: ``a study``."""
    raises: type[BudgetnetError] = StudyError
    """The class of its errors."""

    def error(self, mark: yaml.Mark | None, message: str, *, length: int = 1) -> BudgetnetError:
        """Return an error with file, line, column, the line and a caret."""
        span = Span(mark.line + 1, mark.column + 1, length) if mark is not None else Span(0, 0)
        return self.raises(str(self.source.error(span, message)))


@dataclass(frozen=True, slots=True)
class Field:
    """One value of a file."""

    document: Document
    node: yaml.Node
    path: str
    """The keys that lead to it, with dots: ``search.trials``."""

    def error(self, message: str) -> BudgetnetError:
        """Return an error that points at this value."""
        mark = self.node.start_mark
        value = self.node.value if isinstance(self.node, yaml.ScalarNode) and self.node.style is None else ""
        return self.document.error(mark, message, length=max(1, len(value)))

    def wrong(self, wanted: str, advice: str = "") -> BudgetnetError:
        """Return an error that gives the rule, the value and what to do."""
        return self.error(f"{self.path} must be {wanted}, but got {self._shown()}{advice}")

    def _shown(self) -> str:
        match self.node:
            case yaml.ScalarNode():
                return repr(self.node.value) if self.node.value else "nothing"
            case yaml.SequenceNode():
                return "a list"
            case _:
                return "a mapping"

    @contextmanager
    def blamed(self) -> Iterator[None]:
        """Add this value's path and place to errors raised in the block."""
        try:
            yield
        except BadValueError as error:
            raise self.error(f"{self.path} {error.problem}") from None
        except BudgetnetError as error:
            raise self.error(str(error)) from None

    # --- readings -----------------------------------------------------------------------------------

    @property
    def is_mapping(self) -> bool:
        """True if the value is a mapping."""
        return isinstance(self.node, yaml.MappingNode)

    @property
    def is_list(self) -> bool:
        """True if the value is a list."""
        return isinstance(self.node, yaml.SequenceNode)

    def text(self, wanted: str = "a text") -> str:
        """Return the value as it is written (``8`` is the text ``"8"``)."""
        if not isinstance(self.node, yaml.ScalarNode) or not self.node.value.strip():
            raise self.wrong(wanted)
        return str(self.node.value)

    def value(self, declared: Key) -> Any:
        """Return the value in the type that its key declares."""
        word = self.text(declared.rule)
        with self.blamed():
            return declared.read(word)

    def argument(self, *, numeric: bool) -> int | float | bool | str:
        """Return a primitive's argument: ``true``, ``false``, a number if *numeric*, or a text (always if quoted)."""
        word = self.text("a number, a word, true or false")
        if isinstance(self.node, yaml.ScalarNode) and self.node.style is None:
            if word in ("true", "false"):
                return word == "true"
            if numeric:
                with suppress(ValueError):
                    return read_number(word)
        return word

    def file(self, folder: Path, wanted: str) -> Path:
        """Return a path, relative to *folder* unless it is absolute; ``~`` is the home directory."""
        word = self.text(wanted).strip()
        try:
            path = folder / Path(word).expanduser()
            with suppress(FileNotFoundError, NotADirectoryError):
                path.stat()  # raises for texts that cannot be a path
        except (OSError, RuntimeError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error).rstrip(".")
            raise self.error(f"{self.path} must be {wanted}, but got something that is not a path: {reason}") from None
        return path

    def block(self) -> tuple[str, int, int]:
        """Return a text that may have several lines, its first line in the file and its indentation there."""
        text = self.text()
        first, style = self.node.start_mark, getattr(self.node, "style", None)
        if style != "|":
            return text, first.line + 1, first.column + (style is not None)
        lines = self.document.source.text.split("\n")[first.line + 1 :]
        # With an explicit indentation indicator (`|2`) further spaces belong to the text.
        indents = (len(line) - len(own) for own, line in zip(text.split("\n"), lines, strict=False) if own.strip())
        return text, first.line + 2, next(indents, 0)

    @property
    def is_block(self) -> bool:
        """True if the value is one line, or a literal block."""
        return getattr(self.node, "style", None) == "|" or self.node.start_mark.line == self.node.end_mark.line

    def items(self) -> list[Field]:
        """Return the values of a list."""
        if not isinstance(self.node, yaml.SequenceNode):
            raise self.wrong("a list")
        return [Field(self.document, node, f"{self.path}[{index}]") for index, node in enumerate(self.node.value)]

    def section(self, legal: Mapping[str, Key] | Collection[str]) -> Section:
        """Return the value as a mapping with only *legal* keys."""
        if not isinstance(self.node, yaml.MappingNode):
            keys = f"a mapping with the key{'s' if len(legal) > 1 else ''} {', '.join(legal)}"
            raise self.error(f"{self.path} must be {keys}, but got {self._shown()}")
        return Section(self.document, self.node, self.path, legal)


class Section:
    """A mapping whose keys have been checked against the legal ones."""

    def __init__(
        self, document: Document, node: yaml.MappingNode, path: str, legal: Mapping[str, Key] | Collection[str]
    ) -> None:
        self.document = document
        self.path = path
        self.node = node
        self.legal = legal if isinstance(legal, Mapping) else {name: Key(name=name, help="") for name in legal}
        self._fields: dict[str, Field] = {}
        self._keys: dict[str, yaml.Node] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value) if isinstance(key_node, yaml.ScalarNode) else ""
            length = max(1, len(key))
            if key not in self.legal:
                message = self._thousands(key_node) or (
                    f"{path or document.what} has no key {key!r}{unknown_key(key, self.legal)}"
                )
                raise document.error(key_node.start_mark, message, length=length)
            if key in self._fields:
                first = self._keys[key].start_mark.line + 1
                message = f"{self._path(key)} is given twice, first on line {first}; keep one"
                raise document.error(key_node.start_mark, message, length=length)
            self._keys[key] = key_node
            self._fields[key] = Field(document, value_node, self._path(key))

    def _path(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key

    def _thousands(self, stray: yaml.Node) -> str | None:
        """Explain a key of three digits after a number: ``{params: 200,000}`` is ``params: 200`` and a key ``000``."""
        entries = list(self.node.value)
        place = next(index for index, (key_node, _) in enumerate(entries) if key_node is stray)
        groups = [node.value for node, value in entries[place:] if value.value == "" and len(str(node.value)) == 3]
        if place == 0 or not groups or not all(str(group).isdecimal() for group in groups):
            return None
        key_node, value_node = entries[place - 1]
        if not (isinstance(value_node, yaml.ScalarNode) and str(value_node.value).isdecimal()):
            return None
        digits = [value_node.value, *groups]
        return (
            f"{self._path(str(key_node.value))} must not have commas inside braces, where YAML reads "
            f"{','.join(digits)} as {digits[0]} and a key {digits[1]}; write {key_node.value}: {'_'.join(digits)}"
        )

    def get(self, key: str) -> Field | None:
        """Return the value of a key, or None if the key is absent."""
        return self._fields.get(key)

    def require(self, key: str) -> Field:
        """Return the value of a key.

        Raises:
            BudgetnetError: the key is absent; the message gives an example.
        """
        field = self._fields.get(key)
        if field is None:
            mark = self.node.start_mark if self.node.value else None
            example = f"{key}: {self.legal[key].shown_example}"
            message = f"{self.path or self.document.what} needs the key {key!r}, for example: {example}"
            raise self.document.error(mark, message)
        return field

    def values(self, declared: Mapping[str, Key], **readers: Callable[[Field], Any]) -> dict[str, Any]:
        """Read the keys in *declared* that are given or required; return the values by the names of their fields.

        Args:
            declared: the keys to read.
            readers: functions for keys that are not read by their kind alone, by the key's name.
        """
        found: dict[str, Any] = {}
        for name, entry in declared.items():
            field = self.require(name) if entry.required else self.get(name)
            if field is not None:
                found[entry.field] = readers[name](field) if name in readers else field.value(entry)
        return found

    @contextmanager
    def blamed(self) -> Iterator[None]:
        """Add the place of the key that an error names, if that key is written."""
        try:
            yield
        except BadValueError as error:
            key = error.key.removeprefix(f"{self.path}.") if self.path else error.key
            place = self._innermost(key.split("."))
            length = len(place.value) if isinstance(place, yaml.ScalarNode) else 1
            raise self.document.error(place.start_mark, f"{self._path(key)} {error.problem}", length=length) from None

    def _innermost(self, keys: list[str]) -> yaml.Node:
        """Return the innermost of the nested keys that is written, or this section."""
        place: yaml.Node = self.node
        node: yaml.Node = self.node
        for name in keys:
            pairs = node.value if isinstance(node, yaml.MappingNode) else ()
            for key_node, value_node in pairs:
                if key_node.value == name:
                    place, node = key_node, value_node
                    break
            else:
                break
        return place

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __contains__(self, key: str) -> bool:
        return key in self._fields


def read_yaml(
    text: str,
    *,
    name: str,
    what: str,
    legal: Mapping[str, Key],
    example: str,
    alien: tuple[str, str],
    raises: type[BudgetnetError] = StudyError,
) -> Section:
    """Read a YAML text whose top level is a mapping with the keys in *legal*.

    Args:
        text: the file's text.
        name: the file's name, for errors.
        what: the kind of file, with an article, for errors.
        legal: the keys that may occur.
        example: a minimal file, for the error about an empty one.
        alien: a key that only another kind of file has, and the message for that case.
        raises: the class of errors.

    Raises:
        BudgetnetError: an error of class *raises*: not YAML, not a mapping, or a key is unknown or given twice.
    """
    document = Document(Source(text, name), what, raises)
    try:
        node = compose(text)
    except NotYaml as problem:
        raise raises(str(document.source.error(problem.span, problem.message))) from None
    if node is None:
        raise raises(f"{name}: the file is empty; a minimal {what.removeprefix('a ')} is:\n{example}")
    if not isinstance(node, yaml.MappingNode):
        raise document.error(node.start_mark, f"{what} consists of 'key: value' lines; a minimal one is:\n{example}")
    if any(key_node.value == alien[0] for key_node, _ in node.value):
        raise raises(alien[1])
    return Section(document, node, "", legal)
