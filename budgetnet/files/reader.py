"""YAML with places: every value knows its line, so that every complaint can show it.

PyYAML's node tree is read directly: constructed Python values would have lost their places, and YAML 1.1's own
ideas of numbers (``1e-5`` is text, ``1:30`` is ninety, ``010`` is eight) are not what people mean in a study.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import yaml

from budgetnet.errors import StudyError, nearest
from budgetnet.files.yaml_nodes import NotYaml, compose
from budgetnet.grammar.source import Source, Span
from budgetnet.training.recipe.reading import USUAL

__all__ = ["Document", "Field", "Scalar", "Section", "read_yaml"]

Scalar = int | float | bool | str

_NUMBER = re.compile(r"[+-]?(\d[\d_]*\.?\d*|\.\d+)([eE][+-]?\d+)?")
_COUNT = re.compile(r"(\d[\d_,]*\.?\d*)\s*([kKmMgG]?)")
_UNITS = {"": 1, "k": 1_000, "m": 1_000_000, "g": 1_000_000_000}

_USUAL = {
    **USUAL,
    "name": "study",
    "data": "dataset",
    "space": "grammar",
    "n_trials": "trials",
    "jobs": "workers",
    "n_jobs": "workers",
    "timeout": "minutes",
    "time": "minutes",
    "parameters": "params",
    "macs": "flops",
    "memory": "peak_activation_bytes",
    "acc": "accuracy",
    "n": "top",
}
"""Words that other tools use, or that come to mind, for our keys."""


@dataclass(frozen=True, slots=True)
class Document:
    """A YAML file's text, which errors quote."""

    source: Source

    def error(self, mark: yaml.Mark | None, message: str, *, length: int = 1) -> StudyError:
        """Return an error with file, line, column, the line and a caret."""
        span = Span(mark.line + 1, mark.column + 1, length) if mark is not None else Span(0, 0)
        return StudyError(str(self.source.error(span, message)))


@dataclass(frozen=True, slots=True)
class Field:
    """One value of a study file."""

    document: Document
    node: yaml.Node
    path: str
    """The keys that lead to it, with dots: ``search.trials``."""

    def error(self, message: str) -> StudyError:
        """Return an error that points at this value."""
        mark = self.node.start_mark
        value = self.node.value if isinstance(self.node, yaml.ScalarNode) and self.node.style is None else ""
        return self.document.error(mark, message, length=max(1, len(value)))

    def wrong(self, wanted: str) -> StudyError:
        """Return an error that says what is wanted and what came."""
        return self.error(f"{self.path} must be {wanted}, but got {self._shown()}")

    def _shown(self) -> str:
        match self.node:
            case yaml.ScalarNode():
                return repr(self.node.value) if self.node.value else "nothing"
            case yaml.SequenceNode():
                return "a list"
            case _:
                return "a mapping"

    # --- readings -----------------------------------------------------------------------------------

    @property
    def is_mapping(self) -> bool:
        """Whether the value holds keys."""
        return isinstance(self.node, yaml.MappingNode)

    @property
    def is_list(self) -> bool:
        """Whether the value is a list."""
        return isinstance(self.node, yaml.SequenceNode)

    def text(self, wanted: str = "a text") -> str:
        """The value as it is written (``8`` is the text ``"8"``)."""
        if not isinstance(self.node, yaml.ScalarNode) or not self.node.value.strip():
            raise self.wrong(wanted)
        return str(self.node.value)

    def choice(self, legal: Sequence[str]) -> str:
        """One of the words in *legal*."""
        wanted = f"one of {', '.join(legal)}"
        word = self.text(wanted)
        if word not in legal:
            raise self.error(f"{self.path} must be {wanted}, but got {word!r}{nearest(word, legal)}")
        return word

    def whole(self, low: int = 0, high: int | None = None) -> int:
        """A whole number between *low* and *high*, inclusive."""
        wanted = f"a whole number of at least {low:,}" if high is None else f"a whole number from {low:,} to {high:,}"
        value = self._number(wanted)
        if value != int(value) or value < low or (high is not None and value > high):
            raise self.wrong(wanted)
        return int(value)

    def number(self, above: float = -math.inf) -> float:
        """A finite number above *above*."""
        wanted = "a number" if above == -math.inf else f"a number above {above:g}"
        value = self._number(wanted)
        if value <= above:
            raise self.wrong(wanted)
        return value

    def fraction(self) -> float:
        """A share between 0 and 1 (exclusive), written ``0.85`` or ``85%``."""
        wanted = "a share such as 85% or 0.85"
        word = self.text(wanted).strip()
        share = word.removesuffix("%").strip()
        if _NUMBER.fullmatch(share) is None:
            raise self.wrong(wanted)
        value = float(share.replace("_", "")) / (100 if word.endswith("%") else 1)
        if not 0 < value < 1:
            hint = f"; {word} per cent is written {word}%" if 1 <= value < 100 and not word.endswith("%") else ""
            raise self.error(f"{self.path} must lie between 0 and 1 (0% and 100%), but got {word}{hint}")
        return value

    def flag(self) -> bool:
        """``true`` or ``false``."""
        word = self.text("true or false")
        if word not in ("true", "false"):
            raise self.wrong("true or false")
        return word == "true"

    def scalar(self) -> Scalar:
        """A number, ``true``/``false`` or a word, as a grammar's arguments are read; quotes make it a text."""
        word = self.text("a number, a word, true or false")
        if isinstance(self.node, yaml.ScalarNode) and self.node.style is None:
            if word in ("true", "false"):
                return word == "true"
            if _NUMBER.fullmatch(word):
                digits = word.replace("_", "")
                return int(digits) if re.fullmatch(r"[+-]?\d+", digits) else float(digits)
        return word

    def file(self, folder: Path, wanted: str) -> Path:
        """A path, relative to *folder* unless it is absolute; ``~`` is the home directory."""
        word = self.text(wanted).strip()
        try:
            path = folder / Path(word).expanduser()
            with suppress(FileNotFoundError, NotADirectoryError):
                path.stat()  # which refuses what can be no path
        except (OSError, RuntimeError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error).rstrip(".")
            raise self.error(f"{self.path} must be {wanted}, but this can be no path: {reason}") from None
        return path

    def items(self) -> list[Field]:
        """The values of a list."""
        if not isinstance(self.node, yaml.SequenceNode):
            raise self.wrong("a list")
        return [Field(self.document, node, f"{self.path}[{index}]") for index, node in enumerate(self.node.value)]

    def section(self, legal: Collection[str], *, wanted: str = "a mapping") -> Section:
        """The value as a mapping with only *legal* keys."""
        if not isinstance(self.node, yaml.MappingNode):
            raise self.error(f"{self.path} must be {wanted} with the keys {', '.join(legal)}, but got {self._shown()}")
        return Section(self.document, self.node, self.path, legal)

    def _number(self, wanted: str) -> float:
        word = self.text(wanted).strip()
        value = math.inf
        if match := _COUNT.fullmatch(word):
            value = float(match[1].replace("_", "").replace(",", "")) * _UNITS[match[2].lower()]
        elif _NUMBER.fullmatch(word):
            value = float(word.replace("_", ""))
        if not math.isfinite(value):
            raise self.wrong(wanted)
        return value


