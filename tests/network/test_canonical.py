"""The canonical hash: blind to how a network is written, never to what it computes."""

from __future__ import annotations

import random
import zlib
from collections import defaultdict

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from budgetnet.network.canonical.hash import canonical_hash
from budgetnet.network.canonical.long_sums import describe_long_sums
from budgetnet.network.canonical.normal_form import Flow
from budgetnet.network.canonical.ordering import MOST_INPUTS, describe_flow
from budgetnet.network.nodes import (
    Act,
    AvgPool,
    Binding,
    Conv,
    DepthwiseConv,
    Dropout,
    Graph,
    GraphApply,
    GraphJoin,
    GraphName,
    Identity,
    Linear,
    MaxPool,
    Node,
    Norm,
    Parallel,
    Scale,
    Sequence,
    Shape,
    Shared,
    Shuffle,
    Skip,
    Split,
    Zero,
)
from budgetnet.network.torch.build import build_nodes
from tests.network.strategies import Drawn, networks
from tests.space.spaces import GRAMMARS, space_of
from tests.space.test_table import derived


def outputs(network: Node, shape: Shape) -> torch.Tensor:
    """What a network computes if layers of one kind and shape have the same weights."""
    module = build_nodes(network, shape).eval()
    for part in module.modules():
        for name, tensor in (*part.named_parameters(recurse=False), *part.named_buffers(recurse=False)):
            if tensor.dtype.is_floating_point:
                seed = zlib.crc32(f"{type(part).__name__} {name} {tuple(tensor.shape)}".encode())
                values = torch.rand(tensor.shape, generator=torch.Generator().manual_seed(seed))
                tensor.data.copy_(values + 0.5 if name == "running_var" else values - 0.3)
    images = torch.rand((2, *shape), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        return module.double()(images.double()).flatten(1)


def rewritten(node: Node, rng: random.Random) -> Node:
    """The same network, written another way."""
    match node:
        case Sequence(items):
            parts: list[Node] = []
            for item in items:
                parts += [Identity()] * (rng.random() < 0.2)
                parts.append(rewritten(item, rng))
            same: Node = Sequence(tuple(parts))
        case Skip(body, None):
            same = Skip(rewritten(body, rng))
            if rng.random() < 0.5:
                branches = [rewritten(body, rng), Identity()]
                rng.shuffle(branches)
                same = Parallel(tuple(branches), "add")
        case Skip(body, project):
            same = Skip(rewritten(body, rng), rewritten(project, rng))
            if rng.random() < 0.5:
                same = Parallel((rewritten(project, rng), rewritten(body, rng)), "add")
        case Parallel(branches, join):
            changed = [rewritten(branch, rng) for branch in branches]
            if join != "concat":
                rng.shuffle(changed)
            same = Parallel(tuple(changed), join)
        case Split(branches, join, shares):
            same = Split(tuple(rewritten(branch, rng) for branch in branches), join, shares)
        case Shared(body, times):
            same = Shared(rewritten(body, rng), times)
            if times == 4:
                same = Shared(Shared(rewritten(body, rng), 2), 2)
        case Graph(inputs, bindings, result):
            names = {name: f"{name}_renamed" for name in (*inputs, *(binding.name for binding in bindings))}
            return Graph(
                tuple(names[name] for name in inputs),
                tuple(Binding(names[binding.name], term(binding.term, names, rng)) for binding in bindings),
                term(result, names, rng),
            )
        case Conv(order="conv norm act drop", dropout=0.0) if node.act != "none":
            bare = Conv(**{name: getattr(node, name) for name in Conv.__slots__ if name != "act"}, act="none")
            same = Sequence((bare, Act(node.act)))
        case _:
            same = node
    match rng.randrange(8):
        case 0 if isinstance(node, Skip) and node.project is None:
            return Shared(same, 1)
        case 1:
            return Graph(("a",), (Binding("b", GraphName("a")),), GraphApply(same, ("b",)))
        case 2:
            dead = Binding("dead", GraphApply(Act("gelu"), ("a",)))
            return Graph(("a",), (Binding("b", GraphApply(same, ("a",))), dead), GraphName("b"))
        case 3:
            return Parallel((same,), "add")
        case _:
            return same


def term(old, names: dict[str, str], rng: random.Random):  # type: ignore[no-untyped-def]
    """A graph's term with other names and, in sums and products, another order."""
    match old:
        case GraphName(name):
            return GraphName(names[name])
        case GraphApply(function, inputs):
            whole = function if len(inputs) > 1 else rewritten(function, rng)
            return GraphApply(whole, tuple(names[name] for name in inputs))
        case GraphJoin(join, terms):
            changed = [term(inner, names, rng) for inner in terms]
            if join != "concat":
                rng.shuffle(changed)
            return GraphJoin(join, tuple(changed))


@settings(deadline=None, max_examples=60)
@given(drawn=networks(), seed=st.integers(0, 2**32))
def test_a_rewritten_network_has_the_same_hash_and_outputs(drawn: Drawn, seed: int) -> None:
    """Identities, single repetitions, order in sums, names and dead ends change neither hash nor function."""
    again = rewritten(drawn.network, random.Random(seed))
    assert canonical_hash(again) == canonical_hash(drawn.network)
    before, after = outputs(drawn.network, drawn.input_shape), outputs(again, drawn.input_shape)
    torch.testing.assert_close(after, before, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", ["graph", "parallel concat", "same thing twice", "tied rule", "optional", "shared"])
def test_equal_hash_means_equal_outputs(name: str) -> None:
    """Over whole spaces, networks of one hash compute one function."""
    groups: dict[str, list[Node]] = defaultdict(list)
    for entry in derived(name):
        if entry.expansion:
            groups[canonical_hash(entry.expansion.network)].append(entry.expansion.network)
    for group in groups.values():
        first = outputs(group[0], (2, 6, 6))
        for other in dict.fromkeys(group[1:]):
            torch.testing.assert_close(outputs(other, (2, 6, 6)), first, rtol=1e-6, atol=1e-9)
    functions = {tuple(outputs(group[0], (2, 6, 6)).flatten().tolist()) for group in groups.values()}
    if name not in ("graph", "shared"):
        assert len(functions) == len(groups), "different hashes for one function"


def test_nas_bench_like_cell_has_fewer_networks_than_derivations() -> None:
    """In a cell with absent edges many derivations are one network."""
    hashes = {canonical_hash(entry.expansion.network) for entry in derived("graph") if entry.expansion}
    assert len(hashes) < len(derived("graph"))


CONV, OTHER = Conv(3, 4), Conv(5, 4)
SHARED_TWICE = Graph(
    ("x",),
    (Binding("h", GraphApply(CONV, ("x",))),),
    GraphJoin("add", (GraphName("h"), GraphApply(Act("tanh"), ("h",)))),
)
OWN_WEIGHTS = Graph(
    ("x",), (), GraphJoin("add", (GraphApply(CONV, ("x",)), GraphApply(Sequence((CONV, Act("tanh"))), ("x",))))
)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Sequence((CONV, OTHER)), Sequence((OTHER, CONV))),
        (Sequence((CONV, CONV)), Shared(CONV, 2)),
        (SHARED_TWICE, OWN_WEIGHTS),
        (Parallel((CONV, OTHER), "concat"), Parallel((OTHER, CONV), "concat")),
        (Parallel((CONV, OTHER), "add"), Parallel((CONV, OTHER), "mul")),
        (Split((CONV, OTHER)), Split((OTHER, CONV))),
        (Skip(CONV), CONV),
        (Skip(Skip(CONV)), Skip(CONV)),
        (Shared(CONV, 2), Shared(CONV, 3)),
        (Dropout(0.1), Dropout(0.2)),
        (Sequence((Dropout(0.1), Dropout(0.1))), Dropout(0.1)),
        (Sequence((Act("gelu"), Act("gelu"))), Act("gelu")),
        (Conv(3, 4, bias="true"), Conv(3, 4)),
        (Conv(3, 4, padding=0), Conv(3, 4)),
        (Conv(3, 4, order="norm act conv drop"), Conv(3, 4)),
        (MaxPool(2), AvgPool(2)),
        (Linear(4), Linear(4, bias=False)),
        (Norm("group", 2), Norm("group", 4)),
        (Skip(CONV), Skip(CONV, Zero())),
    ],
)
def test_different_functions_have_different_hashes(one: Node, other: Node) -> None:
    """What computes something else is something else."""
    assert canonical_hash(one) != canonical_hash(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Sequence(()), Identity()),
        (Sequence((Dropout(0.0), Norm("none"), Act("none"), Shuffle(1), MaxPool(1))), Identity()),
        (Conv(3, 4, padding=1, bias="false"), Conv(3, 4)),
        (Conv(1, 4, dilation=3), Conv(1, 4)),
        (Conv(3, 4, norm="none"), Conv(3, 4, norm="none", bias="true", order="norm conv act")),
        (MaxPool(2, 2), MaxPool(2)),
        (Sequence((Act("relu"), Act("relu"))), Act("relu")),
        (DepthwiseConv(3, act="none"), DepthwiseConv(3, act="none", order="conv norm drop")),
        (Skip(Sequence((CONV, Zero()))), Identity()),
        (Parallel((CONV, Zero(), Identity()), "add"), Skip(CONV)),
        (Parallel((CONV, Parallel((OTHER, Identity()))), "add"), Parallel((OTHER, Identity(), CONV), "add")),
        (Split((Identity(), Identity())), Identity()),
        (Split((Identity(), Identity(), Identity()), "concat", (1, 2, 1)), Identity()),
        (Parallel((CONV, CONV), "mean"), Sequence((Parallel((CONV, CONV)), Scale(0.5, False)))),
        (Parallel((CONV, Parallel((OTHER, CONV), "concat")), "concat"), Parallel((CONV, OTHER, CONV), "concat")),
        (Shared(Shared(CONV, 2), 3), Shared(CONV, 6)),
        (Shared(Act("gelu"), 2), Sequence((Act("gelu"), Act("gelu")))),
        (Parallel((MaxPool(3, 1, 1), MaxPool(3, 1, 1)), "add"), Parallel((MaxPool(3, 1, 1),) * 2, "add")),
    ],
)
def test_equal_functions_have_equal_hashes(one: Node, other: Node) -> None:
    """Ways of writing the same."""
    assert canonical_hash(one) == canonical_hash(other)


