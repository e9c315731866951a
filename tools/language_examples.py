"""The constructs of the language with an example of each, for the reference page; a test expands every one."""

from __future__ import annotations

from typing import NamedTuple

from budgetnet.grammar.functions import FUNCTIONS

__all__ = [
    "CONSTRUCTS",
    "DECISIONS",
    "FLAGSHIP",
    "IMPORTS",
    "LIMIT_DEPTH",
    "LIMIT_LAYERS",
    "LIMIT_NESTING",
    "MISTAKES",
    "NAMES",
    "PASSING",
    "SHARING",
    "VALUES",
    "Construct",
]


class Construct(NamedTuple):
    """One construct."""

    form: str
    """As it is written, with ``a`` and ``b`` for any parts, ``v`` for any value."""
    meaning: str
    example: str
    """A part of a network (it may follow ``conv(3, 16)``)."""


CONSTRUCTS = (
    Construct("a b", "one after the other", "conv(3, 16) conv(3, 32)"),
    Construct("a | b", "one of them", "conv(3, 16) | dwconv(3) conv(1, 16)"),
    Construct("a @3 | b", "the same with prior weights, 3 to 1 (1 if not written)", "maxpool(2) @3 | avgpool(2)"),
    Construct(
        "a if k == 1 | b if k > 1",
        "alternatives with conditions (`==`, `!=`, `<`, `<=`, `>`, `>=`): where one fails, that alternative is not on "
        "offer; nothing is chosen where one is left; a single part with a condition is there or nothing",
        "(conv(1, in*2) if in < 32) dwconv(3) (conv(3, 16) if in == 32 | conv(1, 16))",
    ),
    Construct("( … )", "a group", "(conv(3, 16) | dwconv(3)) se"),
    Construct("a?", "a or nothing", "conv(3, 16) se?"),
    Construct("a{n}", "n times; each time derived anew", "conv(3|5, 16){3}"),
    Construct("a{m..n}", "m to n times; the count is chosen; each time derived anew", "conv(3|5, 16){1..4}"),
    Construct(
        "tied(a){m..n}",
        "the same choices each time, weights of their own: the repeated cells of NASNet",
        "tied(conv(3|5, 16) se?){2..4}",
    ),
    Construct(
        "shared(a){m..n}",
        "the same choices and the same weights each time: parameters count once, FLOPs each time; "
        "the part must keep the shape of its input",
        "shared(conv(3, in)){2..3}",
    ),
    Construct(
        "skip(a)",
        "the residual `x + a(x)`; where the shapes differ, the shortcut gets a convolution "
        "`conv(1, …, stride=…, act=none)`",
        "skip(conv(3, 32, stride=2) conv(3, 32, act=none)) act(relu)",
    ),
    Construct("skip(a, project=none)", "the same; a difference is an error", "skip(dwconv(3, act=none), project=none)"),
    Construct(
        "skip(a, project=pad)",
        "the same; the shortcut skips positions and adds channels of zeros (ResNet's option A)",
        "skip(conv(3, 32, stride=2), project=pad)",
    ),
    Construct(
        "skip(a, project=b)",
        "`b(x) + a(x)`: any part on the shortcut",
        "skip(conv(3, 32, stride=2), project=avgpool(2) conv(1, 32, act=none))",
    ),
    Construct(
        "parallel(a, b, …)",
        "branches on the same input, added; or `join=mean`, `join=concat`, `join=mul` (one pixel or one channel "
        "applies to all)",
        "parallel(conv(1, 8), conv(3, 8), join=concat)",
    ),
    Construct(
        "split(a, b, …)",
        "branches on equal slices of the channels, concatenated; or `join=add`, `join=mean`, `join=mul`",
        "split(identity, dwconv(3|5)) shuffle(2)",
    ),
    Construct(
        "split(1: a, 3: b)",
        "branches on slices in proportion to their shares: numbers, or names of numbers",
        "split(1: identity, 3: dwconv(3))",
    ),
    Construct(
        "graph { h = a(x); … return h }",
        "a cell as a graph of named values with the input `x`; values are joined by `+`, `*` and `concat(h1, h2)`; "
        "parts are applied to values or to joins of them; statements end at a new line or `;`",
        "graph { h = conv(3, in)(x); g = dwconv(3|5)(h) + x; return conv(1, 16)(concat(g, h)) }",
    ),
    Construct(
        "graph(p, q) { … }",
        "a graph of several inputs, applied inside another graph",
        "graph { h = maxpool(3, stride=1, padding=same)(x); return (graph(p, q) { return conv(1, 16)(p) * q })(h, x) }",
    ),
)  # fmt: skip

