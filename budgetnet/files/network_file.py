"""Architecture files: a YAML header with what a network claims to be, and the network's text.

::

    format: budgetnet/1
    name: small
    input: [3, 32, 32]
    classes: 10
    counts: {params: 100416, flops: 69083264}
    network: |
      network = conv(3, 24) gap linear(classes)

A network with own primitives names the Python files that define them, relative to its own: ``plugins: [blocks.py]``.
Reading it runs them (`budgetnet.files.plugins.plugins`).

The text may hold several rules and imports (files are looked for beside the architecture file), as long as
nothing is left to choose. The counts are the closed form's and are checked when the file is read.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from budgetnet.derivation.expand import expand, refuse
from budgetnet.errors import CountError, LanguageError, nearest
from budgetnet.files.plugins.plugins import NO_PLUGINS, Plugins, load_plugins, read_file
from budgetnet.files.yaml_nodes import NotYaml, compose
from budgetnet.grammar.load import load
from budgetnet.grammar.source import Source, Span
from budgetnet.network.cost import closed_form
from budgetnet.network.cost.types import CustomForm
from budgetnet.network.nodes import Node, Shape
from budgetnet.network.text import network_text
from budgetnet.ops.registry import BUILTIN
from budgetnet.ops.signature import Vocabulary

__all__ = ["FORMAT", "Architecture", "parse", "read", "write"]

FORMAT = "budgetnet/1"
_KEYS = ("format", "name", "input", "classes", "counts", "source", "plugins", "network")
_COUNTS = ("params", "flops")
_EXAMPLE = "a network file begins with: format: budgetnet/1"
_LARGEST = 1_000_000
_NO_FORMS: Mapping[str, CustomForm] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """One network with everything needed to count and build it."""

    name: str
    input_shape: Shape
    """``(channels, height, width)`` of one image."""
    classes: int
    network: Node
    claimed: dict[str, int] | None = None
    """``params`` and ``flops`` as its file states them; checked when it was read."""
    source: str = ""
    """Where the network comes from, in words."""
    plugins: Plugins = NO_PLUGINS
    """The own primitives that the network uses."""


def read(
    path: Path | str, *, vocabulary: Vocabulary | None = None, custom: Mapping[str, CustomForm] = _NO_FORMS
) -> Architecture:
    """Read an architecture file.

    Args:
        path: the YAML file.
        vocabulary: the primitives that its text may call; the built-in ones by default.
        custom: closed forms of own primitives that come from elsewhere, by name.

    Raises:
        LanguageError: anything in the file is wrong, located in it.
        ShapeError: the network cannot be applied to its input, or does not end with its classes.
        RequestError: a plug-in that it names cannot be used.
        CountError: it holds an own primitive that cannot be counted.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise LanguageError(f"{path}: there is no such file; name an architecture file (.yaml)") from None
    except UnicodeDecodeError:
        raise LanguageError(f"{path}: not plain text in UTF-8; an architecture file is YAML") from None
    except OSError as error:
        raise LanguageError(f"{path}: cannot be read: {error.strerror}; name an architecture file (.yaml)") from None
    return parse(text, name=str(path), folder=path.parent, vocabulary=vocabulary, custom=custom)


