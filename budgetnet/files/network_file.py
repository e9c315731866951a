"""Network files: a YAML header with the network's properties, and the network's text.

::

    format: budgetnet/1
    name: small
    input: [3, 32, 32]
    classes: 10
    counts: {params: 100416, flops: 69083264}
    network: |
      network = conv(3, 24) gap linear(classes)

A network with custom primitives names the Python files that define them, relative to its own
file: ``plugins: [blocks.py]``.
Reading it runs them (`budgetnet.files.plugins.plugins`).

The text may hold several rules and imports (files are looked for beside the network file), as long as
nothing is left to choose. The counts are the closed form's and are checked when the file is read.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import yaml

from budgetnet.derivation.expand import expand, refuse
from budgetnet.errors import CountError, LanguageError
from budgetnet.files.places import near, network_in
from budgetnet.files.plugins.plugins import NO_PLUGINS, Plugins, load_plugins, read_file
from budgetnet.files.reader import Field, read_yaml
from budgetnet.grammar.load import load_grammar
from budgetnet.keys.declare import key, keys_of
from budgetnet.keys.key import REQUIRED, Key
from budgetnet.network.cost import closed_form
from budgetnet.network.cost.types import CustomForm
from budgetnet.network.nodes import Node, Shape
from budgetnet.network.text import network_text
from budgetnet.ops.registry import BUILTIN
from budgetnet.ops.signature import Vocabulary
from budgetnet.text import ESCAPES, notebook_html

__all__ = ["FORMAT", "Network", "parse_network_file", "read", "write"]

FORMAT = "budgetnet/1"
_SMALLEST = f"""\
  format: {FORMAT}
  input: [3, 32, 32]
  classes: 10
  network: network = conv(3, 16) gap linear(classes)"""
_LARGEST = 1_000_000
_NO_FORMS: Mapping[str, CustomForm] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counts:
    """The cost that a network file states."""

    params: int | None = key(None, "Learned values.", low=0, high=10**18, example="100416")
    flops: int | None = key(None, "Multiply-adds for one image.", low=0, high=10**18, example="69083264")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Header:
    """The keys of a network file."""

    format: Literal["budgetnet/1"] = key(REQUIRED, "The kind of file and its version.", example=FORMAT)
    name: str = key("", "The network's name; by default the name of the file.", example="small")
    shape: Shape = key(
        REQUIRED,
        "Shape of one image.",
        name="input",
        rule="[channels, height, width], for example [3, 32, 32]",
        example="[3, 32, 32]",
    )
    classes: int = key(REQUIRED, "Classes to tell apart.", low=1, high=_LARGEST, example="10")
    counts: _Counts | None = key(None, "The network's cost; checked when the file is read.", example="{params: 100416}")
    source: str = key("", "Where the network comes from, as free text.", example="by hand")
    plugins: tuple[Path, ...] = key((), "Python files that define its custom primitives.", example="[blocks.py]")
    network: str = key(REQUIRED, "The network's text.", example="network = conv(3, 16) gap linear(classes)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """One network with everything needed to count and build it."""

    name: str
    input_shape: Shape
    """``(channels, height, width)`` of one image."""
    classes: int
    network: Node
    claimed: dict[str, int] | None = None
    """``params`` and ``flops`` as its file states them; checked when it was read."""
    source: str = ""
    """Origin of the network, as free text."""
    plugins: Plugins = NO_PLUGINS
    """The custom primitives that the network uses."""
    origins: tuple[str, ...] = field(default=(), compare=False, repr=False)
    """The rule that made each of its nodes, for drawings (`budgetnet.derivation.origins`); empty if unknown."""

    def __repr__(self) -> str:
        return f"Network({self.name!r}, input={self.input_shape}, classes={self.classes})"

    def _repr_html_(self) -> str | None:
        """Show it in a notebook."""
        return notebook_html(self)


def read(
    path: Path | str, *, vocabulary: Vocabulary | None = None, custom: Mapping[str, CustomForm] = _NO_FORMS
) -> Network:
    """Read a network file.

    Args:
        path: the YAML file.
        vocabulary: the primitives that its text may call; the built-in ones by default.
        custom: closed forms of custom primitives defined elsewhere, by name.

    Raises:
        LanguageError: something in the file is wrong; the error gives the place.
        ShapeError: the network cannot be applied to its input, or does not end with its classes.
        RequestError: one of its plug-ins cannot be used.
        CountError: it uses a custom primitive that cannot be counted.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        advice = near(path) or "; name a network file (.yaml)"
        raise LanguageError(f"there is no network file {path}{advice}") from None
    except UnicodeDecodeError as error:
        raise LanguageError(f"{path} is not plain UTF-8 text (byte {error.start}); is it a network file?") from None
    except IsADirectoryError:
        raise LanguageError(f"a network must be a file, but {path} is a folder{network_in(path)}") from None
    except OSError as error:
        raise LanguageError(f"{path} cannot be read ({error.strerror}); name a network file (.yaml)") from None
    return parse_network_file(text, name=str(path), folder=path.parent, vocabulary=vocabulary, custom=custom)


