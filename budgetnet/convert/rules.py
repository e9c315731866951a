"""A network's parts as rules: blocks of one class become one rule, whose parameters are what differs between them."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from budgetnet.convert.forms import (
    FormSlot,
    RuleSignature,
    TextForm,
    expression_of,
    fold_repeats,
    form_of,
    slots_in,
    value_of_slot,
)
from budgetnet.convert.pieces import Piece, node_of
from budgetnet.derivation.expand import expand, refuse
from budgetnet.errors import BudgetnetError
from budgetnet.grammar import syntax
from budgetnet.grammar.lexer import RESERVED
from budgetnet.grammar.load import load_grammar
from budgetnet.grammar.printer import to_text
from budgetnet.grammar.walk import walk
from budgetnet.network.nodes import Node, Shape
from budgetnet.network.text import network_text
from budgetnet.ops.registry import BUILTIN
from budgetnet.ops.signature import Vocabulary

__all__ = ["grammar_text"]

_MOST_PARAMETERS = 8
"""A rule of more is harder to read than its instances."""
_WIDTHS = {("conv", "channels"), ("linear", "features"), ("pad", "channels")}
_LETTERS = {
    "kernel": "k", "stride": "s", "channels": "e", "features": "e", "dilation": "d", "groups": "g", "act": "a",
    "kind": "a", "gate": "a", "dropout": "p", "rate": "p", "padding": "pad", "reduction": "r", "width": "r",
    "multiplier": "m", "heads": "h",
}  # fmt: skip


def grammar_text(piece: Piece, shape: Shape, classes: int) -> str:
    """Return a network's parts as rules of the language; read back, they give the same network.

    Args:
        piece: the whole network.
        shape: ``(channels, height, width)`` of one image.
        classes: number of scores.
    """
    node = node_of(piece)
    for explicit in (False, True):
        text = _with_space(to_text(_Rules(piece, classes, explicit=explicit).grammar()))
        if _reads_as(text, shape, classes) == node:
            return text
    return network_text(node)


def _with_space(text: str) -> str:
    """Return rules with an empty line behind the network's own."""
    lines = text.split("\n")
    second = next((place for place, line in enumerate(lines) if place and line and not line.startswith((" ", ")"))), 0)
    return "\n".join([*lines[:second], "", *lines[second:]]) if second else text


def _reads_as(text: str, shape: Shape, classes: int) -> Node | None:
    vocabulary = Vocabulary(BUILTIN)
    try:
        grammar = load_grammar(text, vocabulary=vocabulary)
        found = expand(grammar, input_shape=shape, classes=classes, vocabulary=vocabulary, choose=refuse)
    except BudgetnetError:
        return None
    return found.network


