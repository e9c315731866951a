"""Plug-ins take ordinary PyTorch: blocks as people write them are counted, and what is unknown says the way out."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from budgetnet.errors import CountError
from budgetnet.files.network_file import Network
from budgetnet.files.plugins.plugins import Plugins, load_plugins, read_file
from budgetnet.files.plugins.types import PluginFile
from budgetnet.network.cost.closed_form import cost
from budgetnet.network.nodes import Custom, GlobalAvgPool, Linear, Sequence
from budgetnet.network.torch.build import build_nodes
from budgetnet.network.torch.measure import measure_nodes
from budgetnet.report.network import sheet, verified
from tests.benchmarks.plugin_blocks import outcomes

IMAGE = (8, 8, 8)
BLOCKS = load_plugins([read_file(Path(__file__).with_name("blocks_as_people_write_them.py"))])
ARGUMENTS: dict[str, tuple[tuple[str, object], ...]] = {"pad_channels": (("channels", 12),)}
NAMES = list(BLOCKS.forms)
ROUGH = {"batch_norm", "layer_norm", "group_norm", "instance_norm", "adaptive_avg_pool2d", "upsample_nearest2d"}
"""What fvcore counts and torch's counter does not."""


def test_there_are_enough_blocks() -> None:
    """As many as were refused once, and more."""
    assert len(NAMES) >= 29


@pytest.mark.parametrize("name", NAMES)
def test_a_block_is_counted_as_torch_counts_it(name: str) -> None:
    """Products equal those of torch's own counter (which takes a multiply-add for two); parameters are all there."""
    found = BLOCKS.forms[name](IMAGE, **dict(ARGUMENTS.get(name, ())))
    node = Custom(name, ARGUMENTS.get(name, ()))
    module = build_nodes(node, IMAGE, custom=BLOCKS.modules).eval()
    measured = measure_nodes(node, IMAGE, custom=BLOCKS.modules)
    # In parts, as torch's counter does not know every fused kernel of a processor.
    torch.backends.mha.set_fastpath_enabled(False)
    with FlopCounterMode(display=False) as counter, torch.no_grad(), sdpa_kernel(SDPBackend.MATH):
        output = module(torch.zeros(1, *IMAGE))
    torch.backends.mha.set_fastpath_enabled(True)
    products = sum(flops for operator, flops in measured.by_operator.items() if operator not in ROUGH)
    assert 2 * products == counter.get_total_flops()
    assert (found.params, found.flops) == (measured.params, measured.flops)
    assert math.prod(found.output) == output.numel()
    assert found.params == sum(parameter.numel() for parameter in module.parameters())


FOURIER = """\
import torch
from torch import nn
from budgetnet.network.cost.types import CustomCost


class Fourier(nn.Module):
    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(shape[0], shape[0], 1, bias=False)

    def forward(self, x):
        return torch.fft.fft2(self.conv(x)).real
"""
STATED = """
    @staticmethod
    def cost(shape: tuple[int, ...]) -> CustomCost:
        return CustomCost(output=shape, params=shape[0] ** 2, flops=1234, activations=7)
"""


def fourier(more: str = "") -> Plugins:
    """A block with an operator that has no count."""
    return load_plugins([PluginFile(Path("fourier.py"), FOURIER + more)])


def test_an_unknown_operator_says_where_and_the_way_out() -> None:
    """Operator, file, line, and that a stated cost would stand."""
    message = (
        r"fourier: fvcore must have a count for every operator, but has none for aten::fft_fft2 \(fourier\.py:12\), "
        r".* or state its cost in a method cost\(\)"
    )
    with pytest.raises(CountError, match=message):
        fourier().forms["fourier"](IMAGE)


def test_a_stated_cost_stands_where_fvcore_has_none() -> None:
    """Twice in a network, beside layers that are counted: the sums agree, and the count says whose figure it is."""
    own = fourier(STATED)
    network = Sequence((Custom("fourier"), Custom("fourier"), GlobalAvgPool(), Linear(3)))
    measured = measure_nodes(network, IMAGE, custom=own.modules)
    closed = cost(network, IMAGE, custom=own.forms)
    assert (measured.params, measured.flops, measured.activations) == (closed.params, closed.flops, closed.activations)
    assert measured.flops == 2 * 1234 + 8 * 64 + 8 * 3
    assert measured.by_operator["cost() of fourier"] == 2 * 1234
    assert measured.stated == ("fourier",)
    assert own.disagreement(network, IMAGE) is None


def test_a_stated_cost_excuses_no_other_module() -> None:
    """An unknown operator elsewhere is an error all the same."""
    both = load_plugins(
        [PluginFile(Path("fourier.py"), FOURIER + STATED), PluginFile(Path("b.py"), FOURIER.replace("Fourier", "Bare"))]
    )
    with pytest.raises(CountError, match=r"aten::fft_fft2 \(b\.py:12\)"):
        measure_nodes(Sequence((Custom("fourier"), Custom("bare"))), IMAGE, custom=both.modules)


def test_the_sheet_says_whose_figure_it_is() -> None:
    """`show --verify` notes a cost that is its author's."""
    own = fourier(STATED)
    nodes = Sequence((Custom("fourier"), GlobalAvgPool(), Linear(3)))
    network = Network(name="mine", input_shape=IMAGE, classes=3, network=nodes, plugins=own)
    assert verified(sheet(network), network).note == (
        "FLOPs and activations of fourier are as cost() states: fvcore has no count"
    )


def test_the_table_of_blocks_tells_what_happens(tmp_path: Path) -> None:
    """Counted, stated by the author, or refused with its reason."""
    path = tmp_path / "fourier.py"
    path.write_text(FOURIER + STATED + FOURIER.partition("\n\n\n")[2].replace("Fourier", "Bare"), encoding="utf-8")
    stated, refused = outcomes(path)
    assert stated["what happens"] == "as its author states"
    assert stated["FLOPs"] == 1234
    assert str(refused["what happens"]).startswith("refused: bare: fvcore must have a count for every operator, but ")
