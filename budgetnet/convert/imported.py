"""A torch module as a network of the language, with its text, its weights, and how both compare."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from budgetnet.convert.check import ModuleAgreement, compare_module, weights_for
from budgetnet.convert.flow import ValueFlow
from budgetnet.convert.pieces import Piece, leaves, node_of
from budgetnet.convert.read import read_flow, tensors_of
from budgetnet.convert.rules import grammar_text
from budgetnet.convert.structure import structured
from budgetnet.convert.tidy import tidy
from budgetnet.convert.trace import Unsayable, trace_module
from budgetnet.errors import RequestError
from budgetnet.files.network_file import Network, write
from budgetnet.network.shapes import describe_shape
from budgetnet.network.text import summary

if TYPE_CHECKING:
    from budgetnet.network.nodes import Shape

__all__ = ["ImportedNetwork", "convert_module"]

_RANDOM = ("StochasticDepth", "DropPath", "ImageDropout", "DropBlock2d")
"""Modules that act in training alone and leave no operator behind."""


@dataclass(frozen=True)
class ImportedNetwork:
    """A network of the language that was a torch module."""

    network: Network
    text: str
    """Its rules, as its file has them."""
    origin: str
    """The module."""
    part: Piece
    flow: ValueFlow
    module: nn.Module
    notes: tuple[str, ...]
    """Facts that a reader should know: what is left out."""
    comparison: ModuleAgreement | None
    """None if it was not asked for."""

    @cached_property
    def weights(self) -> dict[str, Tensor]:
        """The module's tensors, as the ``state_dict`` of the module that `budgetnet.build` makes of the network."""
        return weights_for(self.network, self.part, tensors_of(self.module))

    def file_text(self, path: Path | None = None) -> str:
        """Return the network file's text, and write it to *path* unless that is None.

        Raises:
            LanguageError: the file cannot be written.
        """
        return write(path, self.network, text=self.text)

    def write_weights(self, path: Path) -> None:
        """Write the weights as safetensors.

        Raises:
            RequestError: the file cannot be written.
        """
        from safetensors.torch import save_file

        try:
            save_file({name: tensor.contiguous() for name, tensor in self.weights.items()}, path)
        except OSError as error:
            raise RequestError(f"{path} cannot be written ({error.strerror}); choose another place") from None

    def write_study(self, path: Path, file: Path, dataset: str | None = None) -> None:
        """Write a study file whose grammar opens the network, which is its first trial.

        Args:
            path: the study file.
            file: the network's file, written before.
            dataset: name of a built-in data set; the first with such images and classes if None.

        Raises:
            RequestError: no such data set has the network's images and classes, or the file cannot be written.
        """
        from budgetnet.convert.study import write_study

        write_study(path, self.network, self.text, file=file, dataset=dataset)

    def document(self) -> dict[str, Any]:
        """Return the facts for `--json`."""
        found = self.comparison
        return {
            "name": self.network.name,
            "origin": self.origin,
            "input": list(self.network.input_shape),
            "classes": self.network.classes,
            "text": self.text,
            "notes": list(self.notes),
            "comparison": None
            if found is None
            else {
                "params": found.params,
                "module_params": found.module_params,
                "flops": found.flops,
                "module_flops": found.module_flops,
                "counted_elsewhere": dict(found.counted_elsewhere),
                "difference": found.difference if found.difference != float("inf") else None,
                "dtype": found.dtype,
                "holds": found.holds,
            },
        }

    def lines(self) -> list[str]:
        """Return the facts in words."""
        found = self.comparison
        shape = describe_shape(self.network.input_shape)
        lines = [
            f"{self.network.name}: {self.origin}, images of {shape}, {self.network.classes} classes",
            f"  {summary(self.network.network)}",
        ]
        if found is not None:
            lines += _compared(found)
        return lines + [f"note: {note}" for note in self.notes]


