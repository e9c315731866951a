"""The expression tree of a grammar, made by the parser and printed by the printer.

There are two families of nodes: *values* are arguments (numbers, names, choices, arithmetic), *expressions*
are parts of a network. All are frozen; equality ignores the place of a node in its file, so
``parse(print(x)) == x`` compares meanings.

Every choice has a ``site``: a label that is unique within its rule and built from the names that the author
wrote (``conv.kernel``, ``kind``, ``block.count``; see `budgetnet.grammar.sites`). Sites form the stable names
of decisions, see `budgetnet.derivation.expand`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from budgetnet.grammar.graph import Binding, Graph, GraphApply, GraphJoin, GraphName, GraphTerm, Join
from budgetnet.grammar.source import NOWHERE, Source, Span

__all__ = [
    "Alternatives",
    "Argument",
    "Arithmetic",
    "Binding",
    "Call",
    "Choice",
    "Comparator",
    "Condition",
    "Expression",
    "Grammar",
    "Graph",
    "GraphApply",
    "GraphJoin",
    "GraphName",
    "GraphTerm",
    "Import",
    "Join",
    "Name",
    "Number",
    "Optional",
    "ParallelExpression",
    "Range",
    "Repeat",
    "Rule",
    "RuleParameter",
    "SequenceExpression",
    "SkipExpression",
    "SplitExpression",
    "Text",
    "Value",
]


# --- values -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Number:
    """``3`` or ``0.05``. An int and an equal float are different numbers (`1` is not `1.0`)."""

    value: int | float
    span: Span = field(default=NOWHERE, compare=False)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Number) and repr(self.value) == repr(other.value)

    def __hash__(self) -> int:
        return hash(repr(self.value))


@dataclass(frozen=True, slots=True)
class Name:
    """A bare word: a rule parameter, ``in``, ``classes``, ``true``/``false``, or a name such as ``relu``."""

    id: str
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Text:
    """A quoted string, as in ``order="conv act norm drop"``."""

    value: str
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Choice:
    """``16|24|32`` as an argument; ``weights`` is empty or holds one prior weight per option."""

    options: tuple[Value, ...]
    weights: tuple[float, ...] = ()
    site: str = field(default="", compare=False)
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Range:
    """``16..96:8`` (arithmetic, step 8), ``16..128*2`` (geometric, factor 2), ``1..4`` (step 1). Inclusive."""

    low: Value
    high: Value
    step: Value
    geometric: bool = False
    site: str = field(default="", compare=False)
    span: Span = field(default=NOWHERE, compare=False)


Operator = Literal["+", "-", "*", "/", "//"]


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """``left op right`` with op one of ``+ - * / //``; ``//`` rounds down."""

    op: Operator
    left: Value
    right: Value
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Calculation:
    """``round(c*0.25, 8)``: a function of numbers, see `budgetnet.grammar.functions`."""

    function: str
    arguments: tuple[Value, ...]
    span: Span = field(default=NOWHERE, compare=False)


Value = Number | Name | Text | Choice | Range | Arithmetic | Calculation


Comparator = Literal["==", "!=", "<", "<=", ">", ">="]


@dataclass(frozen=True, slots=True)
class Condition:
    """``k == 3``: two values without choices, compared; words only by ``==`` and ``!=``."""

    op: Comparator
    left: Value
    right: Value
    span: Span = field(default=NOWHERE, compare=False)


# --- expressions ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a call; ``name`` is None for a positional one."""

    name: str | None
    value: Value
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Call:
    """A rule or a primitive by name, with or without arguments: ``gap``, ``conv(3, 16|24)``."""

    name: str
    arguments: tuple[Argument, ...] = ()
    site: str = field(default="", compare=False)
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class SequenceExpression:
    """Parts one after the other; never nested directly in a Sequence, never of length one."""

    items: tuple[Expression, ...]
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Alternatives:
    """``a | b @3 | c if k > 1``; ``weights`` is empty (all equal) or holds one prior weight per option.

    A single option has a condition: it is there, or nothing.
    """

    options: tuple[Expression, ...]
    weights: tuple[float, ...] = ()
    site: str = field(default="", compare=False)
    span: Span = field(default=NOWHERE, compare=False)
    conditions: tuple[Condition | None, ...] = ()
    """Empty, or one per option: where it fails, the option is not on offer."""


@dataclass(frozen=True, slots=True)
class Repeat:
    """``a{m..n}``, ``tied(a){m..n}`` or ``shared(a){m..n}``; ``{n}`` has equal low and high.

    anew: every repetition is derived independently. tied: one derivation, separate weights each time.
    shared: one derivation, one set of weights.
    """

    body: Expression
    low: Value
    high: Value
    mode: Literal["anew", "tied", "shared"] = "anew"
    site: str = field(default="", compare=False)
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Optional:
    """``a?``: the part or nothing."""

    body: Expression
    site: str = field(default="", compare=False)
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class SkipExpression:
    """``skip(a)``: ``x + a(x)``.

    *project* is the shortcut if shapes differ: ``"auto"`` is a 1x1 convolution with batch norm, ``"none"`` makes
    the difference an error, ``"pad"`` is zero channels and strided positions (ResNet's option A); an expression
    is always applied.
    """

    body: Expression
    project: Literal["auto", "none", "pad"] | Expression = "auto"
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class ParallelExpression:
    """``parallel(a, b, join=add)``: branches on the same input."""

    branches: tuple[Expression, ...]
    join: Join = "add"
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class SplitExpression:
    """``split(a, b, join=concat)``: branches on channel slices, joined."""

    branches: tuple[Expression, ...]
    join: Join = "concat"
    span: Span = field(default=NOWHERE, compare=False)
    shares: tuple[Value, ...] = ()
    """Proportions of the slices, ``split(1: a, 3: b)``; empty if they are equal."""


Expression = (
    Call
    | SequenceExpression
    | Alternatives
    | Repeat
    | Optional
    | SkipExpression
    | ParallelExpression
    | SplitExpression
    | Graph["Expression"]
)


# --- rules ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RuleParameter:
    """A rule's parameter; a default is evaluated at each call of the rule and may use ``in``."""

    name: str
    default: Value | None = None
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Rule:
    """``name(parameters) = body``."""

    name: str
    parameters: tuple[RuleParameter, ...]
    body: Expression
    span: Span = field(default=NOWHERE, compare=False)
    source: Source | None = field(default=None, compare=False, repr=False)
    """Text that the rule was read from, so later errors can point at it."""


@dataclass(frozen=True, slots=True)
class Import:
    """``from prelude import mbconv, fire`` or ``from "blocks.grammar" import cell``."""

    source: str
    names: tuple[str, ...]
    span: Span = field(default=NOWHERE, compare=False)
    """Place of the source."""
    name_spans: tuple[Span, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Grammar:
    """Rules in the order written; the network starts at the rule ``network``, else at the first."""

    rules: tuple[Rule, ...]
    imports: tuple[Import, ...] = ()

    @property
    def start(self) -> Rule:
        """The rule that derives a whole network."""
        return next((rule for rule in self.rules if rule.name == "network"), self.rules[0])

    def rule(self, name: str) -> Rule | None:
        """Return the rule of that name, or None."""
        return next((rule for rule in self.rules if rule.name == name), None)
