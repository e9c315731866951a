"""Parts of a text about to be written: which part, with which numbers, so that equal blocks can be found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from torch import nn

from budgetnet.convert.flow import ModulePlace
from budgetnet.convert.pieces import Piece, leaves, node_of
from budgetnet.grammar import syntax
from budgetnet.grammar.graph import functions, rebuild
from budgetnet.network.nodes import Conv
from budgetnet.network.torch.build import HELPERS
from budgetnet.ops.registry import BUILTIN
from budgetnet.ops.signature import Parameter, Scalar

__all__ = [
    "FormSlot",
    "RuleSignature",
    "TextForm",
    "expression_of",
    "fold_repeats",
    "form_of",
    "slots_in",
    "value_of_slot",
]

FormSlot = Scalar | syntax.Value
"""An argument: a number or word, or what stands for it in a rule."""
_CONTAINERS = {"GraphModule", *HELPERS}
_LONGEST_PERIOD = 6


@dataclass(frozen=True)
class RuleSignature:
    """A rule's parameters as its calls need them."""

    name: str
    parameters: tuple[str, ...]
    defaults: tuple[syntax.Value | None, ...]


@dataclass(eq=False)
class TextForm:
    """One part with its arguments; changed in place while rules are found."""

    head: str
    """The word of an operation, or ``chain``, ``skip``, ``parallel``, ``split``, ``graph``, ``repeat``, ``call``,
    ``block`` (of a module)."""
    slots: list[FormSlot] = field(default_factory=list)
    children: list[TextForm] = field(default_factory=list)
    width: int = 0
    """Channels at its entry."""
    piece: Piece | None = None
    """The join or graph that it writes."""
    place: ModulePlace | None = None
    """A block's module."""
    rule: RuleSignature | None = None
    """A call's."""

    def skeleton(self) -> object:
        """Return what blocks must have in common to become one rule."""
        said: object = ""
        if self.piece is not None:
            said = (self.piece.join, self.piece.shares)
            if self.piece.graph is not None:
                said = repr(rebuild(self.piece.graph, lambda _: 0))
        if self.rule is not None:
            said = self.rule.name
        return self.head, said, len(self.slots), tuple(child.skeleton() for child in self.children)

    def same(self, other: TextForm) -> bool:
        """Return whether both are written alike."""
        if self.skeleton() != other.skeleton():
            return False
        return [slot for _, _, slot in slots_in(self)] == [slot for _, _, slot in slots_in(other)]

    def all(self) -> Iterator[TextForm]:
        """Yield the form and all inside, outer ones first."""
        yield self
        for child in self.children:
            yield from child.all()


def slots_in(form: TextForm) -> Iterator[tuple[TextForm, int, FormSlot]]:
    """Yield every argument with its part and place there, in order."""
    for part in form.all():
        for place, slot in enumerate(part.slots):
            yield part, place, slot


# --- from pieces ------------------------------------------------------------------------------------


def form_of(piece: Piece, depth: int = 0, *, explicit: bool = False) -> TextForm:
    """Return a piece as a form, with a ``block`` around what belongs to one module of the model.

    Args:
        piece: a part of the network.
        depth: how many of the modules around it are known already.
        explicit: write projections that a skip would choose by itself.
    """
    items = piece.children if piece.kind == "chain" else (piece,)
    return _chain(list(_grouped(items, depth, explicit)), piece.width)


def _chain(forms: list[TextForm], width: int) -> TextForm:
    return forms[0] if len(forms) == 1 else TextForm("chain", children=forms, width=width)


def _grouped(items: Iterable[Piece], depth: int, explicit: bool) -> Iterator[TextForm]:
    run: list[Piece] = []
    place: ModulePlace | None = None
    for item in [*items, None]:
        own = item.modules[depth] if item is not None and len(item.modules) > depth else None
        if run and (item is None or own is None or own != place):
            yield from _block(run, place, depth, explicit)
            run = []
        if item is None:
            return
        if own is None:
            yield _plain(item, depth, explicit)
        else:
            run.append(item)
        place = own


def _block(run: list[Piece], place: ModulePlace | None, depth: int, explicit: bool) -> Iterator[TextForm]:
    inner = list(_grouped(run, depth + 1, explicit))
    count = sum(1 for item in run for _ in leaves(item))
    if place is None or not place.path or place.type in _CONTAINERS or hasattr(nn, place.type) or count < 2:
        yield from inner
    else:
        yield TextForm(
            "block", children=[TextForm("chain", children=inner, width=run[0].width)], width=run[0].width, place=place
        )


