"""Code generation: a plain PyTorch file that takes the built network's weights and gives its logits."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from safetensors.torch import save_file
from torch import Tensor, nn

from budgetnet.errors import ExportError
from budgetnet.export.codegen.source import source
from budgetnet.network.nodes import (
    Binding,
    Conv,
    Custom,
    GlobalAvgPool,
    Graph,
    GraphApply,
    GraphJoin,
    GraphName,
    Identity,
    Linear,
    Node,
    Norm,
    Pad,
    Parallel,
    Scale,
    Sequence,
    Shape,
    Shared,
    Shuffle,
    Skip,
    Split,
    SqueezeExcite,
    Zero,
)
from budgetnet.network.torch.build import build_nodes
from budgetnet.ops.norm import ResponseNorm
from budgetnet.ops.pointwise import Act
from tests.network.strategies import Drawn, networks

CELL = Graph(
    ("x",),
    (Binding("h1", GraphApply(Conv(3, 16), ("x",))), Binding("h2", GraphApply(Zero(), ("h1",)))),
    GraphJoin("mul", (GraphJoin("add", (GraphName("h1"), GraphName("h2"))), GraphName("x"))),
)
EVERYTHING = Sequence(
    (
        Conv(3, 16),
        CELL,
        Skip(Conv(3, 16), Conv(1, 16, act="none")),
        CELL,
        Parallel((Identity(), Conv(1, 8)), "concat"),
        Split((Conv(3, 12), Norm("layer"))),
        SqueezeExcite(4, "none"),
        Shared(Conv(3, 24, norm="group"), 2),
        Shuffle(4),
        Scale(0.1),
        ResponseNorm(),
        Act("leaky_relu", 0.2),
        Act("prelu"),
        Pad(32, 2),
        GlobalAvgPool(),
        Linear(10),
    )
)


def loaded(text: str, name: str = "Network") -> nn.Module:
    """The class that a generated file defines, made and in eval mode."""
    namespace: dict[str, object] = {"__name__": "generated"}
    exec(compile(text, "generated.py", "exec"), namespace)
    kind = namespace[name]
    assert isinstance(kind, type)
    module = kind()
    assert isinstance(module, nn.Module)
    return module.eval()


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(networks())
def test_generated_source_is_the_network(drawn: Drawn) -> None:
    """The built network's weights load strictly, and the logits are equal bit for bit."""
    torch.manual_seed(0)
    built = build_nodes(drawn.network, drawn.input_shape).eval()
    printed = loaded(source(drawn.network, drawn.input_shape, drawn.shape[0]))
    assert list(printed.state_dict()) == list(built.state_dict())
    printed.load_state_dict(built.state_dict())
    images = torch.randn(2, *drawn.input_shape)
    with torch.no_grad():
        assert torch.equal(printed(images), built(images))


def test_file_runs_alone(tmp_path: Path) -> None:
    """In a process that cannot import budgetnet, the file and a safetensors file give the same logits."""
    torch.manual_seed(0)
    built = build_nodes(EVERYTHING, (3, 16, 16)).eval()
    (tmp_path / "network.py").write_text(source(EVERYTHING, (3, 16, 16), 10), encoding="utf-8")
    save_file(built.state_dict(), tmp_path / "weights.safetensors")
    images = torch.randn(2, 3, 16, 16)
    torch.manual_seed(1)
    save_file({"images": images}, tmp_path / "images.safetensors")
    program = """
import sys
sys.modules["budgetnet"] = None
from network import Network
from safetensors.torch import load_file, save_file
model = Network()
model.load_state_dict(load_file("weights.safetensors"))
model.eval()
save_file({"logits": model(load_file("images.safetensors")["images"])}, "logits.safetensors")
"""
    subprocess.run([sys.executable, "-W", "error", "-c", program], cwd=tmp_path, check=True, timeout=120)
    from safetensors.torch import load_file

    found = load_file(tmp_path / "logits.safetensors")["logits"]
    with torch.no_grad():  # another process may sum in another order: it may have another number of threads
        torch.testing.assert_close(found, built(images), rtol=1e-5, atol=1e-6)


def test_file_imports_only_torch() -> None:
    """Nothing but torch is imported, and nothing unpickles."""
    text = source(EVERYTHING, (3, 16, 16), 10)
    for statement in ast.parse(text).body:
        if isinstance(statement, ast.ImportFrom):
            assert statement.module in ("__future__", "torch")
        elif isinstance(statement, ast.Import):
            assert [alias.name for alias in statement.names] == ["torch"]
    assert "torch.load" not in text
    assert "pickle" not in text


def test_only_needed_helpers_and_each_graph_once() -> None:
    """Helpers stand in the file only where they are used; two equal cells share one class."""
    plain = source(Sequence((Conv(3, 8), GlobalAvgPool(), Linear(4))), (3, 8, 8), 4)
    assert [node.name for node in ast.parse(plain).body if isinstance(node, ast.ClassDef)] == ["Network"]
    assert "import torch\n" not in plain
    names = [
        node.name for node in ast.parse(source(EVERYTHING, (3, 16, 16), 10)).body if isinstance(node, ast.ClassDef)
    ]
    assert names.count("Graph1") == 1
    assert "Graph2" not in names