def parse(
    text: str,
    *,
    name: str = "<text>",
    folder: Path | None = None,
    vocabulary: Vocabulary | None = None,
    custom: Mapping[str, CustomForm] = _NO_FORMS,
) -> Architecture:
    """Read the text of an architecture file; arguments and errors as for `read`.

    Args:
        text: the YAML text.
        name: the file's name, for errors.
        folder: where the network's text finds the files it imports, and its plug-ins; None forbids both.
        vocabulary: the primitives that may be called beside those of its plug-ins.
        custom: closed forms of own primitives that come from elsewhere, by name.
    """
    source = Source(text, name)
    header = _Header(source, _compose(source))
    version = header.text("format")
    if version != FORMAT:
        raise header.error("format", f"format must be {FORMAT}, got {version!r}; is it another kind of file?")
    input_shape = header.shape("input")
    classes = header.number("classes", low=1)
    plugins = _plugins(header, folder) if "plugins" in header.nodes else NO_PLUGINS
    vocabulary = Vocabulary({**(vocabulary or Vocabulary(BUILTIN)).signatures, **plugins.signatures})
    custom = {**custom, **plugins.forms}
    block, first_line, indent = header.block("network")
    grammar = load(block, name=name, first_line=first_line, indent=indent, vocabulary=vocabulary, folder=folder)
    network = expand(
        grammar, input_shape=input_shape, classes=classes, vocabulary=vocabulary, choose=refuse, custom=custom
    ).network
    claimed = header.counts("counts") if "counts" in header.nodes else None
    if claimed:
        total = closed_form.cost(network, input_shape, custom=custom)
        for count, actual in (("params", total.params), ("flops", total.flops)):
            stated = claimed.get(count, actual)
            if stated != actual:
                raise header.error(
                    "counts",
                    f"the file claims {stated:,} {count}, but its network has {actual:,}; "
                    "correct the claim, or the network if the claim is what was meant",
                )
    return Architecture(
        name=header.text("name") if "name" in header.nodes else Path(name).stem,
        input_shape=input_shape,
        classes=classes,
        network=network,
        claimed=claimed,
        source=header.text("source") if "source" in header.nodes else "",
        plugins=plugins.of(network),
    )


def _plugins(header: _Header, folder: Path | None) -> Plugins:
    names = header.texts("plugins")
    if folder is None:
        raise header.error("plugins", "this text is not a file, so has no folder in which plug-ins could be")
    return load_plugins([read_file(folder / name) for name in names])


def write(path: Path | str | None, architecture: Architecture, *, custom: Mapping[str, CustomForm] = _NO_FORMS) -> str:
    """Return an architecture as the text of its file, and write it to *path* unless that is None.

    The counts are worked out anew; where an own primitive is unknown they are taken from `Architecture.claimed`, or
    left out. Plug-ins are named relative to the file's folder (to the working directory if *path* is None).

    Raises:
        LanguageError: the file cannot be written.
    """
    try:
        forms = {**custom, **architecture.plugins.forms}
        total = closed_form.cost(architecture.network, architecture.input_shape, custom=forms)
        counts: dict[str, int] | None = {"params": total.params, "flops": total.flops}
    except CountError:
        counts = architecture.claimed
    lines = [f"format: {FORMAT}"]
    if architecture.name:
        lines.append(_text_line("name", architecture.name))
    lines += [f"input: [{', '.join(map(str, architecture.input_shape))}]", f"classes: {architecture.classes}"]
    if counts:
        lines.append(f"counts: {{{', '.join(f'{name}: {count}' for name, count in counts.items())}}}")
    if architecture.source:
        lines.append(_text_line("source", architecture.source))
    if architecture.plugins.files:
        home = Path(path).parent if path is not None else Path()
        names = [Path(os.path.relpath(file.path, home)).as_posix() for file in architecture.plugins.files]
        listed: str = yaml.safe_dump(names, default_flow_style=True, allow_unicode=True, width=10_000)
        lines.append(f"plugins: {listed.rstrip()}")
    block = [f"  {line}" if line else "" for line in network_text(architecture.network).rstrip().split("\n")]
    text = "\n".join([*lines, "network: |", *block, ""])
    if path is not None:
        try:
            Path(path).write_text(text, encoding="utf-8")
        except OSError as error:
            raise LanguageError(f"{path}: cannot be written: {error.strerror}; choose another place") from None
    return text


def _text_line(key: str, text: str) -> str:
    dumped: str = yaml.safe_dump({key: text}, allow_unicode=True, width=110)
    return dumped.rstrip("\n")


def _compose(source: Source) -> yaml.MappingNode:
    try:
        root = compose(source.text)
    except NotYaml as problem:
        raise source.error(problem.span, problem.message) from None
    if not isinstance(root, yaml.MappingNode):
        raise source.error(Span(1, 1), f"an architecture file is made of 'key: value' lines; {_EXAMPLE}")
    return root