def _plain(piece: Piece, depth: int, explicit: bool) -> TextForm:
    if piece.operation is not None:
        names = [parameter.name for parameter in BUILTIN[piece.operation.word].parameters]
        slots: list[FormSlot] = [getattr(piece.operation, name) for name in names]
        return TextForm(piece.operation.word, slots, width=piece.width)
    if piece.graph is not None:
        children = [form_of(function, depth, explicit=explicit) for function in functions(piece.graph)]
        return TextForm("graph", children=children, width=piece.width, piece=piece)
    parts = piece.children
    if piece.kind == "skip" and len(parts) == 2 and not explicit and _is_usual(parts[1]):
        parts = parts[:1]
    children = [form_of(part, depth, explicit=explicit) for part in parts]
    return TextForm(piece.kind, children=children, width=piece.width, piece=None if piece.kind == "skip" else piece)


def _is_usual(project: Piece) -> bool:
    """Return whether a projection is the one that a skip adds by itself where shapes differ."""
    node = node_of(project)
    if not isinstance(node, Conv) or (node.channels == project.width and node.stride == 1):
        return False
    return node == Conv(1, node.channels, stride=node.stride, norm="batch", act="none")


# --- repeats ----------------------------------------------------------------------------------------


def fold_repeats(form: TextForm) -> None:
    """Write equal parts in a row once, with their number; inner parts first."""
    for child in form.children:
        fold_repeats(child)
    if form.head != "chain":
        return
    found: list[TextForm] = []
    at, items = 0, form.children
    while at < len(items):
        period, times = _best_period(items, at)
        if times > 1:
            body = _chain(items[at : at + period], items[at].width)
            found.append(TextForm("repeat", [times], [body], items[at].width))
        else:
            found.append(items[at])
        at += period * times
    form.children = found


def _best_period(items: list[TextForm], at: int) -> tuple[int, int]:
    """Return length and number of the repetitions that cover most from a place on."""
    best = (1, 1)
    for period in range(1, _LONGEST_PERIOD + 1):
        times = 1
        while at + (times + 1) * period <= len(items) and all(
            items[at + place].same(items[at + times * period + place]) for place in range(period)
        ):
            times += 1
        if times > 1 and period * times > best[0] * best[1]:
            best = (period, times)
    return best


# --- to syntax --------------------------------------------------------------------------------------


def expression_of(form: TextForm) -> syntax.Expression:
    """Return a form as the tree of its text."""
    parts = [expression_of(child) for child in form.children]
    match form.head:
        case "chain" | "block":
            flat = [
                inner
                for part in parts
                for inner in (part.items if isinstance(part, syntax.SequenceExpression) else (part,))
            ]
            if not flat:
                return syntax.Call("identity")
            return flat[0] if len(flat) == 1 else syntax.SequenceExpression(tuple(flat))
        case "repeat":
            times = value_of_slot(form.slots[0])
            return syntax.Repeat(parts[0], times, times)
        case "skip":
            return syntax.SkipExpression(parts[0], parts[1] if len(parts) > 1 else "auto")
        case "parallel":
            assert form.piece is not None
            return syntax.ParallelExpression(tuple(parts), form.piece.join)
        case "split":
            assert form.piece is not None
            shares = tuple(map(syntax.Number, form.piece.shares))
            return syntax.SplitExpression(tuple(parts), form.piece.join, shares=shares)
        case "graph":
            assert form.piece is not None
            assert form.piece.graph is not None
            waiting = iter(parts)
            return rebuild(form.piece.graph, lambda _: next(waiting))
        case "call":
            return _rule_call(form)
        case _:
            return _operation_call(form)


def _operation_call(form: TextForm) -> syntax.Call:
    arguments: list[syntax.Argument] = []
    for place, (parameter, slot) in enumerate(zip(BUILTIN[form.head].parameters, form.slots, strict=True)):
        if _is_default(parameter, slot):
            continue
        by_position = parameter.default is None or place == 0
        shown = value_of_slot(slot, quoted=parameter.kind == "order")
        arguments.append(syntax.Argument(None if by_position else parameter.name, shown))
    return syntax.Call(form.head, tuple(arguments))


def _is_default(parameter: Parameter, slot: FormSlot) -> bool:
    return type(slot) is type(parameter.default) and slot == parameter.default


def _rule_call(form: TextForm) -> syntax.Call:
    assert form.rule is not None
    arguments: list[syntax.Argument] = []
    for name, default, slot in zip(form.rule.parameters, form.rule.defaults, form.slots, strict=True):
        value = value_of_slot(slot)
        usual = syntax.Number(form.width) if default == syntax.Name("in") else default
        if value in (usual, default) and default is not None:
            continue
        arguments.append(syntax.Argument(None if default is None else name, value))
    return syntax.Call(form.rule.name, tuple(arguments))


def value_of_slot(slot: FormSlot, *, quoted: bool = False) -> syntax.Value:
    """Return an argument as the tree of its text."""
    if isinstance(slot, bool):
        return syntax.Name("true" if slot else "false")
    if isinstance(slot, int | float):
        return syntax.Number(slot)
    if isinstance(slot, str):
        return syntax.Text(slot) if quoted else syntax.Name(slot)
    return slot