def test_a_deep_network_is_no_problem() -> None:
    """Two thousand layers in a row are hashed without recursion."""
    assert len(canonical_hash(Sequence((CONV,) * 2000))) == 32


def test_hash_of_the_graph_space_is_pinned() -> None:
    """Hashes are stored in studies, so they must not change from one version to the next."""
    space = space_of(GRAMMARS["graph"])
    hashed = canonical_hash(space.expand(lambda decision: len(decision.labels) - 1).network)
    assert hashed == "eeba5dcb7a24887ef673cc0157f3c05b"


def long_sums(network: Node) -> str:
    """The text of a network as if its sums were too long to be written in full."""
    flow = Flow()
    return describe_long_sums(flow.values, flow.apply(network, (0,)))


@settings(deadline=None, max_examples=60)
@given(drawn=networks(), seed=st.integers(0, 2**32))
def test_long_sums_are_blind_to_how_a_network_is_written(drawn: Drawn, seed: int) -> None:
    """The text for long sums is one text for all ways to write a network, too."""
    assert long_sums(rewritten(drawn.network, random.Random(seed))) == long_sums(drawn.network)


@pytest.mark.parametrize("name", ["graph", "parallel concat", "same thing twice", "split and add", "shared"])
def test_both_texts_tell_the_same_networks_apart(name: str) -> None:
    """Whether sums are written in full or by their digests, the same networks are one."""
    found = [entry.expansion.network for entry in derived(name) if entry.expansion]
    pairs = {(canonical_hash(network), long_sums(network)) for network in found}
    assert len(pairs) == len({one for one, _ in pairs}) == len({other for _, other in pairs})
    assert long_sums(SHARED_TWICE) != long_sums(OWN_WEIGHTS)


