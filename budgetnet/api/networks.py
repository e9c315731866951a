"""Networks from Python: read, write, count, measure and build them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from budgetnet.api import cards  # noqa: F401 - lets notebooks show what is defined here
from budgetnet.derivation.expand import expand, refuse
from budgetnet.errors import RequestError
from budgetnet.files import network_file
from budgetnet.files.network_file import Network
from budgetnet.grammar.load import load_grammar
from budgetnet.network.budget import Budget
from budgetnet.network.cost import closed_form
from budgetnet.network.cost.types import Cost
from budgetnet.network.nodes import Shape
from budgetnet.ops.registry import BUILTIN
from budgetnet.ops.signature import Vocabulary

if TYPE_CHECKING:
    from torch import nn

    from budgetnet.network.torch.measure import Measurement

__all__ = [
    "Budget",
    "Cost",
    "Network",
    "build",
    "count",
    "image_sides",
    "measure",
    "parse_network",
    "read_network",
    "write_network",
]

_START = re.compile(r"^\s*network\b\s*(\(|=)", re.MULTILINE)


def parse_network(
    text: str,
    *,
    input: Sequence[int],  # noqa: A002 - the key of a network file
    classes: int,
    name: str = "network",
) -> Network:
    """Read a network from its text.

    Args:
        text: the network in budgetnet's language (docs/language.md): the parts in a row, or rules of which one is
            ``network = …``. Nothing may be left to choose.
        input: ``(channels, height, width)`` of one image.
        classes: number of values that the network ends with; the text may say ``classes``.
        name: what the network is called in tables and errors.

    Raises:
        LanguageError: the text is wrong, with line, column and a caret.
        ShapeError: the network cannot be applied to the input, or does not end with its classes.
        RequestError: the input or the number of classes is not one.

    >>> import budgetnet as bn
    >>> small = bn.parse_network("conv(3, 16) maxpool conv(3, 32) gap linear(classes)", input=(3, 32, 32), classes=10)
    >>> small.input_shape, small.classes
    ((3, 32, 32), 10)
    """
    shape = image_sides(input)
    if isinstance(classes, bool) or not isinstance(classes, int) or classes < 1:
        raise RequestError(f"classes must be a whole number of at least 1, but got {classes!r}; write e.g. classes=10")
    vocabulary = Vocabulary(BUILTIN)
    rules = text if _START.search(text) else f"network = {text.strip()}"
    grammar = load_grammar(rules, name=name, vocabulary=vocabulary)
    found = expand(grammar, input_shape=shape, classes=classes, vocabulary=vocabulary, choose=refuse, trace=True)
    return Network(name=name, input_shape=shape, classes=classes, network=found.network, origins=found.origins)


def read_network(source: str | Path, *, storage: str | None = None, run: str | Path | None = None) -> Network:
    """Read a network from a file, or take a trial's network out of a study.

    Args:
        source: a network file, the folder of an export, or ``STUDY:best``, ``STUDY:best@100k`` or ``STUDY:17`` with a
            study file.
        storage: address of the study's database; ``study.db`` in the run folder if None.
        run: the study's run folder; ``runs/NAME`` in the working directory or beside the study file if None.

    Raises:
        RequestError: no such file or trial, or no search has run yet.
        LanguageError, ShapeError: the file is wrong, located in it.
        SearchError: the database cannot be used.

    >>> import budgetnet as bn
    >>> bn.count(bn.read_network("studies/networks/dilated-residual-100k.yaml")).params
    100416
    """
    from budgetnet.records.lookup import find

    return find(str(source), storage=storage, out=None if run is None else Path(run)).architecture


def write_network(network: Network, path: str | Path | None = None) -> str:
    """Return a network as the text of its file, and write it to *path* unless that is None.

    Args:
        network: the network; its counts are worked out and written beside its text.
        path: the file; an existing one is replaced.

    Raises:
        LanguageError: the file cannot be written.

    >>> import budgetnet as bn
    >>> print(bn.write_network(bn.parse_network("gap linear(classes)", input=(1, 8, 8), classes=10)))
    format: budgetnet/1
    name: network
    input: [1, 8, 8]
    classes: 10
    counts: {params: 20, flops: 74}
    network: |
      network = gap linear(10)
    <BLANKLINE>
    """
    return network_file.write(path, network)


def count(network: Network, *, input: Sequence[int] | None = None) -> Cost:  # noqa: A002 - the key of a network file
    """Count a network by the closed form, in milliseconds and without torch.

    Equal to `measure`, the count of record, on every network that the language can express.

    Args:
        network: the network.
        input: ``(channels, height, width)`` of another image than the network's own.

    Returns:
        Parameters, FLOPs (one multiply-add = one FLOP), activations, peak bytes of activations (float32, one image),
        depth, receptive field in pixels, and bytes of flash and RAM in int8 on a Cortex-M processor.

    Raises:
        ShapeError: the network cannot be applied to such an input.
        CountError: it holds an own primitive without a closed form.

    >>> import budgetnet as bn
    >>> bn.count(bn.parse_network("conv(3, 16) gap linear(classes)", input=(3, 32, 32), classes=10)).flops
    491680
    """
    shape = network.input_shape if input is None else image_sides(input)
    return closed_form.cost(network.network, shape, custom=network.plugins.forms, ram=True)


def measure(network: Network, *, input: Sequence[int] | None = None) -> Measurement:  # noqa: A002
    """Build a network and count it by fvcore and ``numel``: the count of record. Loads torch.

    Args:
        network: the network.
        input: ``(channels, height, width)`` of another image than the network's own.

    Returns:
        Parameters, FLOPs (one multiply-add = one FLOP), activations, and the FLOPs of each operator.

    Raises:
        CountError: fvcore met an operator that is neither counted nor known to be free.
        ShapeError: the network cannot be applied to such an input.

    >>> import budgetnet as bn
    >>> network = bn.parse_network("conv(3, 16) gap linear(classes)", input=(3, 32, 32), classes=10)
    >>> bn.measure(network).flops == bn.count(network).flops
    True
    """
    from budgetnet.network.torch.measure import measure_nodes

    shape = network.input_shape if input is None else image_sides(input)
    return measure_nodes(network.network, shape, custom=network.plugins.modules)


def build(network: Network, *, seed: int | None = None) -> nn.Module:
    """Build a network as a torch module with fresh weights.

    Args:
        network: the network.
        seed: of the weights; the caller's random state is used, and moves on, if None.

    Returns:
        A module in training mode that maps images ``(N, channels, height, width)`` to logits ``(N, classes)``.

    >>> import budgetnet as bn, torch
    >>> module = bn.build(bn.parse_network("conv(3, 16) gap linear(classes)", input=(3, 32, 32), classes=10), seed=0)
    >>> module(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 10])
    """
    import torch

    from budgetnet.network.torch.build import build_nodes as build_module

    if seed is None:
        return build_module(network.network, network.input_shape, custom=network.plugins.modules)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build_module(network.network, network.input_shape, custom=network.plugins.modules)


def image_sides(sides: Sequence[int]) -> Shape:
    """Check an input shape.

    Raises:
        RequestError: it is not three whole numbers of at least 1.
    """
    if (
        not isinstance(sides, Sequence)
        or len(sides) != 3
        or any(isinstance(side, bool) or not isinstance(side, int) or side < 1 for side in sides)
    ):
        raise RequestError(
            "input must be (channels, height, width), whole numbers of at least 1, but got "
            f"{sides!r}; write e.g. input=(3, 32, 32)"
        )
    return tuple(sides)
