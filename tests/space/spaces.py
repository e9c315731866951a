"""Small spaces that use every construct of the language, and their brute-force enumeration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from budgetnet.derivation.decision import Chooser, Decision
from budgetnet.derivation.expand import Expansion
from budgetnet.errors import LanguageError, ShapeError
from budgetnet.grammar.load import load_grammar
from budgetnet.network.budget import Budget
from budgetnet.network.cost.types import Cost
from budgetnet.ops.registry import BUILTIN
from budgetnet.ops.signature import Vocabulary
from budgetnet.space.space import Space

__all__ = ["FLAGSHIP", "GRAMMARS", "Derived", "all_derivations", "space_of"]

FLAGSHIP = """
network   = stem stage(24|32){1..2} stage(48|64|96){1..2} head
stem      = conv(3, 16|24|32)
stage(c)  = block(c){1..3} down
block(c)  = regular(c) | dilated(c) | separable(c) | skip(regular(c){1..2})
regular(c)   = conv(3|5, c)
dilated(c)   = conv(3, c, dilation=2|4|8)
separable(c) = dwconv(3|5) conv(1, c)
down      = maxpool(2) | conv(3, in, stride=2)
head      = gap linear(classes)
"""

GRAMMARS: dict[str, str] = {
    "nothing to choose": "network = conv(3, 4) gap linear(classes)",
    "alternatives": "network = (conv(3, 4) | conv(5, 4) | conv(1, 8)) gap linear(classes)",
    "weights": "network = (conv(3, 4) @3 | conv(5, 4) | identity @0.5) conv(3, 4 @2 | 8) gap linear(classes)",
    "optional": "network = conv(3, 4) se? (conv(3, 4) act(gelu))? gap linear(classes)",
    "repetition": "network = conv(3|1, 4){1..3} maxpool{0..2} gap linear(classes)",
    "groups": "network = (conv(3, 4|6) norm(batch|none)){2} gap linear(classes)",
    "tied": "network = tied(conv(3|1, 4|6) act(relu|gelu)){1..3} gap linear(classes)",
    "tied rule": (
        "network = conv(1, 4) tied(cell){2..3} gap linear(classes)\ncell = skip(conv(3|1, in)) | dwconv(3|5)?"
    ),
    "tied in tied": ("network = tied(conv(1, 4) tied(dwconv(3|5)){1..2} conv(1, 4|8)){1..2} gap linear(classes)"),
    "anew in tied": "network = tied(conv(3|1, 4){1..2} maxpool?){2} gap linear(classes)",
    "tied in anew": "network = (tied(conv(3|1, 4|8)){1..2} maxpool){1..2} gap linear(classes)",
    "tied at several widths": (
        "network = conv(1, 2|3) tied(conv(3|1, in*2) skip(conv(1|3, in))){1..3} gap linear(classes)"
    ),
    "tied cell at several widths": (
        "network = conv(1, 2) tied(cell conv(1, in + 2)){2..3} gap linear(classes)\n"
        "cell = graph { h = op(x); return op(x) + op(h) }\n"
        "op = zero | identity | conv(3, in)"
    ),
    "tied in tied at several widths": (
        "network = conv(1, 2) tied(tied(conv(1|3, in)){1..2} maxpool? conv(1, in*2)){2} gap linear(classes)"
    ),
    "both tied at several widths": (
        "network = conv(1, 2) tied(conv(1, in + 1) tied(conv(1|3, in + 1) shared(dwconv(3|5)){2}){2}){2..3} gap "
        "linear(classes)"
    ),
    "tied at several sizes": (
        "network = conv(1, 4) tied(conv(3|5, in, stride=2) (dwconv(3) | dwconv(5) | norm(batch)?)){1..3} gap "
        "linear(classes)"
    ),
    "tied and out of place": (
        "network = conv(1, 2) tied(conv(1, in*2) dwconv(3, padding=0|1)){2..4} gap linear(classes)"
    ),
    "tied with arguments by width": (
        "network = conv(1, 2|3) tied(conv(1|3|5, in + 1) conv(1, in, groups=1|3)){2} gap linear(classes)"
    ),
    "part passed": (
        "network = conv(1, 2) model(cell) gap linear(classes)\nmodel(p) = p conv(1, in*2) p{1..2}\n"
        "cell = conv(3|1, in) dwconv(3)?"
    ),
    "part passed to several widths": (
        "network = conv(1, 2) model(cell) gap linear(classes)\nmodel(p) = p{2} conv(1, 3) p conv(1, 4) stage(p)\n"
        "stage(b) = b dwconv(3|5)\ncell = graph { h = op(x); return op(x) + op(h) }\nop = zero | identity | conv(3, in)"
    ),
    "two parts passed": (
        "network = conv(1, 2) model(one, two) gap linear(classes)\n"
        "model(p, q) = p conv(1, 3) q p conv(1, 4) q skip(p)\none = conv(3|1, in)\ntwo = dwconv(3|5) | conv(1, in)"
    ),
    "choice of a part": (
        "network = conv(1, 2) model(one|two) gap linear(classes)\nmodel(p, q=one) = p conv(1, 3) q p\n"
        "one = conv(3|1, in)\ntwo = dwconv(3|5) | conv(1, in)"
    ),
    "choices between passed parts": (
        "network = conv(1, 2) model(cell, 3|4) model(cell, 2) gap linear(classes)\n"
        "model(p, c) = p? conv(1, c|in) p\ncell = conv(3|1, in) dwconv(3)?"
    ),
    "part in a tied part": (
        "network = conv(1, 2) tied(model(cell)){1..2} tied(model(wide) maxpool?){2} gap linear(classes)\n"
        "model(p) = p shared(p){2}\ncell = conv(3|1, in)\nwide = dwconv(3) | skip(dwconv(5))"
    ),
    "tied parts in a part": (
        "network = conv(1, 2) model(cell) gap linear(classes)\n"
        "model(p) = tied(p conv(1|3, in)){2} conv(1, in + 1) tied(p conv(1, in + 1)){2}\n"
        "cell = tied(dwconv(3|5)){1..2} inner(deep)\ninner(d) = d d\ndeep = norm | act(relu|gelu)"
    ),
    "part of two inputs": (
        "network = conv(1, 2) model(cell) gap linear(classes)\n"
        "model(p) = graph { a = p(x, x); b = p(x, a); return p(a, b) }\n"
        "cell = graph(s, t) { return op(s) + op(t) }\nop = identity | conv(1|3, in)"
    ),
    "part with arguments": (
        "network = conv(1, 2) model(cell|wide) gap linear(classes)\n"
        "model(p) = p(2) conv(1, 3) p(3, k=5) tied(p(in, 1) skip(p(3))){1..2}\n"
        "cell(c, k=3|1) = conv(k, c) dwconv(3)?\nwide(c, k=3) = conv(1, c*2) dwconv(k|1) conv(1, c)"
    ),
    "part that changes its shape": (
        "network = conv(1, 2) model(cell) gap linear(classes)\nmodel(p) = p conv(1, 3) p\ncell = conv(3, 2|4)"
    ),
    "shared": "network = conv(1, 4) shared(conv(3|5, 4)){1..3} gap linear(classes)",
    "shared in tied": "network = conv(1, 4) tied(shared(conv(3|1, 4)){1..2}){1..2} gap linear(classes)",
    "shared in shared": ("network = conv(1, 4) shared(dwconv(3|5) shared(conv(1, 4)){1..2}){2..3} gap linear(classes)"),
    "shared that cannot be": "network = conv(1, 4) shared(conv(3, 4|8)){1..3} gap linear(classes)",
    "skip": "network = conv(1, 4) skip(conv(3, 4|8)){1..2} gap linear(classes)",
    "skip strided": "network = conv(3, 4|6) skip(conv(3, 6, stride=1|2) conv(1, 8)) gap linear(classes)",
    "skip without projection": "network = conv(1, 4) skip(conv(3, 4|8), project=none){1..2} gap linear(classes)",
    "skip padded": "network = conv(1, 4|10) skip(conv(3, 8, stride=1|2), project=pad) gap linear(classes)",
    "skip by expression": (
        "network = conv(1, 4) skip(conv(3, 8), project=conv(1, 8, norm=batch|none, act=none)) gap linear(classes)"
    ),
    "parallel": "network = parallel(conv(1, 4), conv(3|5, 4|6), join=add) gap linear(classes)",
    "parallel concat": (
        "network = parallel(conv(1, 4|6), conv(3, 4)?, maxpool(3, 1, 1), join=concat) gap linear(classes)"
    ),
    "parallel product": (
        "network = conv(1, 4) parallel(conv(3|1, 4), conv(1, 4, act=sigmoid), join=mul) gap linear(classes)"
    ),
    "split": "network = conv(1, 4|6|8) split(identity, conv(3|1, in)) shuffle(2) gap linear(classes)",
    "split and add": (
        "network = conv(1, 6|9) split(conv(3|1, 4), dwconv(3) conv(1, "
        "4), identity | zero, join=concat) gap linear(classes)"
    ),
    "graph": (
        "network = conv(1, 4) cell gap linear(classes)\n"
        "cell = graph { h1 = op(x); h2 = op(x) + op(h1); return h1 + h2 }\n"
        "op = zero | identity | conv(3, in)"
    ),
    "graph of two inputs": (
        "network = graph { a = conv(1, 4)(x); b = conv(3|1, 4|6)(x); c = cell(a, b); return c } gap linear(classes)\n"
        "cell = graph(p, q) { h = conv(1, 4)(q) * p; return concat(h, q, (dwconv(3)?)(p)) }"
    ),
    "parameters": "network = block(4|6) block(8, 3|5) gap linear(classes)\nblock(c, k=3) = conv(k, c) dwconv(k)",
    "default with in": (
        "network = conv(1, 4|6) mb(1|2) gap linear(classes)\n"
        "mb(e, c=in) = skip(conv(1, c*e) dwconv(3) conv(1, c, act=none))"
    ),
    "default with a choice": ("network = block(4) gap linear(classes)\nblock(c, e=1|2) = conv(1, c*e) conv(3, c + 2)"),
    "arithmetic": (
        "network = b(8|12) gap linear(classes)\nb(c) = conv(1, c) conv(3, c // 3 * 2 + 1) conv(1, (1|2) * c - 3)"
    ),
    "ranges": "network = conv(1, 4..12:4) conv(3, 4..16*2) dropout(0.0..0.2:0.1) gap linear(classes)",
    "names and booleans": (
        "network = conv(3, 4, norm=batch|group|none, bias=true|false|auto, "
        "act=relu|silu) gap linear(classes, bias=true|false)"
    ),
    "bounds by value": "network = stage(2|3) gap linear(classes)\nstage(n) = conv(3, 2*n){n} dwconv(3|5){1..n}",
    "bounds by choice": "network = conv(3|1, 4){1|3} maxpool{0..1|2} gap linear(classes)",
    "recursion": (
        "network = conv(1, 4) tree gap linear(classes)\ntree = conv(3, 4) @3 | parallel(tree, conv(1, 4), join=add)"
    ),
    "heads": "network = conv(1, 4) (gap | gmp | identity) (linear(classes) | conv(1, classes))",
    "wrong arguments": "network = conv(3, (2|4|8) // 4) conv(1, 4, groups=1|3) gap linear(classes)",
    "order": (
        'network = conv(3, 4) conv(3, 4, order="norm act conv"|"conv norm act", dropout=0.0) gap linear(classes)'
    ),
    "same thing twice": "network = (conv(3, 4) | conv(3, 4) | conv(3, 4){1}) (se | identity)? gap linear(classes)",
    "conditions": (
        "network = conv(1, 4|6) op(one|three|none) (se if in > 4) last(1|2|3) gap linear(classes)\n"
        "op(k) = conv(1, in) if k == one | conv(3|5, in) if k == three | dwconv(3) @3 if in == 6 | identity\n"
        "last(n) = conv(1, 4) if n == 1 | conv(n, 4){1..2} if n == 3"
    ),
    "recursion by number": (
        "network = conv(1, 4) tree(0|1|2) gap linear(classes)\n"
        "tree(n) = conv(3|1, in) if n == 0 | parallel(tree(n - 1), identity) if n > 0"
    ),
    "unequal split": (
        "network = conv(1, 4|8|6) split(1: identity, 3: conv(3|1, in|4)) cut(1|2) gap linear(classes)\n"
        "cut(n) = split(n: dwconv(3), 2: act)"
    ),
    "width at the entry": (
        "network = conv(1, 4|8) skip(conv(1, in//2) inner? conv(1, entry, act=none)) gap linear(classes)\n"
        "inner = conv(3, in) | skip(conv(1, in*2) skip(conv(1, entry) conv(1, entry + 1)) conv(1, entry, act=none))"
    ),
    "means": "network = conv(1, 4) parallel(conv(1, 4), conv(3|5, 4|6), join=mean) gap linear(classes)",
    "values": (
        "network = conv(1x3|3|2, 4, stride=1|2x1) maxpool(2, ceil=true|false) norm(batch|instance, affine=true|bias) "
        "dropout(0.1, of=values|images) gap linear(classes)"
    ),
    "vector skips": "network = gap linear(4|6) skip(linear(4|6, act=relu)) linear(classes)",
}
"""By what they are about."""


@dataclass(frozen=True, slots=True)
class Derived:
    """One derivation, by brute force."""

    indices: tuple[int, ...]
    weight: float
    """Product of the weights of its options."""
    decisions: dict[str, object]
    expansion: Expansion | None
    cost: Cost | None
    failure: str
    """``shape``, ``argument`` or nothing."""


def space_of(text: str, *, shape: tuple[int, int, int] = (2, 6, 6), classes: int = 3, **bounds: int) -> Space:
    """The space of a grammar for small images."""
    return Space(load_grammar(text), Vocabulary(BUILTIN), shape, classes, Budget(**bounds))


def all_derivations(
    space: Space, derive: Callable[[Chooser], Expansion] | None = None, limit: int = 20_000
) -> list[Derived]:
    """Every derivation, by trying every allowed answer to every decision of *derive* (by default `Space.expand`)."""
    found: list[Derived] = []
    prefix: list[int] = []
    while True:
        chooser = _Odometer(prefix)
        expansion, cost, failure = None, None, ""
        try:
            expansion = (derive or space.expand)(chooser)
            cost = space.cost(expansion.network)
        except ShapeError:
            failure = "shape"
        except LanguageError:
            failure = "argument"
        found.append(Derived(tuple(chooser.taken), chooser.weight, chooser.decisions, expansion, cost, failure))
        assert len(found) <= limit, "the grammar is too large to enumerate"
        following = chooser.next_prefix()
        if following is None:
            return found
        prefix = following


class _Odometer:
    """Answers by a prefix, then with the first allowed option."""

    def __init__(self, prefix: list[int]) -> None:
        self._prefix = prefix
        self.taken: list[int] = []
        self.decisions: dict[str, object] = {}
        self.weight = 1.0
        """Product of the weights of what was taken, among the allowed."""
        self._allowed: list[tuple[bool, ...]] = []

    def __call__(self, decision: Decision) -> int:
        position = len(self.taken)
        index = self._prefix[position] if position < len(self._prefix) else decision.allowed.index(True)
        weights = [weight * allowed for weight, allowed in zip(decision.weights, decision.allowed, strict=True)]
        self.weight *= weights[index] / sum(weights)
        self.taken.append(index)
        self._allowed.append(decision.allowed)
        assert decision.name not in self.decisions, "decisions must have different names"
        self.decisions[decision.name] = decision.labels[index]
        return index

    def next_prefix(self) -> list[int] | None:
        """The answers to try next, or None after the last."""
        for position in reversed(range(len(self.taken))):
            for index in range(self.taken[position] + 1, len(self._allowed[position])):
                if self._allowed[position][index]:
                    return [*self.taken[:position], index]
        return None