class _Rules:
    """Finds the rules of one network."""

    def __init__(self, piece: Piece, classes: int, *, explicit: bool) -> None:
        self._top = TextForm("chain", children=[form_of(piece, explicit=explicit)])
        self._classes = classes
        self._rules: list[syntax.Rule] = []
        self._names: set[str] = set()

    def grammar(self) -> syntax.Grammar:
        """Return the network's rules, the whole network first, then those that it calls."""
        _name_classes(self._top, self._classes)
        for kind in self._kinds():
            self._settle(kind)
        _flatten(self._top)
        fold_repeats(self._top)
        network = syntax.Rule("network", (), expression_of(self._top))
        known = {rule.name: rule for rule in self._rules}
        ordered = {"network": network}
        waiting = [network]
        while waiting:  # each rule behind the first that calls it
            called = [node.name for node in walk(waiting.pop(0).body) if isinstance(node, syntax.Call)]
            for name in dict.fromkeys(called):
                if name in known and name not in ordered:
                    ordered[name] = known[name]
                    waiting.append(known[name])
        return syntax.Grammar(tuple(ordered.values()))

    def _kinds(self) -> list[str]:
        """Return the classes of blocks, those that stand deepest inside others first."""
        levels: dict[str, int] = {}

        def visit(form: TextForm, level: int) -> None:
            if form.head == "block":
                assert form.place is not None
                level += 1
                levels[form.place.type] = max(levels.get(form.place.type, 0), level)
            for child in form.children:
                visit(child, level)

        visit(self._top, 0)
        return sorted(levels, key=lambda kind: -levels[kind])

    def _settle(self, kind: str) -> None:
        """Turn the blocks of a class into calls of rules, or into their parts where nothing is like them."""
        blocks = [
            form
            for form in self._top.all()
            if form.head == "block" and form.place is not None and form.place.type == kind
        ]
        for block in blocks:
            _flatten(block.children[0])
            fold_repeats(block)
        plain = {block.children[0].skeleton() for block in blocks}
        groups: dict[object, list[tuple[TextForm, TextForm]]] = defaultdict(list)
        for block in blocks:
            body = block.children[0]
            inner = _skipped(body)
            if inner is not None and inner.skeleton() in plain:
                body = inner  # a residual around what others of the class have without one
            groups[body.skeleton()].append((block, body))
        for members in groups.values():
            made = self._rule(kind, [body for _, body in members]) if len(members) > 1 else None
            for place, (block, body) in enumerate(members):
                whole = block.children[0]
                if made is not None:
                    rule, arguments = made
                    call = TextForm("call", list(arguments[place]), width=body.width, rule=rule)
                    whole = call if body is whole else TextForm("skip", children=[call], width=body.width)
                block.head, block.children = "chain", [whole]

    def _rule(self, kind: str, bodies: Sequence[TextForm]) -> tuple[RuleSignature, list[list[FormSlot]]] | None:
        """Return a rule for bodies that differ in their arguments alone, with the arguments of each."""
        columns = [list(slots_in(body)) for body in bodies]
        entries = [body.width for body in bodies]
        solver = _Parameters(entries)
        solved: dict[int, syntax.Value] = {}
        differing = []
        for place in range(len(columns[0])):
            values = [column[place][2] for column in columns]
            if any(type(value) is not type(values[0]) or value != values[0] for value in values):
                if any(not isinstance(value, bool | int | float | str) for value in values):
                    return None
                differing.append(place)
        widths = [place for place, (form, position, _) in enumerate(columns[0]) if _is_width(form, position)]
        last = [place for place in differing if place in widths[-1:]]
        for place in [*last, *(other for other in differing if other not in last)]:
            form, position, _ = columns[0][place]
            values = [column[place][2] for column in columns]
            inside = [column[place][0].width for column in columns]
            letter = "c" if place in last else _letter(form, position)
            solved[place] = solver.value(values, inside, letter, _usual(form, position))
        if len(solver.names) > _MOST_PARAMETERS:
            return None
        name = self._new_name(kind)
        parameters, defaults, order = solver.signature()
        body = _copy(bodies[0], solved)
        rule_parameters = tuple(
            syntax.RuleParameter(parameter, default) for parameter, default in zip(parameters, defaults, strict=True)
        )
        self._rules.append(syntax.Rule(name, rule_parameters, expression_of(body)))
        arguments = [[solver.vectors[each][at] for each in order] for at in range(len(bodies))]
        return RuleSignature(name, parameters, defaults), arguments

    def _new_name(self, kind: str) -> str:
        word = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", kind.strip("_")).lower()
        word = re.sub(r"\W", "_", word) or "block"
        if word in {"network", *BUILTIN, *RESERVED}:
            word += "_block"
        name, number = word, 1
        while name in self._names:
            number += 1
            name = f"{word}_{number}"
        self._names.add(name)
        return name


class _Parameters:
    """Finds how arguments that differ between blocks follow from few parameters."""

    def __init__(self, entries: Sequence[int]) -> None:
        self._entries = list(entries)
        self.names: list[str] = []
        self.vectors: list[list[FormSlot]] = []
        self._usual: list[FormSlot | None] = []

    def value(self, values: list[FormSlot], inside: list[int], letter: str, usual: FormSlot | None) -> syntax.Value:
        """Return what stands for an argument: the width there, a parameter, a multiple of one, or a new parameter.

        Args:
            values: the argument in each block.
            inside: the width where it stands, in each block.
            letter: for a new parameter.
            usual: the argument where nothing is written; None if it must be.
        """
        for name, vector in zip(self.names, self.vectors, strict=True):
            if _alike(vector, values):
                return syntax.Name(name)
        numbers = [value for value in values if isinstance(value, int) and not isinstance(value, bool)]
        if len(numbers) == len(values) and letter in ("e", "r", "g"):
            bases: list[tuple[str, list[int]]] = [("in", inside)]
            for name, vector in zip(self.names, self.vectors, strict=True):
                if all(isinstance(each, int) and not isinstance(each, bool) for each in vector):
                    bases.append((name, [int(each) for each in vector if isinstance(each, int)]))
            for name, base in bases:
                found = _multiple(name, base, numbers)
                if found is not None:
                    return found
        name, number = letter, 1
        while name in self.names:
            number += 1
            name = f"{letter}{number}"
        self.names.append(name)
        self.vectors.append(values)
        self._usual.append(usual)
        return syntax.Name(name)

    def signature(self) -> tuple[tuple[str, ...], tuple[syntax.Value | None, ...], list[int]]:
        """Return names, defaults and order of the parameters: those without a default first."""
        defaults = [self._default(*each) for each in zip(self.names, self.vectors, self._usual, strict=True)]
        order = sorted(range(len(self.names)), key=lambda place: defaults[place] is not None)
        return tuple(self.names[place] for place in order), tuple(defaults[place] for place in order), order

    def _default(self, name: str, vector: list[FormSlot], own: FormSlot | None) -> syntax.Value | None:
        if vector == self._entries:
            return syntax.Name("in")
        if own is not None and any(repr(own) == repr(each) for each in vector):
            return value_of_slot(own)
        if name.startswith(("c", "e", "n", "r")):
            return None
        value, count = Counter(map(repr, vector)).most_common(1)[0]
        if 2 * count < len(vector):
            return None
        return value_of_slot(next(each for each in vector if repr(each) == value))


