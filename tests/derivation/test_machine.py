"""Expansion: every construct of the language, from its text to the network's tree."""

from __future__ import annotations

import re
import time

import pytest

from budgetnet.derivation.decision import Decision
from budgetnet.derivation.expand import expand, output_shape, refuse
from budgetnet.derivation.listeners import Assembler
from budgetnet.derivation.machine import LIMIT_DEPTH, LIMIT_NESTING, Machine
from budgetnet.errors import LanguageError, ShapeError
from budgetnet.grammar.load import load_grammar
from budgetnet.network.nodes import (
    Act,
    Dropout,
    Identity,
    MaxPool,
    Node,
    Sequence,
    Shape,
    Shared,
    Skip,
)
from budgetnet.network.text import network_text
from tests.derivation.derivations import (
    GRAMMARS,
    IMAGE,
    VOCABULARY,
    Recorder,
    built,
    conv,
    derive,
    names,
)
from tests.pace import pace

# --- sequence, alternatives, optional, repetition ---------------------------------------------------


def test_sequences_are_flat() -> None:
    """Rules and groups leave no trace: parts stand one after the other."""
    assert built("network = a (b conv(1, 4))\na = conv(3, 8) maxpool\nb = a act(relu)") == Sequence(
        (conv(3, 8), MaxPool(), conv(3, 8), MaxPool(), Act(), conv(1, 4))
    )
    assert built("network = a\na = conv(3, 8)") == conv(3, 8)


def test_the_start_rule() -> None:
    """A derivation starts at the rule called network, else at the first."""
    assert built("a = conv(3, 8)\nnetwork = conv(3, 4)") == conv(3, 4)
    assert built("a = conv(3, 8)\nb = conv(3, 4)") == conv(3, 8)


def test_alternatives() -> None:
    """One of the options; its label is the called rule's name where that tells them apart, else its text."""
    text = "network = a | conv(3, 8) | conv(5, 8) @3 | maxpool conv(1, 2)\na = conv(1, 4)"
    seen: list[Decision] = []
    assert built(text) == conv(1, 4)
    assert derive(text, {"kind": "conv(5, 8)"}, seen=seen).network == conv(5, 8)
    assert seen == [
        Decision(
            "kind",
            "alternative",
            ("a", "conv(3, 8)", "conv(5, 8)", "maxpool conv(1, 2)"),
            (1 / 6, 1 / 6, 0.5, 1 / 6),
            (True,) * 4,
            True,
        )
    ]


def test_optional() -> None:
    """The part or nothing."""
    text = "network = conv(3, 8) maxpool? (act(relu) maxpool)?"
    assert built(text, {"maxpool.used": False, "part.used": False}) == conv(3, 8)
    assert built(text, {"maxpool.used": True, "part.used": True}) == Sequence((conv(3, 8), MaxPool(), Act(), MaxPool()))


def test_a_network_of_nothing_is_the_identity() -> None:
    """No empty sequence is ever built."""
    assert built("network = maxpool?") == Identity()
    assert built("network = skip(maxpool{0})") == Skip(Identity())


def test_repetitions_are_derived_anew() -> None:
    """Each repetition makes its own choices; each of its decisions has the repetition's number in its name."""
    text = "network = conv(3|5, 8){2..3}"
    expansion = derive(text, {"conv.count": 3, "conv[1].kernel": 5})
    assert expansion.network == Sequence((conv(3, 8), conv(5, 8), conv(3, 8)))
    assert expansion.decisions == {"conv.count": 3, "conv[0].kernel": 3, "conv[1].kernel": 5, "conv[2].kernel": 3}


def test_fixed_and_nested_repetitions() -> None:
    """A fixed count is no decision; nested repetitions number from the outside in; a group counts as repeat."""
    assert names("network = (conv(3|5, 8){2} maxpool){2}") == [
        "conv[0][0].kernel",
        "conv[0][1].kernel",
        "conv[1][0].kernel",
        "conv[1][1].kernel",
    ]
    assert names("network = (conv(3, 8) maxpool){1..2} conv(1, 2){0..1}", {"repeat.count": 2}) == [
        "repeat.count",
        "conv#2.count",
    ]
    assert built("network = conv(3, 8){0} maxpool") == MaxPool()


