"""A module beside the network it became: parameters, FLOPs, and scores at equal weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor, nn
from torch.func import functional_call

from budgetnet.convert.flow import ValueFlow
from budgetnet.convert.pieces import Piece, leaves
from budgetnet.convert.read import tensors_of
from budgetnet.errors import CountError
from budgetnet.files.network_file import Network
from budgetnet.network.cost.closed_form import cost
from budgetnet.network.nodes import GlobalAvgPool
from budgetnet.network.torch.build import build_nodes
from budgetnet.network.torch.measure import known_counts, measure_nodes

__all__ = ["ModuleAgreement", "compare_module", "weights_for"]

TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-4}
"""Largest difference of scores, relative to the largest score, that still counts as equal."""
_IMAGES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleAgreement:
    """Counts and scores of a module and of its network."""

    params: int
    """The network's, by the closed form and by ``numel``."""
    module_params: int
    """The module's: those that its scores depend on."""
    flops: int
    """The network's, by the closed form and by fvcore."""
    module_flops: int
    """The module's, by fvcore."""
    counted_elsewhere: Mapping[str, int]
    """FLOPs of the network that fvcore does not count in the module, by the reason; negative the other way round."""
    difference: float
    """Largest difference of scores at equal random weights, relative to the largest score."""
    dtype: str
    """``float64``, or ``float32`` for a module that computes in no other."""

    @property
    def same_params(self) -> bool:
        """Return whether both have as many parameters."""
        return self.params == self.module_params

    @property
    def same_flops(self) -> bool:
        """Return whether both take as many FLOPs, but for what fvcore does not count in the module."""
        return self.flops == self.module_flops + sum(self.counted_elsewhere.values())

    @property
    def same_scores(self) -> bool:
        """Return whether both compute the same scores."""
        return self.difference <= TOLERANCE[getattr(torch, self.dtype)]

    @property
    def holds(self) -> bool:
        """Return whether all is equal."""
        return self.same_params and self.same_flops and self.same_scores


def compare_module(module: nn.Module, network: Network, part: Piece, flow: ValueFlow) -> ModuleAgreement:
    """Compare a module with its network; the module's weights and mode stay as they are.

    Raises:
        CountError: fvcore's count of the network is not the closed form's.
    """
    shape = network.input_shape
    closed, counted = cost(network.network, shape), measure_nodes(network.network, shape)
    if (closed.params, closed.flops) != (counted.params, counted.flops):
        raise CountError(
            f"the closed form must give fvcore's counts, but got {closed.params:,} and {closed.flops:,} beside "
            f"{counted.params:,} and {counted.flops:,}; this is an error in budgetnet, please report it"
        )
    by_operator, _ = known_counts(module, shape)
    used = {name for leaf in leaves(part) for weight in leaf.weights for name in weight.names}
    learned = dict(module.named_parameters())
    elsewhere = {f"{place} does nothing at this size": -flops for place, flops in flow.left_out.items()}
    means = sum(
        prod(leaf.entry)
        for leaf in leaves(part)
        if isinstance(leaf.operation, GlobalAvgPool) and leaf.operator == "mean"
    )
    if means and "mean" not in by_operator:
        elsewhere["fvcore counts the network's gap, not the module's mean"] = means
    difference, dtype = _difference(module, network, part)
    return ModuleAgreement(
        params=closed.params,
        module_params=sum(tensor.numel() for name, tensor in learned.items() if name in used),
        flops=closed.flops,
        module_flops=sum(by_operator.values()),
        counted_elsewhere=elsewhere,
        difference=difference,
        dtype=dtype,
    )


def weights_for(network: Network, part: Piece, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors of a module as the ``state_dict`` of the network that `budgetnet.build` makes."""
    built = build_nodes(network.network, network.input_shape).state_dict()
    tensors = [weight.of(state).detach() for leaf in leaves(part) for weight in leaf.weights]
    return {
        name: tensor.reshape(own.shape).to(own.dtype if not own.is_floating_point() else tensor.dtype).clone()
        for (name, own), tensor in zip(built.items(), tensors, strict=True)
    }


def _difference(module: nn.Module, network: Network, part: Piece) -> tuple[float, str]:
    """Return the largest difference of scores, and the type that they were computed in."""
    trained = {each: each.training for each in module.modules()}
    module.eval()
    try:
        try:
            return _difference_in(torch.float64, module, network, part), "float64"
        except RuntimeError:  # it makes tensors of float32 itself
            return _difference_in(torch.float32, module, network, part), "float32"
    finally:
        for each, training in trained.items():
            each.training = training


def _difference_in(dtype: torch.dtype, module: nn.Module, network: Network, part: Piece) -> float:
    generator = torch.Generator().manual_seed(0)
    state = _drawn(tensors_of(module), dtype, generator)
    images = torch.randn(_IMAGES, *network.input_shape, generator=generator, dtype=dtype)
    built = build_nodes(network.network, network.input_shape).to(dtype).eval()
    built.load_state_dict(weights_for(network, part, state))
    with torch.no_grad():
        theirs = functional_call(module, state, (images,), tie_weights=False).flatten(1)
        ours = built(images)
    if not torch.isfinite(theirs).all() or theirs.shape != ours.shape:
        return float("inf")
    return float((ours - theirs).abs().max() / theirs.abs().max().clamp_min(1e-30))


def _drawn(state: Mapping[str, Tensor], dtype: torch.dtype, generator: torch.Generator) -> dict[str, Tensor]:
    """Return tensors of the same shapes with random values, so that every one of them matters.

    The weights' variance is 2 / fan-in, so that scores stay of moderate size; statistics are positive.
    """
    known: dict[int, Tensor] = {}
    found: dict[str, Tensor] = {}
    for name, tensor in state.items():
        key = tensor.data_ptr() if tensor.numel() else id(tensor)
        if not tensor.is_floating_point():
            found[name] = tensor.detach().clone()
            continue
        if isinstance(tensor, nn.Parameter) or "running_" in name:
            if key not in known:
                if tensor.dim() > 1:
                    known[key] = torch.randn(tensor.shape, generator=generator, dtype=dtype)
                    known[key] *= (2 / max(1, tensor[0].numel())) ** 0.5
                else:
                    known[key] = torch.rand(tensor.shape, generator=generator, dtype=dtype) * 0.9 + 0.1
            found[name] = known[key]
        else:
            found[name] = tensor.detach().to(dtype)
    return found
