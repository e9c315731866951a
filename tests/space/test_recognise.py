"""Recognising networks: the decisions that derive them, or where they part from the grammar."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from budgetnet.derivation.decision import Decision
from budgetnet.derivation.expand import expand, refuse
from budgetnet.grammar.load import load
from budgetnet.network.nodes import Node
from budgetnet.network.text import network_text
from budgetnet.ops.registry import BUILTIN
from budgetnet.ops.signature import Vocabulary
from budgetnet.space.choosers import replay
from budgetnet.space.events import events_of
from budgetnet.space.recognise import Parting, Recognition, count_derivations, recognise
from tests.space.spaces import FLAGSHIP, GRAMMARS, space_of
from tests.space.test_table import derived

SPACE = space_of(FLAGSHIP, shape=(3, 32, 32), classes=10)
OPEN = {
    name: space
    for name, space in ((name, space_of(text)) for name, text in GRAMMARS.items())
    if any(entry.expansion for entry in derived(name))
}


def read(text: str, shape: tuple[int, int, int] = (3, 32, 32), classes: int = 10) -> Node:
    """A network from its text."""
    words = Vocabulary(BUILTIN)
    return expand(load(text), input_shape=shape, classes=classes, vocabulary=words, choose=refuse).network


def asked_in_vain(decision: Decision) -> int:
    """For replays that are complete."""
    raise AssertionError(f"{decision.name} was recognised")


@settings(deadline=None, max_examples=80)
@given(data=st.data())
def test_what_is_derived_is_recognised(data: st.DataObject) -> None:
    """The decisions found for a derived network derive that network, also after printing and reading it."""
    name = data.draw(st.sampled_from(sorted(OPEN)))
    entry = data.draw(st.sampled_from([entry for entry in derived(name) if entry.expansion]))
    assert entry.expansion
    network = entry.expansion.network
    printed = read(network_text(network), (2, 6, 6), 3)
    found = recognise(printed, OPEN[name])
    assert isinstance(found, Recognition)
    again = OPEN[name].expand(replay(found.decisions, asked_in_vain))
    assert events_of(again.network) == events_of(network)


@pytest.mark.parametrize("name", OPEN)
def test_derivations_of_one_network_are_counted(name: str) -> None:
    """The number of derivations of each network is that found by brute force."""
    networks = {entry.expansion.network: None for entry in derived(name) if entry.expansion}
    alike = Counter(tuple(events_of(entry.expansion.network)) for entry in derived(name) if entry.expansion)
    for network in list(networks)[:10]:
        assert count_derivations(network, OPEN[name]) == alike[tuple(events_of(network))]


def test_layers_are_compared_by_what_they_do() -> None:
    """Defaults, explicit paddings, separate activations and names in graphs make no difference."""
    text = """network = conv(3, 16, padding=1, act=none) act(relu) identity conv(3, 24) maxpool(2, 2)
              conv(5, 48, bias=false) maxpool(2) gap linear(10)"""
    found = recognise(read(text), SPACE)
    assert isinstance(found, Recognition)
    assert found.decisions["stage#2[0].block[0].regular.conv.kernel"] == 5
    cell = GRAMMARS["graph"].replace("h1", "first").replace("h2", "second")
    network = space_of(cell).expand(lambda _: 2).network
    assert isinstance(recognise(network, space_of(GRAMMARS["graph"])), Recognition)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "network = conv(3, 16) conv(7, 24) maxpool gap linear(10)",
            "not in this grammar: layer 2 of the network is conv(7, 24), where the grammar offers conv(3, 24) or "
            "conv(5, 24) or conv(3, 24, dilation=2) or conv(3, 24, dilation=4) or conv(3, 24, dilation=8) or dwconv(3) "
            "or ",
        ),
        (
            "network = conv(3, 16) conv(3, 24) maxpool gap linear(10)",
            "not in this grammar: layer 4 of the network is gap, where the grammar offers conv(3, 48) or ",
        ),
        (
            "network = conv(3, 16) conv(3, 24) maxpool conv(3, 48) maxpool gap linear(10) linear(10)",
            "not in this grammar: layer 8 of the network is linear(10), where the grammar offers "
            "the end of the network",
        ),
        (
            "network = conv(3, 16) conv(3, 24) maxpool conv(3, 48) maxpool gap",
            "not in this grammar: after layer 6 (gap) the network ends, where the grammar offers linear(10)",
        ),
        (
            "network = conv(5, 16) gap linear(10)",
            "not in this grammar: layer 1 of the network is conv(5, 16), where the grammar offers conv(3, 16) or "
            "conv(3, 24) or conv(3, 32)",
        ),
        (
            "network = skip(conv(3, 16)) gap linear(10)",
            "not in this grammar: at its start the network has the start of a skip, branch or other part, where the "
            "grammar offers conv(3, 16) or conv(3, 24) or conv(3, 32)",
        ),
    ],
)
def test_where_a_network_parts_from_the_grammar(text: str, message: str) -> None:
    """The first place where no derivation goes on, with what the network has and what the grammar offers."""
    parted = recognise(read(text, classes=48 if text.endswith("gap") else 10), SPACE)
    assert isinstance(parted, Parting)
    assert parted.text.startswith(message)


def test_a_shape_that_does_not_fit_is_an_offer_too() -> None:
    """Where the grammar's only way on is an error, the error is named."""
    space = space_of("network = conv(3, 4) maxpool(2|8) gap linear(classes)")
    network = read("network = conv(3, 4) maxpool(3) gap linear(3)", (2, 6, 6), 3)
    parted = recognise(network, space)
    assert isinstance(parted, Parting)
    assert parted.offered[0] == "maxpool"
    assert "kernel 8 is larger than the input 6×6" in parted.offered[1]