def _multiple(name: str, base: list[int], numbers: list[int]) -> syntax.Value | None:
    """Return numbers as a base, a multiple of it or a part of it; None if they are none."""
    if numbers == base:
        return syntax.Name(name)
    for factor in {number // each for number, each in zip(numbers, base, strict=True)}:
        if factor > 1 and all(number == each * factor for number, each in zip(numbers, base, strict=True)):
            return syntax.Arithmetic("*", syntax.Name(name), syntax.Number(factor))
    for factor in {each // number for number, each in zip(numbers, base, strict=True) if number}:
        if factor > 1 and all(number * factor == each for number, each in zip(numbers, base, strict=True)):
            return syntax.Arithmetic("//", syntax.Name(name), syntax.Number(factor))
    return None


def _alike(one: Sequence[FormSlot], other: Sequence[FormSlot]) -> bool:
    return list(map(repr, one)) == list(map(repr, other))


def _is_width(form: TextForm, position: int) -> bool:
    if form.rule is not None:
        return form.rule.parameters[position] == "c"
    return form.head in BUILTIN and (form.head, BUILTIN[form.head].parameters[position].name) in _WIDTHS


def _letter(form: TextForm, position: int) -> str:
    if form.rule is not None:
        return form.rule.parameters[position].rstrip("0123456789") or "v"
    if form.head == "repeat":
        return "n"
    return _LETTERS.get(BUILTIN[form.head].parameters[position].name, "v")


def _usual(form: TextForm, position: int) -> FormSlot | None:
    if form.rule is not None:
        return form.rule.defaults[position]
    return None if form.head == "repeat" else BUILTIN[form.head].parameters[position].default


def _copy(form: TextForm, solved: dict[int, syntax.Value]) -> TextForm:
    """Return a form with the arguments at some places (in the order of `slots_in`) replaced."""
    number = iter(range(1 << 30))

    def visit(part: TextForm) -> TextForm:
        slots = [solved.get(next(number), slot) for slot in part.slots]
        return TextForm(
            part.head, slots, [visit(child) for child in part.children], part.width, part.piece, rule=part.rule
        )

    return visit(form)


def _skipped(body: TextForm) -> TextForm | None:
    """Return what a residual without a projection goes around, if a body is nothing else."""
    (only,) = body.children if len(body.children) == 1 else (None,)
    if only is None or only.head != "skip" or len(only.children) != 1:
        return None
    inner = only.children[0]
    return inner if inner.head == "chain" else TextForm("chain", children=[inner], width=inner.width)


def _flatten(form: TextForm) -> None:
    """Put chains inside chains into the outer one."""
    for child in form.children:
        _flatten(child)
    if form.head == "chain":
        form.children = [
            inner for child in form.children for inner in (child.children if child.head == "chain" else [child])
        ]


def _name_classes(top: TextForm, classes: int) -> None:
    """Write the width of the last layer with weights as ``classes``."""
    last = top
    while last.head in ("chain", "block") and last.children:
        weighted = [child for child in last.children if any(each.head in ("conv", "linear") for each in child.all())]
        if not weighted:
            return
        last = weighted[-1]
    place = {"conv": 1, "linear": 0}.get(last.head)
    if place is not None and last.slots[place] == classes:
        last.slots[place] = syntax.Name("classes")
