"""A network as text of the language, and as one short line for lists."""

from __future__ import annotations

from itertools import groupby

from budgetnet.grammar import syntax as language
from budgetnet.grammar.graph import rebuild
from budgetnet.grammar.lexer import is_name
from budgetnet.grammar.printer import to_text
from budgetnet.network import nodes
from budgetnet.network.nodes import Node
from budgetnet.ops.registry import BUILTIN
from budgetnet.ops.signature import Parameter, Scalar

__all__ = ["network_grammar", "network_text", "summary"]


# --- the whole network ------------------------------------------------------------------------------


def network_text(node: Node) -> str:
    """Return the network as grammar text, ``network = conv(3, 24) gap linear(10)``.

    Arguments that equal the built-in defaults are left out, so the text is to be read with those. Reading it back
    gives an equal network (where a node is not in the form that `budgetnet.derivation.expand` builds, its equal
    in that form: an empty sequence is ``identity``, a part that is shared once is the part).
    """
    return to_text(network_grammar(node))


def network_grammar(node: Node) -> language.Grammar:
    """Return the network as the tree of its text: one rule without choices."""
    return language.Grammar((language.Rule("network", (), _expression(node)),))


def _expression(node: Node) -> language.Expression:
    match node:
        case nodes.Sequence():
            return _sequence(node.items)
        case nodes.Skip():
            project = "auto" if node.project is None else _expression(node.project)
            return language.SkipExpression(_expression(node.body), project)  # type: ignore[arg-type]
        case nodes.Parallel():
            return language.ParallelExpression(tuple(map(_expression, node.branches)), node.join)
        case nodes.Split():
            shares = tuple(map(language.Number, node.shares))
            return language.SplitExpression(tuple(map(_expression, node.branches)), node.join, shares=shares)
        case nodes.Shared() if node.times == 1:
            return _expression(node.body)
        case nodes.Shared():
            return _repeat(_expression(node.body), node.times, shared=True)
        case nodes.Graph():
            return rebuild(node, _expression)
        case nodes.Custom():
            arguments = tuple(
                language.Argument(name, _value(value, text=not is_name(str(value)))) for name, value in node.arguments
            )
            return language.Call(node.name, arguments)
        case _:
            return _call(node)


def _sequence(items: tuple[Node, ...]) -> language.Expression:
    parts: list[language.Expression] = []
    for expression, same in groupby(map(_expression, items)):
        count = len(list(same))
        if count == 1:
            parts.extend(expression.items if isinstance(expression, language.SequenceExpression) else (expression,))
        else:
            parts.append(_repeat(expression, count))
    if not parts:
        return language.Call("identity")
    return parts[0] if len(parts) == 1 else language.SequenceExpression(tuple(parts))


def _repeat(body: language.Expression, count: int, *, shared: bool = False) -> language.Repeat:
    times = language.Number(count)
    return language.Repeat(body, times, times, "shared" if shared else "anew")


def _call(node: nodes.Primitive) -> language.Call:
    """Required arguments and the first one by position, the others by name where they differ from the default."""
    arguments: list[language.Argument] = []
    for position, parameter in enumerate(BUILTIN[node.word].parameters):
        value: Scalar = getattr(node, parameter.name)
        if not _is_default(parameter, value):
            by_position = parameter.default is None or position == 0
            shown = _value(value, text=parameter.kind == "order")
            arguments.append(language.Argument(None if by_position else parameter.name, shown))
    return language.Call(node.word, tuple(arguments))


def _is_default(parameter: Parameter, value: Scalar) -> bool:
    return type(value) is type(parameter.default) and value == parameter.default


def _value(value: Scalar, *, text: bool) -> language.Value:
    if isinstance(value, bool):
        return language.Name("true" if value else "false")
    if isinstance(value, str):
        return language.Text(value) if text else language.Name(value)
    return language.Number(value)


# --- one line ---------------------------------------------------------------------------------------


def summary(node: Node, width: int = 100) -> str:
    """Return a short line, ``conv3-24 · skip(conv3-24)×2 · maxpool · … · linear-10``.

    A convolution is its kernel and channels, then ``/2`` for a stride, ``d4`` for a dilation, ``g8`` for groups.
    Norms, activations and dropout inside it are not shown. What goes beyond *width* characters is cut out of the
    middle.
    """
    items = node.items if isinstance(node, nodes.Sequence) else (node,)
    parts = _runs(tuple(map(_short, items)))
    line = " · ".join(parts)
    if len(line) <= width:
        return line
    tail = parts[-1:]
    head: list[str] = []
    for part in parts[:-1]:
        if len(" · ".join([*head, part, "…", *tail])) > width:
            break
        head.append(part)
    line = " · ".join([*head, "…", *tail])
    return line if len(line) <= width else line[: width - 1] + "…"


def _runs(parts: tuple[str, ...]) -> list[str]:
    counted = [(part, len(list(same))) for part, same in groupby(parts)]
    return [part if count == 1 else f"{part}×{count}" for part, count in counted]


def _short(node: Node) -> str:
    match node:
        case nodes.Sequence():
            return " ".join(_runs(tuple(map(_short, node.items)))) or "identity"
        case nodes.Skip():
            return f"skip({_short(node.body)})"
        case nodes.Parallel() | nodes.Split():
            sign = {"add": " + ", "concat": ", ", "mul": " × ", "mean": " + "}[node.join]
            word = "parallel" if isinstance(node, nodes.Parallel) else "split"
            shares = [f"{share}: " for share in node.shares] if isinstance(node, nodes.Split) else []
            branches = zip(shares or [""] * len(node.branches), map(_short, node.branches), strict=True)
            mean = f"/{len(node.branches)}" if node.join == "mean" else ""
            return f"{word}({sign.join(share + branch for share, branch in branches)}){mean}"
        case nodes.Shared():
            return f"shared({_short(node.body)})×{node.times}"
        case nodes.Graph():
            return f"graph({len(node.bindings)})"
        case _:
            return node.short()