def test_a_long_residual_network_is_described_in_a_text_that_grows_with_its_length() -> None:
    """Three times as many skips give a text three times as long, and nested sums are still one sum."""
    texts = {count: long_sums(Sequence((Skip(CONV),) * count)) for count in (200, 600)}
    assert len(texts[600]) < 3.2 * len(texts[200])
    flow = Flow()
    result = flow.apply(Sequence((Skip(CONV),) * 200), (0,))
    assert describe_flow(flow.values, result) == texts[200]
    assert describe_flow(flow.values, result, most=2 * MOST_INPUTS) != texts[200]
    first: Node = Skip(CONV)
    for _ in range(199):  # each block behind a sum of one more branch
        first = Sequence((first, Identity(), Parallel((Identity(), CONV), "add")))
    assert canonical_hash(first) == canonical_hash(Sequence((Skip(CONV),) * 200))


def test_hashes_of_residual_networks_are_pinned() -> None:
    """Hashes of networks with up to 180 skips in a row are those of earlier versions."""
    assert canonical_hash(Sequence((Skip(Conv(3, 16)),) * 100)) == "3b0c68878a35977a7a0f941f46562726"
    small = Sequence((Skip(CONV), Split((CONV, Identity())), Parallel((CONV, Sequence((CONV, CONV))), "mul")))
    assert canonical_hash(small) == "eab48e4bb6fe407f549a2a1673bb2ba8"