def test_counts_may_be_values() -> None:
    """Bounds are values: parameters, arithmetic, choices; what stands for both bounds is chosen once."""
    assert built("network = a(2)\na(n) = conv(3, 8){n+1}") == Sequence((conv(3, 8),) * 3)
    text = "network = conv(3, 8){(1|2)+1}"
    assert derive(text, {"conv.times": 2}).decisions == {"conv.times": 2}
    assert built(text, {"conv.times": 2}) == Sequence((conv(3, 8),) * 3)
    seen: list[Decision] = []
    ranged = derive("network = a(3)\na(n) = conv(3, 8){1..n}", {"a.conv.count": 3}, seen=seen)
    assert ranged.network == Sequence((conv(3, 8),) * 3)
    assert [(decision.labels, decision.stable) for decision in seen] == [((1, 2, 3), False)]
    both = "network = conv(3, 8){(1|2)..(3|4)}"
    assert names(both, {"conv.times": 2, "conv.times#2": 4, "conv.count": 3}) == [
        "conv.times",
        "conv.times#2",
        "conv.count",
    ]


# --- tied and shared --------------------------------------------------------------------------------


def test_tied_repeats_its_decisions() -> None:
    """One derivation, several times: nothing is asked again, and nothing is shared in the tree."""
    text = "network = tied(conv(3|5, 8) maxpool?){1..3}"
    answers = {"repeat.count": 3, "conv.kernel": 5, "maxpool.used": True}
    expansion = derive(text, answers)
    assert expansion.network == Sequence((conv(5, 8), MaxPool()) * 3)
    assert expansion.decisions == answers


def test_tied_inside_tied() -> None:
    """The inner part is derived once within the outer one, which is derived once."""
    text = "network = tied(tied(conv(3|5|7, 8)){2..3} maxpool? conv(1|3, 4){2}){2}"
    answers = {"conv.count": 3, "conv.kernel": 7, "maxpool.used": True, "conv#2[1].kernel": 3}
    part = (conv(7, 8),) * 3 + (MaxPool(), conv(1, 4), conv(3, 4))
    expansion = derive(text, answers)
    assert expansion.network == Sequence(part * 2)
    assert len(expansion.decisions) == 5


def test_anew_inside_tied_and_tied_inside_anew() -> None:
    """Repetitions inside a tied part are repeated as they came out; a tied part inside a repetition is derived anew."""
    text = "network = (tied(conv(3|5, 8)){2} maxpool){2}"
    assert built(text, {"conv[1].kernel": 5}) == Sequence(
        (conv(3, 8), conv(3, 8), MaxPool(), conv(5, 8), conv(5, 8), MaxPool())
    )
    text = "network = tied(conv(3|5, 8){1..2}){2}"
    assert built(text, {"conv.count": 2, "conv[1].kernel": 5}) == Sequence((conv(3, 8), conv(5, 8)) * 2)


def test_tied_computes_anew_what_is_computed() -> None:
    """The choices are tied, not the widths computed from `in`."""
    text = "network = conv(3, 4) tied(conv(3|5, in*2)){2}"
    assert built(text, {"conv#2.kernel": 5}) == Sequence((conv(3, 4), conv(5, 8), conv(5, 16)))


def test_tied_takes_the_same_value_from_a_range_that_moves() -> None:
    """A choice is repeated by its value, not by its place; where it is no longer on offer that is an error."""
    text = "network = conv(3, 8) tied(conv(3, in..32:8)){2}"
    assert built(text, {"conv#2.channels": 32}) == Sequence((conv(3, 8), conv(3, 32), conv(3, 32)))
    text = "network = conv(3, 8) tied(conv(3, in..32:8) conv(1, 24)){2}"
    part = (conv(3, 24), conv(1, 24))
    assert built(text, {"conv#2.channels": 24}) == Sequence((conv(3, 8), *part, *part))
    message = "must be equal, but the first took 16 for conv#2.channels, a copy can only take 24, 32"
    with pytest.raises(ShapeError, match=re.escape(message)):
        derive(text, {"conv#2.channels": 16})


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("conv(3|5, in*2){in//8}", "a copy reaches conv.kernel, the first does not"),
        ("conv(3|5, 8){16//in}", "a copy does not reach conv.kernel"),
    ],
)
def test_tied_parts_that_cannot_come_out_alike(body: str, message: str) -> None:
    """Counts computed from a moving width would need more or fewer decisions."""
    with pytest.raises(ShapeError, match=re.escape(message)):
        derive(f"network = tied({body} conv(1, 16)){{2}}", shape=(8, 9, 9))


