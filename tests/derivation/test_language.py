"""Constructs that say where something stands or how much it gets: conditions, shares, a skip's entry, applied joins."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from budgetnet.errors import LanguageError, ShapeError
from budgetnet.network.canonical.hash import canonical_hash
from budgetnet.network.cost.closed_form import cost
from budgetnet.network.nodes import Conv, DepthwiseConv, Identity, Node, Parallel, Sequence, Split
from budgetnet.network.text import network_text, summary
from budgetnet.network.torch.build import build_nodes
from tests.derivation.derivations import built, derive


def middle(text: str, rules: str = "") -> Node:
    """What stands behind a convolution to 16."""
    network = built(f"network = conv(3, 16) {text}\n{rules}")
    assert isinstance(network, Sequence)
    assert built(network_text(network)) == network
    return network.items[1] if len(network.items) == 2 else Sequence(network.items[1:])


# --- conditions -------------------------------------------------------------------------------------

OPERATION = "op(k) = zero if k == none | conv(1, in) if k == 1x1 | conv(3, in) if k == 3 | dwconv(3) if k == true | act"


@pytest.mark.parametrize(
    ("value", "node"),
    [("none", "zero"), ("1", "act"), ("3", "conv(3, 16) | act"), ("true", "dwconv(3) | act"), ("2 + 1", "conv(3, 16)")],
)
def test_alternatives_by_value(value: str, node: str) -> None:
    """A rule's parameter takes one of them; words, numbers and truths are told apart."""
    left = node.split(" | ")[0]
    assert middle(f"op({value})", OPERATION.replace(" if k == 1x1", " if k == 0")) == middle(left)


def test_a_part_that_may_be_there() -> None:
    """A single part with a condition is there or nothing."""
    rules = "block(c, e) = (conv(1, c*e) if e > 1) dwconv(3) conv(1, c)"
    assert summary(middle("block(8, 1)", rules)) == "dwconv3 · conv1-8"
    assert summary(middle("block(8, 6)", rules)) == "conv1-48 · dwconv3 · conv1-8"


def test_what_is_left_is_asked() -> None:
    """Options whose condition fails are not on offer; the others keep their names and weights."""
    text = "network = conv(3, 16) op(2) gap linear(classes)\nop(k) = act @2 if k > 1 | zero if k == 1 | identity"
    seen = []
    derive(text, seen=seen)
    (decision,) = seen
    assert decision.labels == ("act", "zero", "identity")
    assert decision.allowed == (True, False, True)


def test_recursion_is_bounded_by_a_number() -> None:
    """A rule that counts down ends by itself."""
    rules = "tree(n) = conv(3, in) if n == 0 | parallel(tree(n - 1), identity) if n > 0"
    assert middle("tree(2)", rules) == Parallel((Parallel((Conv(3, 16), Identity())), Identity()))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("op(3)\nop(k) = act if k == 1 | zero if k == 2", "all their conditions fail; add one without"),
        ("op(relu)\nop(k) = act if k > 1", "> compares numbers, but got 'relu' > 1"),
        ("op(1)\nop(k) = act if k > big | zero", "> compares numbers, but got big; words are compared by =="),
        ("op(1)\nop(k) = act if kk == 1 | zero", r"a parameter .* but got kk == 1; this rule's parameters are k"),
        ("op(1)\nop(k) = act if k == (1|2) | zero", r"a condition holds no choice, but got 1\|2; make it a parameter"),
        ("op(1)\nop(k) = act if k == 1//0 | zero", "a condition: division by zero"),
        ("op(1)\nop(k) = act if k = 1 | zero", "a condition compares, as in k == 1"),
    ],
)  # fmt: skip
def test_wrong_conditions_are_refused(text: str, message: str) -> None:
    """The error says the rule, what came and what to do."""
    with pytest.raises(LanguageError, match=message):
        derive(f"network = conv(3, 16) {text}")


# --- shares, means, the entry of a skip -------------------------------------------------------------


def test_splits_in_unequal_parts() -> None:
    """Shares are proportions in lowest terms; equal ones are the plain split."""
    assert middle("split(4: conv(1, 4), 12: dwconv(3))") == Split((Conv(1, 4), DepthwiseConv(3)), shares=(1, 3))
    assert middle("split(8: conv(1, 8), 8: dwconv(3))") == Split((Conv(1, 8), DepthwiseConv(3)))
    assert middle("cut(3)", "cut(n) = split(n: act, 13: act)") == middle("split(3: act, 13: act)")
    module = build_nodes(
        Split((Identity(), Conv(1, 3, norm="none", act="none", bias="false")), shares=(1, 3)), (4, 1, 1)
    )
    with torch.no_grad():
        next(module.parameters()).copy_(2 * torch.eye(3)[:, :, None, None])
        assert module(torch.arange(4.0).view(1, 4, 1, 1)).tolist() == [[0.0, 2.0, 4.0, 6.0]]