class _Header:
    """The keys of the file, each with its place."""

    def __init__(self, source: Source, root: yaml.MappingNode) -> None:
        self._source = source
        self.nodes = self._fields(root, _KEYS, "an architecture file")

    def _fields(self, node: yaml.MappingNode, legal: tuple[str, ...], what: str) -> dict[str, yaml.Node]:
        found: dict[str, yaml.Node] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value) if isinstance(key_node, yaml.ScalarNode) else ""
            if key not in legal:
                hint = nearest(key, legal) or f"; its keys are {', '.join(legal)}"
                raise self._at(key_node, f"{what} has no key {key!r}{hint}", length=len(key))
            if key in found:
                raise self._at(key_node, f"{key} is given twice; keep one", length=len(key))
            found[key] = value_node
        return found

    def _at(self, node: yaml.Node, message: str, *, length: int = 1) -> LanguageError:
        mark = node.start_mark
        return self._source.error(Span(mark.line + 1, mark.column + 1, max(1, length)), message)

    def error(self, key: str, message: str) -> LanguageError:
        """Return an error that points at a key's value."""
        return self._at(self.nodes[key], message)

    def _node(self, key: str) -> yaml.Node:
        node = self.nodes.get(key)
        if node is None:
            raise LanguageError(
                f"{self._source.name}: the key {key!r} is missing; an architecture file has {', '.join(_KEYS)}"
            )
        return node

    def text(self, key: str) -> str:
        """A key's value as written."""
        node = self._node(key)
        if not isinstance(node, yaml.ScalarNode) or not node.value.strip():
            raise self._at(node, f"{key} must be a text")
        return str(node.value)

    def texts(self, key: str) -> list[str]:
        """A list of texts; a single one may stand without brackets."""
        node = self._node(key)
        entries = node.value if isinstance(node, yaml.SequenceNode) else [node]
        for entry in entries:
            if not isinstance(entry, yaml.ScalarNode) or not entry.value.strip():
                raise self._at(entry, f"{key} must be a list of files, for example [blocks.py]")
        return [str(entry.value) for entry in entries]

    def number(self, key: str, low: int, high: int = _LARGEST) -> int:
        """A whole number."""
        return self._whole(self._node(key), key, low, high)

    def shape(self, key: str) -> Shape:
        """``[3, 32, 32]``."""
        node = self._node(key)
        if not isinstance(node, yaml.SequenceNode) or len(node.value) != 3:
            raise self._at(node, f"{key} must be [channels, height, width], for example [3, 32, 32]")
        return tuple(self._whole(entry, f"each number of {key}", 1, _LARGEST) for entry in node.value)

    def counts(self, key: str) -> dict[str, int]:
        """``{params: 100416, flops: 69083264}``."""
        node = self._node(key)
        if not isinstance(node, yaml.MappingNode):
            raise self._at(node, f"{key} must be a mapping, for example {{params: 100416, flops: 69083264}}")
        fields = self._fields(node, _COUNTS, key)
        return {name: self._whole(value, f"{key}.{name}", 0, 10**18) for name, value in fields.items()}

    def _whole(self, node: yaml.Node, what: str, low: int, high: int) -> int:
        word = str(node.value).replace("_", "").replace(",", "") if isinstance(node, yaml.ScalarNode) else ""
        if not (word.isdecimal() and word.isascii() and len(word) < 20 and low <= int(word) <= high):
            came = repr(node.value) if isinstance(node, yaml.ScalarNode) else "something else"
            raise self._at(node, f"{what} must be a whole number from {low} to {high:,}, got {came}")
        return int(word)

    def block(self, key: str) -> tuple[str, int, int]:
        """A text with its first line in the file and its indentation there."""
        node, text = self._node(key), self.text(key)
        if not isinstance(node, yaml.ScalarNode) or node.style != "|":
            mark = node.start_mark
            return text, mark.line + 1, mark.column + (0 if getattr(node, "style", None) is None else 1)
        first = node.start_mark.line + 1
        lines = self._source.text.split("\n")[first:]
        shown = next((line for line in lines if line.strip()), "")
        inside = next(line for line in text.split("\n") if line.strip())
        # An explicit indentation indicator (`|2`) leaves spaces to the text itself.
        return text, first + 1, len(shown) - len(shown.lstrip(" ")) - (len(inside) - len(inside.lstrip(" ")))