VALUES = (
    Construct("16|24|32", "one of them: numbers, words, booleans or texts", "conv(3|5, 16, act=relu|silu)"),
    Construct("16 @2 | 24", "the same with prior weights", "conv(3, 16 @2 | 24)"),
    Construct("low..high", "every whole number from low to high", "conv(3, 14..18)"),
    Construct("low..high:step", "from low in steps, high included if it is met", "conv(3, 16..96:8)"),
    Construct("low..high*factor", "from low in factors", "conv(3, 16..128*2)"),
    Construct("+ - * / //", "arithmetic; `//` rounds down; `32*0.75` is 24", "conv(1, in*3//2) conv(3, in*0.75 + 8)"),
    *(Construct(function.text, function.help, f"conv(1, {name}(in*0.5, 8))") for name, function in FUNCTIONS.items()),
    Construct("in", "the width (channels) at the entry of the part that says it", "conv(3, in, stride=2)"),
    Construct(
        "entry",
        "inside a skip, the width at its entry; a rule that is called there gets it as an argument",
        "skip(conv(1, in//2) conv(3, in) conv(1, entry, act=none))",
    ),
    Construct(
        "3x3, 1x7", "height and width, where an argument may have both", "conv(1x7, 16) conv(7x1, 16, stride=2x1)"
    ),
    Construct("classes", "the number of classes of the data set", "conv(1, classes)"),
)

FLAGSHIP = """\
network   = stem stage(24|32){1..2} stage(48|64|96){1..2} head
stem      = conv(3, 16|24|32)
stage(c)  = block(c){1..3} down                  # c is drawn once per stage and shared by its blocks
block(c)  = regular(c) | dilated(c) | separable(c) | skip(regular(c){1..2})
regular(c)   = conv(3|5, c)
dilated(c)   = conv(3, c, dilation=2|4|8)
separable(c) = dwconv(3|5) conv(1, c)
down      = maxpool(2) | conv(3, in, stride=2)
head      = gap linear(classes)
"""

SHARING = """\
network = conv(3, 16) wide(2|4){2} tree gap linear(classes)
wide(e, c=in, k=3) = skip(conv(1, c*e) dwconv(k) conv(1, c, act=none))   # defaults may use `in` and earlier parameters
tree = conv(3, in) @2 | parallel(tree, tree)     # recursion ends: one alternative does without `tree`
"""

PASSING = """\
network = conv(3, 16) model(cell) gap linear(classes)
model(p) = p{5} conv(3, 32, stride=2) p{5} conv(3, 64, stride=2) p{5}      # one cell at three widths
cell = graph { a = op(x); b = op(x) + op(a); return op(x) + op(a) + op(b) }
op = zero | identity | conv(1|3, in) | avgpool(3, 1, 1)
"""

IMPORTS = """\
from prelude import mbconv, mbconv_down
network = conv(3, 16) mbconv_down(3|6, 24) mbconv(3|6, k=3|5){1..3} gap linear(classes)
"""

NAMES = """\
network  = stem stage(24|32){1..2} stage(48) head
stem     = conv(3|5, 16)
stage(c) = block(c){1..2} maxpool(2)
block(c) = conv(3|5, c) | separable(c) se?
separable(c) = dwconv(3) conv(1, c)
head     = gap linear(classes)
"""

DECISIONS = """\
stem.conv.kernel = 5
stage.count = 2
stage[0].c = 24
stage[0].block.count = 1
stage[0].block[0].kind = conv
stage[0].block[0].conv.kernel = 3
stage[1].c = 32
stage[1].block.count = 2
stage[1].block[0].kind = separable(c) se?
stage[1].block[0].se.used = true
stage[1].block[1].kind = separable(c) se?
stage[1].block[1].se.used = false
stage#2.block.count = 1
stage#2.block[0].kind = conv
stage#2.block[0].conv.kernel = 5
"""
"""One derivation of `NAMES`."""

LIMIT_DEPTH, LIMIT_LAYERS, LIMIT_NESTING = 12, 2000, 28
"""Limits of the room that derives networks (`budgetnet.derivation.machine`), which this room does not know; tested."""

MISTAKES = (
    "network = convv(3, 16) gap linear(classes)",
    "network = conv(3, 16, dropout=5%) gap linear(classes)",
    "network = conv(3, 16\n          gap linear(classes)",
    "network = stage gap linear(classes)\nstage(c) = conv(3, c)",
    "network = conv(3, 16) tree gap linear(classes)\ntree = conv(3, 16) tree",
)
"""Texts that are refused, to show how."""
