"""Published networks, written in the language: their counts, and what they compute, are the published ones."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from budgetnet.files.network_file import Network, parse_network_file, read, write
from budgetnet.network.cost.closed_form import cost
from budgetnet.network.torch.build import build_nodes
from budgetnet.network.torch.measure import measure_module, measure_nodes
from tests.networks.function import same_output
from tests.networks.published import BY_NAME, FOLDER, PUBLISHED, Published

SAME = [known for known in PUBLISHED if known.same_function]
OTHER = [known for known in PUBLISHED if not known.same_function]
# One cell of NAS-Bench-201 with the same function stands for the others.
COUNTED_ALIKE = [
    known
    for known in PUBLISHED
    if known.same_operators and known.name not in {f"nas-bench-201-{cell}" for cell in ("conv3x3", "skips", "2211")}
]


def architecture(known: Published) -> Network:
    """The shipped file."""
    return read(FOLDER / f"{known.name}.yaml")


def test_every_shipped_network_is_known():
    """No network file ships without a count from elsewhere."""
    assert {path.stem for path in FOLDER.glob("*.yaml")} == {*BY_NAME, "dilated-residual-100k"}


@pytest.mark.parametrize("known", PUBLISHED, ids=lambda known: known.name)
def test_parameters_are_the_published_ones(known: Published):
    """The file reads; its claim, the closed form and the usual Python have the published number of parameters."""
    shipped = architecture(known)
    assert shipped.name == known.name
    assert shipped.claimed is not None
    assert shipped.claimed["params"] == known.params
    assert cost(shipped.network, shipped.input_shape).params == known.params
    with torch.device("meta"):
        assert sum(parameter.numel() for parameter in known.oracle().parameters()) == known.params


@pytest.mark.parametrize("known", PUBLISHED, ids=lambda known: known.name)
def test_counts_are_those_of_the_count_of_record(known: Published):
    """Parameters, FLOPs and activations are what fvcore and numel find on the built network."""
    shipped = architecture(known)
    closed = cost(shipped.network, shipped.input_shape)
    counted = measure_nodes(shipped.network, shipped.input_shape)
    assert (closed.params, closed.flops, closed.activations) == (counted.params, counted.flops, counted.activations)
    assert shipped.claimed == {"params": counted.params, "flops": counted.flops}


@pytest.mark.parametrize("known", COUNTED_ALIKE, ids=lambda known: known.name)
def test_flops_are_those_of_the_usual_python(known: Published):
    """The count of record finds as many FLOPs and activations in the usual Python."""
    shipped = architecture(known)
    closed, theirs = cost(shipped.network, shipped.input_shape), measure_module(known.oracle(), shipped.input_shape)
    assert (closed.flops, closed.activations) == (theirs.flops, theirs.activations)


@pytest.mark.parametrize("known", SAME, ids=lambda known: known.name)
def test_function_is_that_of_the_usual_python(known: Published):
    """With equal weights the built network computes what the usual Python computes."""
    shipped = architecture(known)
    torch.manual_seed(0)
    assert same_output(build_nodes(shipped.network, shipped.input_shape), known.oracle(), shipped.input_shape)


@pytest.mark.parametrize("name", ["resnet-20-option-a", "densenet-bc-40-12", "darts-normal-cell", "tiniest"])
def test_another_function_is_noticed(name: str):
    """The comparison is sharp: one activation exchanged in the middle of the network makes the difference."""
    known, shipped = BY_NAME[name], architecture(BY_NAME[name])
    module = build_nodes(shipped.network, shipped.input_shape)
    places = [place for place, part in module.named_modules() if isinstance(part, nn.ReLU | nn.SiLU)]
    module.set_submodule(places[len(places) // 2], nn.LeakyReLU(0.1))
    torch.manual_seed(0)
    assert not same_output(module, known.oracle(), shipped.input_shape)


@pytest.mark.parametrize("known", OTHER, ids=lambda known: known.name)
def test_forward_is_finite(known: Published):
    """Networks that differ from the usual Python in a detail give finite scores, one for each class."""
    shipped = architecture(known)
    torch.manual_seed(0)
    with torch.no_grad():
        scores = build_nodes(shipped.network, shipped.input_shape).eval()(torch.randn(2, *shipped.input_shape))
    assert scores.shape == (2, shipped.classes)
    assert torch.isfinite(scores).all()


@pytest.mark.parametrize("known", PUBLISHED, ids=lambda known: known.name)
def test_written_files_read_back(known: Published):
    """The network without its rules, as an exported file has it, is the same network with the same claim."""
    shipped = architecture(known)
    again = parse_network_file(write(None, shipped))
    assert (again.network, again.claimed, again.input_shape) == (shipped.network, shipped.claimed, shipped.input_shape)


@pytest.mark.parametrize(
    ("name", "depth"),
    [
        ("resnet-8", 8),
        ("resnet-20-option-a", 20),
        ("densenet-bc-40-12", 40),
        ("squeezenet-1.1", 18),
        ("mobilenet-v2-cifar", 54),
    ],
)
def test_depth_is_the_one_in_the_name(name: str, depth: int):
    """The longest path has as many convolutions and linear layers as the papers say."""
    shipped = architecture(BY_NAME[name])
    assert cost(shipped.network, shipped.input_shape).depth == depth
