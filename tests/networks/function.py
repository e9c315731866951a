"""Whether two modules compute the same at equal weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from budgetnet.network.nodes import Shape

__all__ = ["same_output"]


def weights(module: nn.Module) -> list[Tensor]:
    """Parameters and running statistics in the order of the modules, those of a module's parts before its own."""
    if hasattr(module, "in_order"):
        return module.in_order()
    own = [*module.parameters(recurse=False), *(buffer for buffer in module.buffers(recurse=False) if buffer.dim())]
    inner = [tensor for part in module.children() for tensor in weights(part)]
    # Attention projects to queries, keys and values with parameters of its own before its part projects back.
    return own + inner if isinstance(module, nn.MultiheadAttention) else inner + own


def same_output(ours: nn.Module, theirs: nn.Module, shape: Shape) -> bool:
    """Give both the same random weights and running statistics, and compare what they compute."""
    mine, other = weights(ours.eval()), weights(theirs.eval())
    assert [tensor.numel() for tensor in mine] == [tensor.numel() for tensor in other]
    with torch.no_grad():
        for here, there in zip(mine, other, strict=True):
            if there.dim() in (2, 4):
                nn.init.kaiming_normal_(there)
            else:
                there.uniform_(0.1, 1.0)
            here.copy_(there.reshape(here.shape))
        image = torch.randn(2, *shape)
        a, b = ours(image).flatten(1), theirs(image).flatten(1)
    assert torch.isfinite(a).all()
    return torch.allclose(a, b, rtol=1e-4, atol=1e-4 * float(b.abs().max()))
