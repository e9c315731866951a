"""Torch modules become networks of the language with the same counts and, at equal weights, the same scores."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models.mobilenetv3 import MobileNetV3, _mobilenet_v3_conf
from torchvision.models.resnet import BasicBlock, ResNet

import budgetnet as bn
from budgetnet.convert.imported import ImportedNetwork
from budgetnet.errors import RequestError


def imported(module: nn.Module, shape: tuple[int, int, int] = (3, 16, 16)) -> ImportedNetwork:
    """Import a module and check that everything is equal, and that the file reads back as the same network."""
    found = bn.import_network(module, input=shape)
    assert found.comparison is not None
    assert found.comparison.holds, found.lines()
    read = bn.parse_network(found.text, input=shape, classes=found.network.classes)
    assert read.network == found.network.network
    return found


class Written(nn.Module):
    """A network as people write one: functions, views, in-place sums, means, concatenations."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8)), nn.ReLU())
        self.left = nn.Conv2d(8, 8, 3, padding=1)
        self.right = nn.Conv2d(8, 4, 1, bias=False)
        self.norm = nn.BatchNorm2d(12)
        self.hidden = nn.Linear(12 * 4 * 4, 20)
        self.last = nn.Linear(20, 5)

    def forward(self, x: Tensor) -> Tensor:
        """Map images to scores."""
        x = self.stem(x)
        y = functional.relu(self.left(x))
        y += x
        z = torch.cat([y, torch.tanh(self.right(y))], dim=1)
        z = functional.max_pool2d(self.norm(z), 2)
        if z.shape[2] > 4:
            z = functional.avg_pool2d(z, 2)
        z = functional.dropout(torch.relu(self.hidden(z.view(z.size(0), -1))), 0.5, self.training)
        return self.last(z)


def test_a_network_as_people_write_it():
    """Functions, views, an in-place sum, a branch on a shape, dropout."""
    found = imported(Written())
    assert found.text == (
        "network =\n"
        "    conv(3, 8, bias=true)\n"
        "    skip(conv(3, 8, norm=none))\n"
        "    parallel(identity, conv(1, 4, bias=false, norm=none, act=tanh), join=concat)\n"
        "    norm\n"
        "    maxpool\n"
        "    avgpool\n"
        "    linear(20, act=relu, dropout=0.5)\n"
        "    linear(classes)\n"
    )


def test_residual_blocks():
    """A small ResNet of torchvision's blocks."""
    found = imported(ResNet(BasicBlock, [2, 1, 1, 1], num_classes=7), (3, 32, 32))
    assert found.text == (
        "network =\n"
        "    conv(7, 64, stride=2)\n"
        "    maxpool(3, stride=2, padding=1)\n"
        "    basic_block(64){2}\n"
        "    basic_block(128, s=2)\n"
        "    basic_block(256, s=2)\n"
        "    basic_block(512, s=2)\n"
        "    gap\n"
        "    linear(classes)\n"
        "\n"
        "basic_block(c, s=1) = skip(conv(3, c, stride=s) conv(3, c, act=none)) act\n"
    )


def test_gates():
    """Squeeze-and-excitation is found in MobileNetV3's blocks, and its residuals."""
    settings, last = _mobilenet_v3_conf("mobilenet_v3_small")
    found = imported(MobileNetV3(settings[:5], last, num_classes=3), (3, 32, 32))
    assert found.text.split("\n\n")[1] == (
        "inverted_residual(e, s=1) =\n"
        "    conv(1, e, norm_eps=0.001)\n"
        "    dwconv(3, stride=s, norm_eps=0.001)\n"
        "    conv(1, 24, act=none, norm_eps=0.001)\n"
        "inverted_residual_2(e, s=1, r=auto) =\n"
        "    conv(1, e, act=hardswish, norm_eps=0.001)\n"
        "    dwconv(5, stride=s, act=hardswish, norm_eps=0.001)\n"
        "    se(gate=hardsigmoid, width=r)\n"
        "    conv(1, 40, act=none, norm_eps=0.001)\n"
    )


def test_weights_are_the_modules():
    """The network with the module's weights gives the module's scores."""
    module = Written().eval()
    found = imported(module)
    built = bn.build(found.network).eval()
    built.load_state_dict(found.weights)
    images = torch.randn(2, 3, 16, 16)
    assert torch.allclose(built(images), module(images), atol=1e-5)


class Softmaxed(nn.Module):
    """Ends with probabilities, in place of scores, after a Fourier transform."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Conv2d(3, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Map images to scores."""
        return functional.softmax(torch.fft.fft2(self.inner(x)).real.mean((2, 3)), dim=1)


def test_what_cannot_be_said_is_named():
    """Every operator without words, with its module and line."""
    with pytest.raises(RequestError, match=r"has none for\n  Softmaxed, test_import.py:\d+: fft_fft2: no operation"):
        bn.import_network(Softmaxed())


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("resnet18", "a module to import must have a file and a class, but got 'resnet18'"),
        ("torchvision:resnet17", "torchvision has no classification model 'resnet17'; did you mean 'resnet18'?"),
        ("nowhere.py:Model", "there is no file nowhere.py"),
    ],
)
def test_sources_that_are_none(source, message):
    """The message says what a source is."""
    with pytest.raises(RequestError, match=message.replace("(", r"\(").replace("?", r"\?")):
        bn.import_network(source)


MODEL = """
from torch import nn

class Small(nn.Sequential):
    def __init__(self, width=4, num_classes=10):
        super().__init__(nn.Conv2d(3, width, 3), nn.Flatten(), nn.Linear(width * 36, num_classes))
"""


def test_a_file_runs_only_when_trusted(tmp_path):
    """A Python file is a program; its class takes plain arguments, and the number of classes by its usual names."""
    path = tmp_path / "model.py"
    path.write_text(MODEL)
    with pytest.raises(RequestError, match=r"is a program that runs here .* --trust-model"):
        bn.import_network(f"{path}:Small")
    found = bn.import_network(f"{path}:Small(width=2)", input=(3, 8, 8), classes=3, trust=True)
    assert found.text == "network = conv(3, 2, padding=0, norm=none, act=none) linear(classes)\n"
    assert found.origin == "Small of model.py"
    with pytest.raises(RequestError, match=r"defines no 'Smal'; did you mean 'Small'"):
        bn.import_network(f"{path}:Smal", trust=True)