def parse_network_file(
    text: str,
    *,
    name: str = "<text>",
    folder: Path | None = None,
    vocabulary: Vocabulary | None = None,
    custom: Mapping[str, CustomForm] = _NO_FORMS,
) -> Network:
    """Read the text of a network file; arguments and errors as for `read`.

    Args:
        text: the YAML text.
        name: the file's name, for errors.
        folder: where the network's text finds the files it imports, and its plug-ins; None forbids both.
        vocabulary: the primitives that may be called besides those of its plug-ins.
        custom: closed forms of custom primitives defined elsewhere, by name.
    """
    declared = keys_of(_Header)
    root = read_yaml(
        text,
        name=name,
        what="a network file",
        legal=declared,
        example=_SMALLEST,
        alien=("grammar", f"{name} is a study, which holds many networks; name one: {name}:best or {name}:17"),
        raises=LanguageError,
    )
    values = root.values(
        declared,
        input=_shape,
        counts=lambda field: field.section(keys_of(_Counts)).values(keys_of(_Counts)),
        plugins=lambda field: _plugins(field, folder),
    )
    plugins: Plugins = values.get("plugins", NO_PLUGINS)
    vocabulary = Vocabulary({**(vocabulary or Vocabulary(BUILTIN)).signatures, **plugins.signatures})
    custom = {**custom, **plugins.forms}
    block, first_line, indent = root.require("network").block()
    grammar = load_grammar(block, name=name, first_line=first_line, indent=indent, vocabulary=vocabulary, folder=folder)
    shape, classes = values["shape"], values["classes"]
    expansion = expand(
        grammar, input_shape=shape, classes=classes, vocabulary=vocabulary, choose=refuse, custom=custom, trace=True
    )
    network = expansion.network
    claimed = values.get("counts")
    if claimed:
        total = closed_form.cost(network, shape, custom=custom)
        for count, actual in (("params", total.params), ("flops", total.flops)):
            stated = claimed.get(count, actual)
            if stated != actual:
                raise root.require("counts").error(
                    f"counts.{count} must be {actual:,}, which the network has, but got {stated:,}; "
                    "correct the count or the network"
                )
    return Network(
        name=values.get("name") or Path(name).stem,
        input_shape=shape,
        classes=classes,
        network=network,
        claimed=claimed,
        source=values.get("source", ""),
        plugins=plugins.of(network),
        origins=expansion.origins,
    )


def _shape(field: Field) -> Shape:
    declared = keys_of(_Header)["input"]
    side = Key(kind="whole", help="Side of an image, or its channels.", low=1, high=_LARGEST)
    entries = field.items() if field.is_list else []
    if len(entries) != 3:
        raise field.wrong(declared.rule)
    return tuple(int(entry.value(side)) for entry in entries)


def _plugins(field: Field, folder: Path | None) -> Plugins:
    entries = field.items() if field.is_list else [field]
    names = [entry.text(keys_of(_Header)["plugins"].rule) for entry in entries]
    if folder is None:
        raise field.error("plugins must not be used in a text that is not in a file, because paths start at its folder")
    with field.blamed():
        return load_plugins([read_file(folder / name) for name in names])


def write(
    path: Path | str | None,
    architecture: Network,
    *,
    custom: Mapping[str, CustomForm] = _NO_FORMS,
    text: str | None = None,
) -> str:
    """Return a network as the text of its file, and write it to *path* unless that is None.

    The counts are computed again; where a custom primitive is unknown they are taken from `Network.claimed`, or
    left out. Plug-ins are named relative to the file's folder (to the working directory if *path* is None).

    Args:
        path: the file; an existing one is replaced.
        architecture: the network.
        custom: closed forms of custom primitives defined elsewhere, by name.
        text: rules that derive the network, in place of its parts in a row.

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
    rules = network_text(architecture.network) if text is None else text
    block = [f"  {line}" if line else "" for line in rules.rstrip().split("\n")]
    text = "\n".join([*lines, "network: |", *block, ""])
    if path is not None:
        try:
            Path(path).write_text(text, encoding="utf-8", errors=ESCAPES)
        except OSError as error:
            raise LanguageError(f"{path} cannot be written ({error.strerror}); choose another place") from None
    return text


def _text_line(key: str, text: str) -> str:
    dumped: str = yaml.safe_dump({key: text}, allow_unicode=True, width=110)
    return dumped.rstrip("\n")
