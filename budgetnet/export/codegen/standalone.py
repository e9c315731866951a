"""The exported network as one Python file: plain layers, the images' normalisation, and how to load the weights."""

from __future__ import annotations

import json
from collections.abc import Sequence
from string import Template

from budgetnet.errors import ExportError
from budgetnet.export.codegen.source import source
from budgetnet.files.network_file import Network
from budgetnet.training.data.images import Normalisation

__all__ = ["PLUGINS", "WEIGHTS", "standalone"]

WEIGHTS = "model.safetensors"
"""The file that the exported network's ``load`` looks for beside itself."""

PLUGINS = "plugins"
"""The folder beside it for plug-in files, which only the architecture's text needs."""

_FUTURE = "from __future__ import annotations\n"

_TAIL = Template('''

INPUT_SHAPE = $shape
"""Channels, height and width of one image."""

CLASSES = (
$classes
)
"""Class names, in the order of the logits."""

MEAN = $mean
STD = $std
"""Of the train images, per channel, of pixels scaled to 0..1. Without them the weights are useless."""


def preprocess(pixels: torch.Tensor) -> torch.Tensor:
    """Return what the network takes: uint8 images (N, C, H, W) as normalised floats of the same shape."""
    mean = torch.tensor(MEAN, device=pixels.device).view(1, -1, 1, 1)
    std = torch.tensor(STD, device=pixels.device).view(1, -1, 1, 1)
    return (pixels.float() / 255 - mean) / std


def load(weights: str | Path = Path(__file__).with_name("$weights")) -> Network:
    """Return the network with its trained weights, ready for use (in eval mode, on the processor)."""
    model = Network()
    model.load_state_dict(load_file(weights))
    return model.eval()
''')


def standalone(architecture: Network, *, header: str, classes: Sequence[str], normalisation: Normalisation) -> str:
    """Return the text of the file; it needs torch and safetensors, and nothing of budgetnet.

    Args:
        architecture: what is exported.
        header: what the file's docstring says first.
        classes: the class names in the order of the logits.
        normalisation: of the images that the weights were trained on.

    Raises:
        ExportError: the network cannot be written as a separate file.
    """
    text = source(
        architecture.network,
        architecture.input_shape,
        architecture.classes,
        name="Network",
        header=header,
        custom=architecture.plugins.modules,
    )
    head, found, rest = text.partition(_FUTURE)
    if not found:
        raise ExportError("the generated file has no import section; this is an error in budgetnet, please report it")
    imports = [line for line in rest.split("\n\n\n", 1)[0].splitlines() if line]
    body = rest.split("\n\n\n", 1)[1]
    known = {"from pathlib import Path", "from safetensors.torch import load_file", "import torch"}
    others = [line for line in imports if line not in known]
    lines = ["from pathlib import Path", "", "import torch", "from safetensors.torch import load_file", *others]
    tail = _TAIL.substitute(
        shape=repr(tuple(architecture.input_shape)),
        classes="\n".join(f"    {json.dumps(name, ensure_ascii=False)}," for name in classes),
        mean=repr(tuple(normalisation.mean)),
        std=repr(tuple(normalisation.std)),
        weights=WEIGHTS,
    )
    return f"{head}{_FUTURE}\n{chr(10).join(lines)}\n\n\n{body.rstrip()}\n{tail}"
