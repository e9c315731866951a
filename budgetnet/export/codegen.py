"""From an architecture to one plain PyTorch file that needs nothing but torch.

The text is printed from the module that `budgetnet.network.torch.build` makes, layer by layer, and the helper
classes are copies of those in `budgetnet.network.torch.modules`. So weights saved from the one load strictly
into the other.
"""

from __future__ import annotations

import inspect
import keyword
import re
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from budgetnet.errors import ExportError
from budgetnet.export.codegen_layers import LayerPrinter, shape_words
from budgetnet.export.codegen_plugin import plugin_source
from budgetnet.network.nodes import Node, Shape
from budgetnet.network.torch import modules
from budgetnet.network.torch.build import CustomModule, build

__all__ = ["source"]

_PROVIDED = ("Tensor", "nn", "torch", *modules.__all__)
"""Names that a generated file may hold beside its own class."""


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
        network: the architecture.
        input_shape: ``(channels, height, width)`` of one image.
        classes: how many logits it must leave.
        name: of the class.
        header: what the file's docstring says first, e.g. counts and accuracy.
        custom: the study's own primitives by name; their source is copied into the file.

    Raises:
        ExportError: the name cannot be a class's, the network does not leave *classes* logits, or a study's own
            primitive cannot stand in a file of its own.
        ShapeError: the network cannot be applied to such images.
    """
    if not name.isidentifier() or keyword.iskeyword(name) or name in _PROVIDED or re.fullmatch(r"Graph\d+", name):
        raise ExportError(f"the class needs a Python name that the file does not use otherwise, got {name!r}")
    recorder = _Recorder(custom or {})
    with torch.random.fork_rng(devices=[]):
        module = build(network, input_shape, custom=recorder.makers)
    shapes = _output_shapes(module, input_shape)
    left = shapes[id(module)]
    if left != (classes,):
        raise ExportError(f"the network leaves {shape_words(left)} values, the data have {classes} classes")
    printer = LayerPrinter(shapes, recorder.calls)
    body = [line for layer in module for line in printer.lines(layer)]
    plugins = plugin_source(list(recorder.used.values()), taken=(name, *_PROVIDED))
    helpers = ["joined"] if printer.helpers & {"Parallel", "Split"} else []
    helpers += sorted(printer.helpers)
    params = sum(parameter.numel() for parameter in module.parameters())
    images = f"(N, {', '.join(map(str, input_shape))})"
    said = f"Images {images} to logits (N, {classes}); {params:,} parameters."
    parts = [
        *plugins.definitions,
        *(inspect.getsource(getattr(modules, helper)).rstrip() for helper in helpers),
        *printer.graphs,
        _network_class(name, said, body),
    ]
    text = "\n\n\n".join(parts)
    return f"{_docstring(header, name)}\n\n{_imports(text, plugins.imports)}\n\n\n{text}\n"


class _Recorder:
    """Stands in front of a study's own primitives and notes how each module was made."""

    def __init__(self, custom: Mapping[str, CustomModule]) -> None:
        self.makers = {name: self._recorded(make) for name, make in custom.items()}
        self.calls: dict[int, str] = {}
        """The text of the call, by the module's id."""
        self.used: dict[str, CustomModule] = {}
        """By the name in the text."""

    def _recorded(self, make: CustomModule) -> CustomModule:
        def made(shape: Shape, **arguments: object) -> nn.Module:
            module = make(shape, **arguments)
            name = getattr(make, "__name__", type(make).__name__)
            options = "".join(f", {key}={value!r}" for key, value in arguments.items())
            self.calls[id(module)] = f"{name}({shape!r}{options})"
            self.used[name] = make
            return module

        return made


def _output_shapes(module: nn.Module, input_shape: Shape) -> dict[int, Shape]:
    """The shape without the batch that every module of the network puts out, by the module's id."""
    shapes: dict[int, Shape] = {}

    def note(inner: nn.Module, _inputs: object, output: object) -> None:
        if isinstance(output, Tensor):
            shapes[id(inner)] = tuple(output.shape[1:])

    handles = [inner.register_forward_hook(note) for inner in module.modules()]
    with torch.no_grad():
        module.eval()(torch.zeros(1, *input_shape))
    for handle in handles:
        handle.remove()
    return shapes


def _docstring(header: str, name: str) -> str:
    usage = f"""
    from safetensors.torch import load_file

    model = {name}()
    model.load_state_dict(load_file("weights.safetensors"))
    model.eval()
"""
    said = header.strip().replace("\\", "\\\\").replace('"""', '\\"\\"\\"') or "A network in plain PyTorch."
    return f'"""{said}\n\nOnly torch is needed; the weights come with safetensors:\n{usage}"""'


def _imports(text: str, others: list[str]) -> str:
    """What the text uses, and what a study's own primitives import."""
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
