"""Short ways to derive networks in tests, and two grammars that use everything there is."""

from __future__ import annotations

import random
from collections.abc import Mapping

from budgetnet.derivation.decision import Answer, Decision, Label
from budgetnet.derivation.expand import Expansion, expand
from budgetnet.derivation.listeners import Assembler
from budgetnet.derivation.machine import Machine, Pending
from budgetnet.errors import LanguageError, ShapeError
from budgetnet.grammar.load import load
from budgetnet.grammar.syntax import Grammar
from budgetnet.network.cost.closed_form import output_of
from budgetnet.network.nodes import (
    Conv,
    Node,
    Shape,
)
from budgetnet.ops.registry import BUILTIN
from budgetnet.ops.signature import Vocabulary

VOCABULARY = Vocabulary(BUILTIN)
IMAGE = (3, 32, 32)

DESIGN = """
network   = stem stage(24|32){1..2} stage(48|64|96){1..2} head
stem      = conv(3, 16|24|32)
stage(c)  = block(c){1..3} down                  # c is drawn once per stage and shared by its blocks
block(c)  = regular(c) | dilated(c) | separable(c) | skip(regular(c){1..2})
regular(c)   = conv(3|5, c)
dilated(c)   = conv(3, c, dilation=2|4|8)
separable(c) = dwconv(3|5) conv(1, c)
mbconv(e, c=in) = skip(conv(1, c*e) dwconv(5) conv(1, c, act=none))   # defaults see `in`, the width at entry
down      = maxpool(2) | conv(3, in, stride=2)
head      = gap linear(classes)
"""

EVERYTHING = """
from prelude import nb201_cell, mbconv
network = conv(3, 8|16 @2) part{1..3} tied(cell(in..32:8)){1..3} (conv(1, (8|16)*(1|2)) | identity) tail
part = skip(conv(3|5, in, stride=1|2)) | parallel(conv(1, in), leaf?, join=add) | two | mbconv(3|6)
     | shared(tied(leaf){1..2}){2..3} | nb201_cell @0.5 | down{0..1} | tree(3)
leaf = dwconv(3|5, norm=batch|layer, bias=auto|true) | act(relu|silu) dropout(0.1..0.3:0.1)
cell(c) = skip(conv(1, c) leaf{1..2}, project=conv(1, c, act=none|relu))
down = maxpool | conv(3, in, stride=2)
two = graph { a = leaf(x); b = mix(a, x); return b + leaf(x) }
mix = graph(p, q) { return (leaf | identity)(p) * conv(1, in)(q) }
tree(n) = leaf | parallel(tree(n), leaf)
tail = gap linear(classes)
"""


def derive(
    text: str | Grammar,
    answers: Mapping[str, Label] | None = None,
    *,
    shape: Shape = IMAGE,
    classes: int | None = None,
    seen: list[Decision] | None = None,
) -> Expansion:
    """Derive a network with the given answers, by name; everything else takes its first allowed option.

    Without classes the network may end with any shape.
    """
    rest = dict(answers or {})

    def choose(decision: Decision) -> int:
        if seen is not None:
            seen.append(decision)
        if decision.name in rest:
            return decision.labels.index(rest.pop(decision.name))
        return decision.allowed.index(True)

    grammar = load(text) if isinstance(text, str) else text
    if classes is not None:
        expansion = expand(grammar, input_shape=shape, classes=classes, vocabulary=VOCABULARY, choose=choose)
    else:
        machine, assembler = Machine(grammar, input_shape=shape, classes=10, vocabulary=VOCABULARY), Assembler()
        answers: list[Answer] = []
        stop = machine.run(machine.start(), assembler)
        while isinstance(stop, Pending):
            answers.append(Answer(stop.decision, choose(stop.decision)))
            stop = machine.run(machine.take(stop, answers[-1].taken), assembler)
        expansion = Expansion(assembler.finish(), stop[0], tuple(answers))
        assert len(expansion.decisions) == len(answers), "two decisions of one name"
    assert not rest, f"never asked: {rest}"
    assert output_of(expansion.network, shape) == expansion.shape
    return expansion


def built(text: str, answers: Mapping[str, Label] | None = None, shape: Shape = IMAGE) -> Node:
    """The network of a text."""
    return derive(text, answers, shape=shape).network


def names(text: str, answers: Mapping[str, Label] | None = None) -> list[str]:
    """The names of a derivation's decisions."""
    return list(derive(text, answers).decisions)


def conv(kernel: int, channels: int) -> Conv:
    """A convolution with defaults."""
    return Conv(kernel, channels)


class Recorder:
    """A random chooser that remembers what it was asked."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.asked: list[Decision] = []

    def __call__(self, decision: Decision) -> int:
        """Any allowed option."""
        self.asked.append(decision)
        return self.random.choice([index for index, allowed in enumerate(decision.allowed) if allowed])


def draw(grammar: Grammar, seed: int, machine: Machine | None = None) -> tuple[Recorder, Expansion | str]:
    """One random derivation: the network, or the text of the error it met."""
    recorder = Recorder(seed)
    try:
        return recorder, expand(
            grammar, input_shape=(4, 16, 16), classes=10, vocabulary=VOCABULARY, choose=recorder, machine=machine
        )
    except (ShapeError, LanguageError) as error:
        return recorder, str(error)


GRAMMARS = [load(text) for text in (DESIGN, EVERYTHING)]
