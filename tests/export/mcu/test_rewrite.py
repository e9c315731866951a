"""Graph changes before quantisation: they compute the same, and say what they did."""

from __future__ import annotations

import torch
from torch import nn

import budgetnet as bn
from budgetnet.export.mcu.rewrite import rewrite


def changed(text: str, scale: float = 1.0) -> tuple[dict[str, int], float, list[str]]:
    """Rewrite a network; return what was done, how far its answers moved, and its operators."""
    torch.manual_seed(0)
    model = bn.build(bn.parse_network(text, input=(3, 8, 8), classes=4)).eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias)
            nn.init.normal_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.5, 2)
            module.weight.data[0] *= scale
    images = torch.randn(2, 3, 8, 8)
    graph = torch.export.export(model, (images,)).module(check_guards=False)
    done = rewrite(graph)
    with torch.no_grad():
        off = float((graph(images) - model(images)).abs().max())
    return done, off, [str(node.target).split(".")[1] for node in graph.graph.nodes if node.op == "call_function"]


def test_a_norm_behind_a_pooling_is_folded_if_its_factors_are_positive() -> None:
    """Then the maximum of scaled values is the scaled maximum; with one negative factor it becomes a convolution."""
    text = "conv(3, 6, norm=none, act=none) maxpool norm act gap linear(classes)"
    done, off, operators = changed(text)
    assert done == {"folded": 1, "depthwise": 0, "pooled": 0}
    assert "batch_norm" not in operators
    assert off < 1e-5
    done, off, operators = changed(text, scale=-1.0)
    assert done == {"folded": 0, "depthwise": 1, "pooled": 0}
    assert operators.count("conv2d") == 2
    assert off < 1e-5


def test_a_norm_behind_its_convolution_is_left_to_the_quantiser() -> None:
    """It folds such norms itself."""
    done, off, operators = changed("conv(3, 6) gap linear(classes)")
    assert done == {"folded": 0, "depthwise": 0, "pooled": 0}
    assert "batch_norm" in operators
    assert off == 0


def test_norms_in_front_scales_and_global_max_pooling() -> None:
    """Norms in front of a convolution and learned scales become convolutions, global max pooling a plain one."""
    done, off, operators = changed('conv(3, 6, order="norm act conv") scale(0.5) gmp linear(classes)')
    assert done == {"folded": 0, "depthwise": 2, "pooled": 1}
    assert not {"batch_norm", "mul", "adaptive_max_pool2d"} & set(operators)
    assert off < 1e-5
