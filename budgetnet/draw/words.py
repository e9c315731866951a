"""Words for an operation inside a drawing, and how wide they are."""

from __future__ import annotations

from budgetnet.network import nodes
from budgetnet.network.text import network_text
from budgetnet.ops.registry import BUILTIN
from budgetnet.ops.windows import pair
from budgetnet.text import counted

__all__ = ["language_text", "operation_words", "text_width"]

_NAMES = {
    "avgpool": "average pool",
    "class_token": "class token",
    "dwconv": "depthwise conv",
    "gap": "global average pool",
    "gmp": "global max pool",
    "maxpool": "max pool",
    "norm": "norm",
    "position": "learned positions",
    "first": "first token",
    "se": "squeeze-excite",
    "seqpool": "sequence pool",
    "shuffle": "channel shuffle",
}
"""Titles of operations whose word is short for something."""
_AROUND = ("norm", "act", "dropout", "order")
"""Arguments about what runs before and after a convolution; they have a line of their own."""

_ALWAYS = {"se": ("reduction",), "shuffle": ("groups",), "scale": ("init",), "dropout": ("rate",)}
"""Arguments that are shown even if they are the default."""


def operation_words(node: nodes.Primitive) -> tuple[str, tuple[str, ...]]:
    """Return an operation's title, and the lines below it.

    >>> from budgetnet.ops.conv import Conv
    >>> operation_words(Conv(3, 64, dilation=2))
    ('conv 3×3, 64', ('dilation 2', 'batch norm, relu'))
    """
    if isinstance(node, nodes.Custom):
        return node.name, tuple(f"{name} {value}" for name, value in node.arguments)
    title = _NAMES.get(node.word, node.word)
    if node.word in ("norm", "act"):
        kind = str(getattr(node, "kind", ""))
        return (f"{kind} norm" if node.word == "norm" and kind != "none" else kind), ()
    kernel = getattr(node, "kernel", None)
    if kernel is not None:
        title = f"{title} {'×'.join(map(str, pair(kernel)))}"
    size = getattr(node, "channels", getattr(node, "features", None))
    if size is not None:
        title = f"{title}, {size}"
    said = [
        _argument(parameter.name, value)
        for parameter in BUILTIN[node.word].parameters
        for value in (getattr(node, parameter.name),)
        if parameter.name not in ("kernel", "channels", "features", *_AROUND)
        and (value != parameter.default or parameter.name in _ALWAYS.get(node.word, ()))
    ]
    lines = [", ".join(said), _around(node)]
    return title, tuple(line for line in lines if line)


def _argument(name: str, value: object) -> str:
    match name:
        case "groups" if isinstance(value, int):
            return counted(value, "group")
        case "padding" if value == 0:
            return "no padding"
        case "ceil":
            return "rounded up" if value else "rounded down"
        case "bias":
            return "bias" if value in (True, "true") else "no bias"
        case "rate":
            return f"{value:g}"
        case "multiplier":
            return f"×{value} channels"
        case _:
            return f"{name.replace('_', ' ')} {value}"


def _around(node: nodes.Primitive) -> str:
    """Return what runs around a convolution or after a linear layer, in order."""
    norm, act, rate = (getattr(node, name, none) for name, none in (("norm", "none"), ("act", "none"), ("dropout", 0)))
    words = {
        "conv": "conv",
        "norm": "" if norm == "none" else f"{norm} norm",
        "act": "" if act == "none" else str(act),
        "drop": f"dropout {rate:g}" if rate else "",
    }
    order = str(getattr(node, "order", "act drop")).split()
    shown = [words[step] for step in order if words[step]]
    if shown[:1] == ["conv"]:
        del shown[0]
    return ", ".join(shown)


def language_text(node: nodes.Node) -> str:
    """Return an operation in the language, on one line."""
    return " ".join(network_text(node).removeprefix("network =").split())


_NARROW, _WIDE = set("iljt.,:;|!'()[]f ·r"), set("mwMW%@×→⊕")


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Return about how many pixels a text of a sans-serif font takes; a little more than most fonts do."""
    ems = sum(0.38 if sign in _NARROW else 0.95 if sign in _WIDE else 0.69 if sign.isupper() else 0.61 for sign in text)
    return ems * size * (1.12 if bold else 1.0)