def test_means_of_branches() -> None:
    """The sum of the branches, divided by their number."""
    module = build_nodes(Parallel((Identity(), Identity(), Sequence(())), "mean"), (2, 1, 1))
    assert module(torch.tensor([3.0, 6.0]).view(1, 2, 1, 1)).tolist() == [[3.0, 6.0]]
    assert isinstance(module, nn.Sequential)


def test_the_width_at_a_skips_entry() -> None:
    """Inside a skip it can be said where `in` is another width already; the innermost skip counts."""
    assert middle("skip(conv(1, in//4) conv(3, in) conv(1, entry))") == middle(
        "skip(conv(1, 4) conv(3, 4) conv(1, 16))"
    )
    inner = "skip(conv(1, 8) skip(conv(1, 2) conv(1, entry)) conv(1, entry))"
    assert middle(inner) == middle("skip(conv(1, 8) skip(conv(1, 2) conv(1, 8)) conv(1, 16))")
    assert middle("skip(conv(1, 8) last(entry))", "last(c) = conv(1, c)") == middle("skip(conv(1, 8) conv(1, 16))")
    assert middle("b(7)", "b(entry) = conv(1, entry)") == Conv(1, 7)


# --- parts applied to joins -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("return conv(1, 16)(concat(x, a, b))", "v = concat(x, a, b); return conv(1, 16)(v)"),
        ("return act(x + a) * b", "v = x + a; return act(v) * b"),
        ("return act(x + a * b) + b", "v = x + a * b; return act(v) + b"),
        ("return act(concat(b, se(a)))", "u = se(a); v = concat(b, u); return act(v)"),
        ("return conv(1, 8)(act(b) + se(a))", "v = act(b) + se(a); return conv(1, 8)(v)"),
        ("return cell(x + a, b)", "v = x + a; return cell(v, b)"),
    ],
)
def test_parts_are_applied_to_joins(short: str, long: str) -> None:
    """What has no name gets one: both ways of writing make the same network."""
    frame = "network = graph {{ a = dwconv(3)(x); b = dwconv(5)(x); {} }}\ncell = graph(p, q) {{ return p + q }}"
    one, other = (built(frame.format(text), shape=(4, 8, 8)) for text in (short, long))
    assert canonical_hash(one) == canonical_hash(other)
    assert cost(one, (4, 8, 8)) == cost(other, (4, 8, 8))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("return act(3)", r"act must be applied to a value of the graph; write act\(…\)\(x\)"),
        ("return act(concat(x))", "concat needs at least two values"),
        ("return conv(3, 16)(y)", "'y' is not a value of this graph"),
        ("return act(nothing(x))", "unknown rule or primitive 'nothing'"),
    ],
)
def test_wrong_applications_are_refused(text: str, message: str) -> None:
    """The error says what is missing."""
    with pytest.raises(LanguageError, match=message):
        derive(f"network = conv(3, 16) graph {{ {text} }}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("split(1: act, act)", r"split: all branches have a share, as in split\(1: a, 3: b\), or none"),
        ("parallel(1: act, 3: act)", "parallel gives each branch the whole input; shares are split's"),
        ("split(0: act, 3: act)", "a share of split must be a whole number of at least 1, but got 0"),
        ("cut(0)\ncut(n) = split(n: act, 3: act)", "a share of split must be a whole number of at least 1, but got 0"),
        ("split(5: act, 6: act)", "16 channels cannot be split 5:6"),
        (
            "conv(1, entry)",
            "entry is the width at the entry of a skip, so it stands inside one; write in, or pass it on",
        ),
        ("b\nb(c=entry) = conv(1, c)", "entry is the width at the entry of a skip"),
        ("parallel(act, act, join=men)", "join must be one of add, concat, mul, mean"),
    ],
)
def test_wrong_shares_and_entries_are_refused(text: str, message: str) -> None:
    """The error says the rule, what came and what to do."""
    with pytest.raises((LanguageError, ShapeError), match=message):
        derive(f"network = conv(3, 16) {text}")
