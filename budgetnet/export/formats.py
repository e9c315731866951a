"""Formats of an exported network besides plain PyTorch: ``torch.export`` and ONNX, free of the machine's paths."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from budgetnet.errors import ExportError, RequestError, nearest

__all__ = [
    "EXPORT_FORMATS",
    "ExportFormat",
    "Extra",
    "exported_program",
    "extra_is_there",
    "needs_extra",
    "read_formats",
    "write_formats",
    "write_onnx",
]

ExportFormat = Literal["torch", "pt2", "onnx", "pte"]
"""torch: network.py and model.safetensors, which are always written. pt2: ``torch.export``. onnx: ONNX. pte:
ExecuTorch, in int8 for Cortex-M processors."""

Extra = Literal["onnx", "mcu"]

EXPORT_FORMATS: tuple[ExportFormat, ...] = get_args(ExportFormat)

_LIBRARIES: dict[Extra, tuple[str, ...]] = {
    "onnx": ("onnx", "onnxscript", "onnxruntime"),
    "mcu": ("executorch", "torchao"),
}
"""Modules of each extra."""

_BATCH = 2**16
"""Largest batch that the exported programs are declared for."""


def extra_is_there(extra: Extra) -> bool:
    """Return True if all libraries of an extra are installed."""
    return all(find_spec(name) is not None for name in _LIBRARIES[extra])


def needs_extra(extra: Extra, what: str) -> None:
    """Refuse *what* without the libraries of an extra.

    Raises:
        RequestError: one is missing; the message says how to install it.
    """
    missing = [name for name in _LIBRARIES[extra] if find_spec(name) is None]
    if missing:
        raise RequestError(
            f"{what} needs {', '.join(_LIBRARIES[extra])}, but {missing[0]} is not installed; "
            f"install them with: pip install 'budgetnet[{extra}]'"
        )


def read_formats(text: str | Sequence[str] | None, *, int8: bool = False) -> tuple[ExportFormat, ...]:
    """Return the formats that were asked for; by default pt2, and onnx where its libraries are installed.

    Args:
        text: names with commas between them, or a list of names.
        int8: an int8 network in ONNX is wanted, so onnx is, too.

    Raises:
        RequestError: an unknown format, or one whose libraries are not installed.
    """
    if text is None:
        chosen: list[str] = ["torch", "pt2", *(["onnx"] if int8 or extra_is_there("onnx") else [])]
    else:
        given = text.split(",") if isinstance(text, str) else list(text)
        chosen = ["torch", *(name.strip() for name in given), *(["onnx"] if int8 else [])]
    for name in chosen:
        if name not in EXPORT_FORMATS:
            raise RequestError(
                f"a format must be one of {', '.join(EXPORT_FORMATS)}, but got {name!r}"
                f"{nearest(name, EXPORT_FORMATS) or '; write for example --format onnx,pt2'}"
            )
    if "onnx" in chosen:
        needs_extra("onnx", "--int8" if int8 and (text is None or "onnx" not in text) else "--format onnx")
    if "pte" in chosen:
        needs_extra("mcu", "--format pte")
    return tuple(name for name in EXPORT_FORMATS if name in chosen)


def write_formats(
    model: nn.Module, inputs: Tensor, place: Path, wanted: Sequence[ExportFormat], *, name: str, classes: Sequence[str]
) -> None:
    """Write ``model.pt2`` and ``model.onnx`` into a folder, if they are wanted.

    Raises:
        ExportError: one of them cannot say this network.
    """
    if not {"pt2", "onnx"} & set(wanted):
        return
    program = exported_program(model, inputs)
    if "pt2" in wanted:
        write_pt2(program, place / "model.pt2")
    if "onnx" in wanted:
        write_onnx(program, place / "model.onnx", name=name, classes=classes)


def exported_program(model: nn.Module, inputs: Tensor) -> Any:
    """Return *model* as ``torch.export`` sees it, for any number of images, without the places in the source.

    Raises:
        ExportError: torch cannot export it.
    """
    batch = torch.export.Dim("batch", min=1, max=_BATCH)
    with _quiet("torch.export"):
        program = torch.export.export(model.eval(), (torch.zeros_like(inputs[:2]),), dynamic_shapes=({0: batch},))
    for node in program.graph.nodes:  # stack traces hold paths of this machine
        node.meta.pop("stack_trace", None)
    return program


def write_pt2(program: Any, path: Path) -> None:
    """Write an exported program as ``torch.export.load`` reads it.

    Raises:
        ExportError: torch cannot write it.
    """
    with _quiet("torch.export"):
        torch.export.save(program, path)


def write_onnx(program: Any, path: Path, *, name: str, classes: Sequence[str]) -> None:
    """Write an exported program as one ONNX file: input ``images`` (N, C, H, W), output ``logits`` (N, K).

    Args:
        program: the exported program.
        path: the file.
        name: the graph's name.
        classes: class names, kept as JSON in the model's metadata under ``classes``.

    Raises:
        ExportError: torch cannot translate it.
    """
    import onnx

    with _quiet("ONNX"):
        written = torch.onnx.export(
            program, (), dynamo=True, input_names=["images"], output_names=["logits"], verbose=False
        )
    assert written is not None  # with dynamo=True
    model = written.model_proto
    for entry in _entries(model):  # names of torch's nodes and places in the source
        del entry.metadata_props[:]
        entry.doc_string = ""
    model.graph.name = name
    model.producer_name, model.doc_string = "budgetnet", ""
    onnx.helper.set_model_props(model, {"classes": json.dumps(list(classes), ensure_ascii=False)})
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString(deterministic=True))


def _entries(model: Any) -> Iterator[Any]:
    """Yield everything in an ONNX model that can carry metadata."""
    yield model
    for graph in (model.graph, *model.functions):
        yield graph
        yield from graph.node
        yield from getattr(graph, "value_info", ())
    yield from (*model.graph.input, *model.graph.output, *model.graph.initializer)


@contextmanager
def _quiet(what: str) -> Iterator[None]:
    """Silence a torch exporter, and turn its failures into one line.

    Raises:
        ExportError: it failed.
    """
    loggers = [logging.getLogger(name) for name in ("torch.export", "torch.onnx", "onnxscript", "onnx_ir")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except Exception as error:  # torch's exporters raise many types, for what they do not know
        reason = " ".join(str(error).split())[:300]
        raise ExportError(f"the network cannot be written for {what} ({reason}); leave that format out") from error
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
