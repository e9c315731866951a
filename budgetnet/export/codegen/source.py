"""Generate a plain PyTorch file from a network; it needs only torch.

The text prints the same layers that `budgetnet.network.torch.build` makes, and the helper classes are copies of those
in `budgetnet.network.torch.modules`. So weights saved from the one load strictly into the other.
"""

from __future__ import annotations

import inspect
import keyword
import re
from collections.abc import Mapping

import torch

from budgetnet.errors import ExportError
from budgetnet.export.codegen.layers import LayerPrinter, shape_words
from budgetnet.export.codegen.plugin import plugin_source
from budgetnet.network.layer_walk import walk_layers
from budgetnet.network.nodes import Node, Shape
from budgetnet.network.torch.build import HELPERS, CustomModule

__all__ = ["source"]

_PROVIDED = ("Tensor", "nn", "torch", *HELPERS)
"""Names that a generated file may hold besides its own class."""


def source(
    network: Node,
    input_shape: Shape,
    classes: int,
    *,
    name: str = "Network",
    header: str = "",
    custom: Mapping[str, CustomModule] | None = None,
) -> str:
    """Return the text of a Python file with the network as class *name*.

    ``name().load_state_dict(weights)`` takes the ``state_dict`` of `build`'s module strictly, and then gives the
    same logits.

    Args:
        network: the network.
        input_shape: ``(channels, height, width)`` of one image.
        classes: how many logits it must leave.
        name: of the class.
        header: what the file's docstring says first, e.g. counts and accuracy.
        custom: the study's own primitives by name; their source is copied into the file.

    Raises:
        ExportError: the name cannot be a class's, the network does not leave *classes* logits, or a study's own
            primitive cannot be copied into a separate file.
        ShapeError: the network cannot be applied to such images.
    """
    if not name.isidentifier() or keyword.iskeyword(name) or name in _PROVIDED or re.fullmatch(r"Graph\d+", name):
        raise ExportError(f"the class name must be a Python name that the file does not use, but got {name!r}")
    printer = LayerPrinter(custom or {})
    with torch.random.fork_rng(devices=[]):
        layers, left = walk_layers(network, input_shape, printer)
    if left != (classes,):
        raise ExportError(f"the network leaves {shape_words(left)} values, the data have {classes} classes")
    body = [line for layer in layers for line in layer]
    plugins = plugin_source(list(printer.own_makers.values()), taken=(name, *_PROVIDED))
    helpers = ["joined"] if printer.helpers & {"ParallelBranches", "SplitBranches"} else []
    helpers += sorted(printer.helpers)
    images = f"(N, {', '.join(map(str, input_shape))})"
    said = f"Images {images} to logits (N, {classes}); {printer.params:,} parameters."
    parts = [
        *plugins.definitions,
        *(inspect.getsource(HELPERS[helper]).rstrip() for helper in helpers),
        *printer.graphs,
        _network_class(name, said, body),
    ]
    text = "\n\n\n".join(parts)
    return f"{_docstring(header, name)}\n\n{_imports(text, plugins.imports)}\n\n\n{text}\n"


def _docstring(header: str, name: str) -> str:
    usage = f"""
    from safetensors.torch import load_file

    model = {name}()
    model.load_state_dict(load_file("model.safetensors"))
    model.eval()
"""
    said = header.strip().replace("\\", "\\\\").replace('"""', '\\"\\"\\"') or "A network in plain PyTorch."
    return f'"""{said}\n\nOnly torch is needed; the weights come with safetensors:\n{usage}"""'


def _imports(text: str, others: list[str]) -> str:
    """Return the imports that the text and the study's own primitives need."""
    from_torch = {"Tensor", "nn"} if re.search(r"\bTensor\b", text) else {"nn"}
    for line in others:
        if match := re.fullmatch(r"from torch import (\w+(?:, \w+)*)", line):
            from_torch |= set(match[1].split(", "))
            others = [other for other in others if other != line]
    lines = ["import torch"] if re.search(r"\btorch\.", text) else []
    lines.append(f"from torch import {', '.join(sorted(from_torch))}")
    more = [line for line in others if line not in lines]
    return "\n".join(["from __future__ import annotations", "", *more, *lines])


def _network_class(name: str, said: str, body: list[str]) -> str:
    return "\n".join(
        [
            f"class {name}(nn.Sequential):",
            f'    """{said}',
            "",
            "    The comment behind a layer is the shape it puts out, without the batch.",
            '    """',
            "",
            "    def __init__(self) -> None:",
            "        super().__init__(",
            *(f"            {line}" for line in body),
            "        )",
        ]
    )
