"""The hand-made network that the project starts from: its numbers are golden."""

from __future__ import annotations

from pathlib import Path

from budgetnet.files.network_file import parse_network_file, read, write
from budgetnet.network.cost.closed_form import cost, layers
from budgetnet.network.nodes import Conv, Sequence, Skip
from budgetnet.network.torch.build import build_nodes
from budgetnet.network.torch.measure import measure_nodes

SEED = Path(__file__).parents[2] / "studies" / "networks" / "dilated-residual-100k.yaml"


def test_the_golden_numbers() -> None:
    """Parameters, FLOPs and layers, by the closed form and by fvcore."""
    seed = read(SEED)
    closed, counted = cost(seed.network, seed.input_shape), measure_nodes(seed.network, seed.input_shape)
    assert (closed.params, closed.flops) == (counted.params, counted.flops) == (100_416, 69_083_264)
    rows = layers(seed.network, seed.input_shape)
    assert len(rows) == 78
    assert (rows[0].type, rows[0].params, rows[0].output) == ("Conv2d", 1_728, (64, 30, 30))
    assert closed.depth == 20
    # 3x3 kernels: one plain, two unpadded, seven dilated ones; each adds twice its dilation.
    assert closed.receptive_field == 1 + 2 * (1 + 1 + 1 + 2 + 4 + 8 + 12 + 16 + 20 + 22)


def test_every_convolution_is_followed_alike() -> None:
    """ReLU, batch norm, dropout, in this order, after every convolution but the last; no biases."""
    seed = read(SEED)
    types = [row.type for row in layers(seed.network, seed.input_shape)]
    assert types == ["Conv2d", "ReLU", "BatchNorm2d", "Dropout"] * 19 + ["AdaptiveAvgPool2d", "Conv2d"]
    names = [
        name for name, _ in build_nodes(seed.network, seed.input_shape).named_parameters() if name.endswith("bias")
    ]
    module = build_nodes(seed.network, seed.input_shape)
    assert all(type(module.get_submodule(name.removesuffix(".bias"))).__name__ == "BatchNorm2d" for name in names)


def test_the_residual_blocks() -> None:
    """Seven blocks keep the 26 x 26 positions, dilated by 2 to 22, with plain residual sums."""
    seed = read(SEED)
    assert isinstance(seed.network, Sequence)
    skips = [item for item in seed.network.items if isinstance(item, Skip)]
    assert all(skip.project is None for skip in skips)
    dilated = [skip.body.items[0] for skip in skips if isinstance(skip.body, Sequence)]
    assert [conv.dilation for conv in dilated if isinstance(conv, Conv)] == [2, 4, 8, 12, 16, 20, 22]


def test_the_seed_written_out_is_the_seed() -> None:
    """Without its rules it is the same network."""
    seed = read(SEED)
    assert parse_network_file(write(None, seed)) == seed
