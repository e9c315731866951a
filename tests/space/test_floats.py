"""Warnings about layers that have no int8 kernel: given where the budget is in bytes, and only there."""

from __future__ import annotations

from budgetnet.space.lint.lint import lint
from tests.space.spaces import space_of

TEXT = "network = conv(3, 8|16, act=relu|mish|gelu, norm=batch|layer) gap linear(classes)"


def test_layers_without_an_int8_kernel_are_named() -> None:
    """The warning names the layers that some network of the space has, with its place."""
    (warning,) = lint(space_of(TEXT, ram=65_536))
    assert "LayerNorm2d, Mish have no int8 kernel on a Cortex-M processor" in warning.text
    assert ":1:1: " in warning.text
    (warning,) = lint(space_of(TEXT.replace("mish|", ""), flash=65_536))
    assert "LayerNorm2d has no int8 kernel" in warning.text


def test_nobody_else_is_told() -> None:
    """Without a bound on flash or RAM there is no such warning, nor where all layers have kernels."""
    assert not lint(space_of(TEXT, params=100_000))
    assert not lint(space_of("network = conv(3, 8|16, act=relu|gelu) gap linear(classes)", ram=65_536))