def _compared(found: ModuleAgreement) -> list[str]:
    """Return a comparison in words, one line for each kind of count."""
    mark = {True: "equal", False: "DIFFERENT"}
    flops = f"{found.flops:,}, the module's {found.module_flops:,}: {mark[found.same_flops]}"
    lines = [
        f"  parameters  {found.params:,}, the module's {found.module_params:,}: {mark[found.same_params]}",
        f"  FLOPs       {flops}" + (" but for what fvcore does not count in both" if found.counted_elsewhere else ""),
    ]
    lines += [f"              {flops:+,}: {reason}" for reason, flops in found.counted_elsewhere.items()]
    lines.append(
        f"  scores      {mark[found.same_scores]} at equal random weights: largest difference {found.difference:.1e} "
        f"of the largest score ({found.dtype})"
    )
    return lines


def convert_module(
    module: nn.Module, *, shape: Shape, classes: int | None, name: str, origin: str, check: bool
) -> ImportedNetwork:
    """Turn a torch module into a network of the language.

    Args:
        module: maps images to scores; left as it was.
        shape: ``(channels, height, width)`` of one image.
        classes: number of scores, to be checked; the module's own if None.
        name: of the network.
        origin: what the module is, for people.
        check: compare counts and scores.

    Raises:
        RequestError: the language has no words for some of it (each is named), or it has another number of scores.
    """
    trace = trace_module(module, shape, name)
    flow, result = read_flow(trace, module, shape, name)
    flow, result = tidy(flow, result)
    try:
        part = structured(flow, result)
    except Unsayable as problem:
        raise RequestError(
            f"the language must have words for all that {name} computes, but it has none for {problem}"
        ) from None
    after = flow.values[result].shape
    count = after[0]
    if after[1:] not in ((), (1, 1)):
        raise RequestError(
            f"{name} must end with one score for each class, but ends with {describe_shape(after)}; import a module "
            "that ends with its classifier"
        )
    if classes is not None and classes != count:
        raise RequestError(
            f"{name} must have {classes} scores, but has {count}; give its constructor the number of classes, for "
            f"example MODEL.py:Class(num_classes={classes})"
        )
    _refuse_shared(part, name)
    node = node_of(part)
    network = Network(name=name, input_shape=shape, classes=count, network=node, source=f"imported from {origin}")
    notes = _notes(module, part)
    comparison = compare_module(module, network, part, flow) if check else None
    text = grammar_text(part, shape, count)
    return ImportedNetwork(network, text, origin, part, flow, module, notes, comparison)


def _refuse_shared(part: Piece, name: str) -> None:
    """Refuse weights that are used in two places.

    Raises:
        RequestError: there are some.
    """
    seen: dict[str, str] = {}
    for leaf in leaves(part):
        place = leaf.modules[-1].path if leaf.modules else name
        for used in {tensor for weight in leaf.weights for tensor in weight.names}:
            if used in seen:
                raise RequestError(
                    f"a weight must be used in one place, but {used} of {name} is used twice; the nearest construct is "
                    "shared(…){n}, which repeats a part with the same weights"
                )
            seen[used] = place


def _notes(module: nn.Module, part: Piece) -> tuple[str, ...]:
    used = {name for leaf in leaves(part) for weight in leaf.weights for name in weight.names}
    unused = [(name, tensor.numel()) for name, tensor in module.named_parameters() if name not in used]
    notes: list[str] = []
    if unused:
        tops = list(dict.fromkeys(name.partition(".")[0] for name, _ in unused))
        total = sum(count for _, count in unused)
        notes.append(
            f"left out: {total:,} parameters that the scores do not depend on in eval mode ({', '.join(tops[:6])})"
        )
    kinds = {type(each).__name__ for each in module.modules() if type(each).__name__ in _RANDOM}
    if kinds:
        notes.append(
            f"left out: {', '.join(sorted(kinds))}, which acts in training alone; a recipe's stochastic_depth does "
            "the same"
        )
    return tuple(notes)