def test_shared_weights() -> None:
    """The same module several times; once is the part itself."""
    text = "network = conv(3, 8) shared(conv(3|5, 8) act(silu)){1..3}"
    body = Sequence((conv(5, 8), Act("silu")))
    assert built(text, {"repeat.count": 3, "conv#2.kernel": 5}) == Sequence((conv(3, 8), Shared(body, 3)))
    assert built(text, {"repeat.count": 1}) == Sequence((conv(3, 8), conv(3, 8), Act("silu")))
    assert built("network = shared(shared(act(relu)){2} dropout(0.1)){3}") == Shared(
        Sequence((Shared(Act(), 2), Dropout(0.1))), 3
    )
    with pytest.raises(ShapeError, match="a shared part must keep its input's shape, but got 3×32×32 -> 8×32×32"):
        derive("network = shared(conv(3, 8)){2}")


def test_leaves_know_how_often_they_run() -> None:
    """The listener hears the product of the shared repetitions around a primitive."""
    heard: list[tuple[str, Shape, int]] = []

    class Listening(Assembler):
        def leaf(self, node: Node, entry: Shape, factor: int) -> None:  # type: ignore[override]
            heard.append((type(node).__name__, entry, factor))

    grammar = load_grammar("network = maxpool shared(act(relu) shared(dropout(0.1)){2}){3} skip(conv(1, 8))")
    machine = Machine(grammar, input_shape=IMAGE, classes=10, vocabulary=VOCABULARY)
    machine.run(machine.start(), Listening())
    half = (3, 16, 16)
    assert heard == [
        ("MaxPool", IMAGE, 1),
        ("Act", half, 3),
        ("Dropout", half, 6),
        ("Conv", half, 1),
        ("Conv", half, 1),  # the projection
    ]


# --- recursion --------------------------------------------------------------------------------------

TREE = "network = conv(3, 4) tree gap\ntree = dwconv(3) | parallel(tree, tree) | skip(tree)"


def test_recursion_ends_at_its_limit() -> None:
    """Deeper down only options that can still come to an end are on offer."""
    seen: list[Decision] = []

    def deepest(decision: Decision) -> int:
        seen.append(decision)
        return max(index for index, allowed in enumerate(decision.allowed) if allowed)

    network = expand(load_grammar(TREE), input_shape=IMAGE, classes=4, vocabulary=VOCABULARY, choose=deepest).network
    assert [decision.allowed for decision in seen] == [(True, True, True)] * (LIMIT_DEPTH - 1) + [(True, False, False)]
    assert seen[2].name == "tree.tree#3.tree#3.kind"
    assert isinstance(network, Sequence)
    node, depth = network.items[1], 0
    while isinstance(node, Skip):
        node, depth = node.body, depth + 1
    assert depth == LIMIT_DEPTH - 1


def test_mutual_recursion_with_parameters() -> None:
    """Rules that call each other share the limit; parameters change on the way down."""
    text = "network = a(2)\na(n) = conv(1, n) b(n)?\nb(n) = a(n*2) | maxpool"
    expansion = derive(text, {"a.b.used": True, "a.b.kind": "a", "a.b.a.b.used": True, "a.b.a.b.kind": "maxpool"})
    assert expansion.network == Sequence((conv(1, 2), conv(1, 4), MaxPool()))


def test_recursion_that_runs_too_deep() -> None:
    """A count computed to be above 0 may force recursion beyond the limit: that is an error, not an endless loop."""
    with pytest.raises(LanguageError, match=r"nest at most 12 deep|no option ends within 12 nested calls"):
        derive("network = a(1)\na(n) = act(relu) a(n){n} | a(n){n}", {})


# --- errors and limits ------------------------------------------------------------------------------


