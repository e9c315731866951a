"""Small versions of the benchmarks of the space: what they show must hold on every machine."""

from __future__ import annotations

from budgetnet.network.torch.measure import measure_nodes
from tests.benchmarks.bench_space_closed_form import compared, drawn
from tests.benchmarks.bench_space_counts import CUT, against_samples
from tests.benchmarks.bench_space_draws import aware, pruned_by_tpe
from tests.benchmarks.spaces import flagship, table_of
from tests.space.spaces import space_of


def test_exact_shares_agree_with_sampled_derivations() -> None:
    """Of the flagship's own draws and of uniform ones, as many lie in each range as the table says (|z| < 4.5)."""
    table = table_of(flagship())
    assert (table.derivations, table.fitting) == (4_193_532, 1_371_694)
    rows = against_samples(table, 1500, ranges=5)
    assert all(abs(row[key]) < 4.5 for row in rows for key in ("z prior", "z uniform"))
    assert sum(row["number"] for row in rows[:-1]) == rows[-1]["number"] == table.fitting


def test_no_draw_is_over_budget() -> None:
    """Budget-aware draws of the flagship grammar all fit, by the closed form and by fvcore."""
    found, costs = aware(flagship(), 400, 3)
    assert found["of these over budget"] == 0  # of derivations that look ahead for all bounds, before any rejection
    assert found["over budget among them"] == found["of the built over budget"] == found["counts unequal"] == 0
    assert len({cost.depth for cost in costs}) > 8


def test_the_closed_form_is_fvcores_count() -> None:
    """On networks of all kinds of draws, parameters, FLOPs and activations are equal."""
    networks = drawn(12)
    assert compared(networks) == {"networks": 12, "params": 12, "flops": 12, "activations": 12}


def test_the_cut_flagship_is_the_flagships_kind() -> None:
    """What is enumerated in its place has the same parts."""
    space = space_of(CUT, shape=(3, 32, 32), classes=10)
    network = space.expand(lambda decision: decision.allowed.index(True)).network
    assert measure_nodes(network, space.input_shape).params == space.cost(network).params == 80_330


def test_pruning_afterwards_by_tpe_gives_networks_that_fit() -> None:
    """The benchmark's rival is real: it learns from pruned trials, and what it is judged by fits."""
    space = flagship()
    costs = pruned_by_tpe(space, 30)
    assert costs
    assert all(space.budget.excess(cost) is None for cost in costs)