class Section:
    """A mapping whose keys have been checked against the legal ones."""

    def __init__(self, document: Document, node: yaml.MappingNode, path: str, legal: Collection[str]) -> None:
        self.document = document
        self.path = path
        self.node = node
        self._fields: dict[str, Field] = {}
        self._keys: dict[str, yaml.Node] = {}
        where = f"{path} has" if path else "a study has"
        for key_node, value_node in node.value:
            key = str(key_node.value) if isinstance(key_node, yaml.ScalarNode) else ""
            length = max(1, len(key))
            if key not in legal:
                usual = _USUAL.get(key.lower())
                meant = f"; did you mean {usual!r}?" if usual in legal else nearest(key, legal)
                hint = meant or f"; known keys: {', '.join(legal)}"
                raise document.error(key_node.start_mark, f"{where} no key {key!r}{hint}", length=length)
            if key in self._fields:
                first = self._keys[key].start_mark.line + 1
                message = f"{path + '.' if path else ''}{key} is given twice, first on line {first}; keep one"
                raise document.error(key_node.start_mark, message, length=length)
            self._keys[key] = key_node
            self._fields[key] = Field(document, value_node, f"{path}.{key}" if path else key)

    def get(self, key: str) -> Field | None:
        """The value of a key, or None where the key is absent."""
        return self._fields.get(key)

    def require(self, key: str, example: str) -> Field:
        """The value of a key.

        Raises:
            StudyError: the key is absent; the message gives an example.
        """
        field = self._fields.get(key)
        if field is None:
            mark = self.node.start_mark if self.node.value else None
            raise self.document.error(mark, f"{self.path or 'a study'} needs the key {key!r}, for example: {example}")
        return field

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __contains__(self, key: str) -> bool:
        return key in self._fields

    def error_at_key(self, key: str, message: str) -> StudyError:
        """Return an error that points at a key."""
        return self.document.error(self._keys[key].start_mark, message, length=len(key))


def read_yaml(text: str, *, name: str, legal: Collection[str], example: str) -> Section:
    """Read a YAML text whose top level is a mapping with the keys in *legal*.

    Args:
        text: the file's text.
        name: the file's name, for errors.
        legal: the keys that may occur.
        example: what a smallest file looks like, for the error about an empty one.

    Raises:
        StudyError: not YAML, not a mapping, or a key is unknown or given twice.
    """
    document = Document(Source(text, name))
    try:
        node = compose(text)
    except NotYaml as problem:
        raise StudyError(str(document.source.error(problem.span, problem.message))) from None
    if node is None:
        raise StudyError(f"{name}: the file is empty; a smallest study is:\n{example}")
    if not isinstance(node, yaml.MappingNode):
        raise document.error(node.start_mark, f"a study is made of 'key: value' lines; a smallest one is:\n{example}")
    return Section(document, node, "", legal)