def test_shape_errors_say_where() -> None:
    """The file's line with a caret, the rule, and the calls that led there."""
    text = "network = stage(8){2}\nstage(c) = conv(3, c)\n    block\nblock = maxpool(4) maxpool(5)"
    with pytest.raises(ShapeError) as caught:
        derive(text, shape=(3, 16, 16))
    assert str(caught.value).splitlines() == [
        "<text>:4:20: in rule 'block': kernel 5 is larger than the input 4×4 (at stage[0].block)",
        "  4 | block = maxpool(4) maxpool(5)",
        "    |                    ^^^^^^^",
    ]


def test_the_output_must_fit_the_classes() -> None:
    """A network ends with as many values as there are classes."""
    for head, shape in (("gap linear(classes)", (10,)), ("conv(1, classes) gap", (10, 1, 1))):
        assert derive(f"network = {head}", classes=10).shape == shape
    with pytest.raises(ShapeError, match=r"ends with 3×1×1, but 10 classes need 10 values; end it with: gap linear"):
        derive("network = gap", classes=10)
    with pytest.raises(ShapeError, match="ends with 5 features, but 10 classes"):
        derive("network = linear(5)", classes=10)
    with pytest.raises(ShapeError, match="ends with 10×2×2"):
        output_shape(((10, 2, 2),), 10)


def test_a_network_has_nothing_left_to_choose() -> None:
    """The refusing chooser names the decision, its options and its place."""
    with pytest.raises(LanguageError, match=r"<text>:1:19: in rule 'network': a network contains no choices, "):
        expand(
            load_grammar("network = conv(3, 8|16)"), input_shape=IMAGE, classes=10, vocabulary=VOCABULARY, choose=refuse
        )
    decision = Decision("c", "value", tuple(range(9)), (1 / 9,) * 9, (True,) * 9, True)
    with pytest.raises(LanguageError, match="but c is one of 0, 1, 2, 3, 4, 5 and 3 more; write one of them"):
        refuse(decision)


def test_a_chooser_must_choose_what_is_allowed() -> None:
    """An option that never ends is refused with its name."""
    with pytest.raises(LanguageError, match=r"kind=skip\(tree\) never ends; choose another option"):
        expand(load_grammar(TREE), input_shape=IMAGE, classes=4, vocabulary=VOCABULARY, choose=lambda _: 2)


def test_limits() -> None:
    """Too many layers, too deep nesting, endless work on nothing: errors, not endless loops."""
    with pytest.raises(LanguageError, match="a network has at most 2,000 layers, but this one has more; repeat less"):
        derive("network = (act(relu){200}){11}")
    nested = "act(relu)"
    for _ in range(LIMIT_NESTING + 1):
        nested = f"skip({nested})"
    with pytest.raises(LanguageError, match=f"parts nest at most {LIMIT_NESTING} deep"):
        derive(f"network = {nested}")
    assert derive(f"network = {nested[5:-1]}").shape == IMAGE
    with pytest.raises(
        LanguageError, match="at most 200,000 steps without a choice, but this one takes more; repeat less"
    ):
        derive("network = (((identity{0}){200}){200}){200}")


def test_what_is_nested_to_the_limit_can_be_read_again() -> None:
    """Rules may nest parts that would be too deep in one text; the limit keeps the printed network readable."""
    for form in (
        "skip({})",
        "graph {{ return (act(relu) {})(x) }}",
        "shared(act(silu) {}){{2}}",
        "parallel({}, identity)",
    ):
        rules = [f"r{level} = {form.format(f'r{level + 1}')}" for level in range(LIMIT_NESTING)]
        text = "\n".join([*rules, f'r{LIMIT_NESTING} = conv(3, in, order="conv act norm")'])
        network = built(text)
        assert built(network_text(network)) == network


def test_speed() -> None:
    """Searches derive thousands of networks; the bound is lenient, a loaded machine is slow."""
    grammar = GRAMMARS[0]
    machine = Machine(grammar, input_shape=IMAGE, classes=10, vocabulary=VOCABULARY)
    start = time.process_time()
    for seed in range(50):
        expand(grammar, input_shape=IMAGE, classes=10, vocabulary=VOCABULARY, choose=Recorder(seed), machine=machine)
    taken = (time.process_time() - start) / 50
    assert taken < 0.01 or taken < 0.01 * pace()