def test_layers_are_readable(hand_made: Node) -> None:
    """One layer a line, arguments that differ from torch's defaults only, the output's shape behind it."""
    text = source(hand_made, (3, 32, 32), 10, name="HandMade", header="Nine dilated blocks.")
    assert text.startswith('"""Nine dilated blocks.\n')
    assert "class HandMade(nn.Sequential):" in text
    assert "Images (N, 3, 32, 32) to logits (N, 10); 100,416 parameters." in text
    for line in (
        "nn.Conv2d(3, 64, 3, bias=False),  # 64 x 30 x 30",
        "nn.Conv2d(64, 128, 3, padding=22, dilation=22, groups=32, bias=False),  # 128 x 26 x 26",
        "nn.BatchNorm2d(128),  # 128 x 26 x 26",
        "nn.Dropout(0.05),  # 64 x 26 x 26",
        "nn.AdaptiveAvgPool2d(1),  # 64 x 1 x 1",
        "nn.Flatten(),  # 10",
    ):
        assert line in [found.strip() for found in text.splitlines()]
    assert max(map(len, text.splitlines())) <= 120


def test_graphs_become_formulas() -> None:
    """A graph's values keep their names, and joins are written as sums and products."""
    lines = [line.strip() for line in source(EVERYTHING, (3, 16, 16), 10).splitlines()]
    assert "h1 = self.operations[0](x)" in lines
    assert "h2 = self.operations[1](h1)" in lines
    assert "return (h1 + h2) * x" in lines


def test_awkward_names_in_graphs() -> None:
    """A value may be called like a Python keyword or like something the file uses."""
    graph = Graph(
        ("self",),
        (Binding("lambda", GraphApply(Conv(1, 2), ("self",))), Binding("torch", GraphApply(Conv(1, 2), ("lambda",)))),
        GraphJoin("concat", (GraphName("lambda"), GraphName("torch"), GraphName("self"))),
    )
    network = Sequence((graph, GlobalAvgPool()))
    torch.manual_seed(0)
    built = build_nodes(network, (3, 4, 4)).eval()
    printed = loaded(source(network, (3, 4, 4), 7))
    printed.load_state_dict(built.state_dict())
    images = torch.randn(1, 3, 4, 4)
    assert torch.equal(printed(images), built(images))


@pytest.mark.parametrize("header", ['ends in a "quote"', 'holds """ three', "back\\slash \\n", "ünïcode – ×", ""])
def test_any_header_is_a_docstring(header: str) -> None:
    """Whatever the header holds, the file is valid and says it."""
    said = ast.get_docstring(ast.parse(source(Linear(3), (1, 4, 4), 3, header=header)))
    assert said is not None
    assert said.startswith(header)


@pytest.mark.parametrize("name", ["1st", "class", "nn", "Residual", "Graph1", "two words"])
def test_class_names_are_checked(name: str) -> None:
    """A name that Python or the file itself would not bear is refused."""
    with pytest.raises(ExportError, match=f"does not use, but got '{name}'"):
        source(Linear(3), (1, 4, 4), 3, name=name)


def test_classes_are_checked() -> None:
    """A network that does not leave one logit per class is refused."""
    with pytest.raises(ExportError, match="the network leaves 3 values, the data have 10 classes"):
        source(Linear(3), (1, 4, 4), 10)


# --- a study's own primitives -----------------------------------------------------------------------

FACTOR = 2


def _width(channels: int) -> int:
    return FACTOR * channels


class Doubled(nn.Module):
    """Each channel twice, then a 1x1 convolution."""

    def __init__(self, shape: Shape, bias: bool = True) -> None:
        super().__init__()
        self.conv = nn.Conv2d(_width(shape[0]), shape[0], 1, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to the same shape."""
        return self.conv(torch.cat([x, x], dim=1))


def squeezed(shape: Shape, kernel: int) -> nn.Module:
    """Make a stock layer."""
    return nn.Sequential(nn.Conv2d(shape[0], shape[0], kernel), nn.ReLU())


def checked(shape: Shape) -> nn.Module:
    """Make a layer with budgetnet's help."""
    return build_nodes(Norm(), shape)


CUSTOM = {"doubled": Doubled, "squeezed": squeezed, "checked": checked, "nameless": lambda _shape: nn.ReLU()}


def test_a_studys_own_primitives_come_along() -> None:
    """Their classes and functions are copied with what they refer to, and nothing else of their file."""
    network = Sequence((Custom("doubled", (("bias", False),)), Custom("squeezed", (("kernel", 3),)), Linear(4)))
    torch.manual_seed(0)
    built = build_nodes(network, (3, 6, 6), custom=CUSTOM).eval()
    text = source(network, (3, 6, 6), 4, custom=CUSTOM)
    assert "Doubled((3, 6, 6), bias=False),  # 3 x 6 x 6" in text
    assert "FACTOR = 2" in text
    assert "CUSTOM" not in text
    assert "budgetnet" not in text
    printed = loaded(text)
    printed.load_state_dict(built.state_dict())
    images = torch.randn(2, 3, 6, 6)
    assert torch.equal(printed(images), built(images))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "checked",
            "checked needs `from budgetnet.network.nodes import Norm, Shape`, which an exported file does not have",
        ),
        ("nameless", "the source of <lambda> is not available; define it at the top level"),
    ],
)
def test_primitives_that_cannot_leave_home(name: str, message: str) -> None:
    """A primitive that needs budgetnet, or has no source, is refused with the reason."""
    with pytest.raises(ExportError, match=message):
        source(Sequence((Custom(name), Linear(2))), (3, 6, 6), 2, custom=CUSTOM)


def test_clashing_names_are_refused() -> None:
    """A study's definition must not carry the name of the network's class."""
    with pytest.raises(ExportError, match="Doubled defines 'Doubled', which the exported file defines too; rename it"):
        source(Sequence((Custom("doubled"), Linear(2))), (3, 6, 6), 2, name="Doubled", custom=CUSTOM)
