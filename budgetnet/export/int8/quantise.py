"""Post-training static quantisation of an ONNX network: int8 per channel, ranges from train images."""

from __future__ import annotations

import logging
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from budgetnet.errors import ExportError
from budgetnet.export.int8.fold import fold_norms
from budgetnet.text import counted
from budgetnet.training.data.images import Images

__all__ = [
    "CALIBRATION_IMAGES",
    "FineTuning",
    "Quantised",
    "calibration_images",
    "onnx_predictions",
    "quantise",
    "run_onnx",
    "with_accuracy",
]

CALIBRATION_IMAGES = 512
"""Train images whose values give the ranges of the activations."""
_SEED = 0
_BATCH = 128
_FREE = ("Flatten", "Reshape", "Identity", "Squeeze", "Unsqueeze")
"""Operators that compute nothing."""

_Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class FineTuning:
    """Cost of rounding, and gain by fine-tuning against it (`budgetnet.export.int8.fine_tune`)."""

    epochs: int
    """0 if rounding cost too little to fine-tune."""
    judging_images: int
    """Train images that the accuracies here are of; the fine-tuning did not see them."""
    float_accuracy: float
    rounded_accuracy: float
    tuned_accuracy: float | None
    """None if nothing was fine-tuned."""
    kept: bool
    """True if the file holds the fine-tuned network: it was better on the judging images."""
    seconds: float
    rounded_file: bytes | None = None
    """The file without fine-tuning, if another one was kept."""
    rounded_test_accuracy: float | None = None
    """Its accuracy on the test images."""

    def document(self) -> dict[str, Any]:
        """Return it for JSON; accuracies are fractions."""
        return {entry.name: getattr(self, entry.name) for entry in fields(self) if entry.name != "rounded_file"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantised:
    """An int8 network, and what it costs."""

    bytes: int
    """Size of the ONNX file."""
    calibration_images: int
    folded: int
    """Batch norms that became part of a convolution."""
    depthwise: int
    """Batch norms that became a depthwise 1x1 convolution."""
    in_float: Mapping[str, int]
    """Operators that stay in float32, with their number; empty if the network is whole in int8."""
    test_accuracy: float | None = None
    """Accuracy of the int8 network on the test images, as a fraction, read once."""
    test_images: int | None = None
    agreement: float | None = None
    """Share of test images that the int8 and the float network give the same class."""
    fine_tuning: FineTuning | None = None
    """None if it was not asked for."""

    @property
    def method(self) -> str:
        """How it was made, in words."""
        steps = "static, QDQ; weights int8 (7 bits) per channel, activations uint8"
        tuned = self.fine_tuning
        if tuned is None or not tuned.kept:
            return f"post-training, {steps}"
        return f"quantisation-aware fine-tuning of {counted(tuned.epochs, 'epoch')}, then {steps}"

    def document(self) -> dict[str, Any]:
        """Return it for JSON; accuracies are fractions."""
        return {
            "method": self.method,
            "bytes": self.bytes,
            "calibration_images": self.calibration_images,
            "norms_folded": self.folded,
            "norms_depthwise": self.depthwise,
            "in_float": dict(self.in_float),
            "test_accuracy": self.test_accuracy,
            "test_images": self.test_images,
            "agreement": self.agreement,
            "fine_tuning": None if self.fine_tuning is None else self.fine_tuning.document(),
        }


def quantise(source: Path, target: Path, train: Images) -> Quantised:
    """Write the int8 form of an ONNX network.

    Weights are rounded per channel to signed, activations per tensor to unsigned 8 bits, which is what ONNX Runtime's
    kernels for x86 take; sums are taken in 32 bits. Ranges
    are the extremes over `CALIBRATION_IMAGES` train images, drawn with a fixed seed. Weights keep to 7 of their 8 bits:
    x86 processors without VNNI add products in pairs of 16 bits, which would overflow (on such a processor full range
    cost a network of 180k parameters 11 points, 7 bits none).

    Args:
        source: the network in float32.
        target: where to write it.
        train: the train images.

    Raises:
        ExportError: ONNX Runtime cannot quantise it.
    """
    import onnx
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static

    images = calibration_images(train).numpy()
    logger = logging.getLogger()
    level = logger.level
    with tempfile.TemporaryDirectory(prefix="budgetnet-int8-") as place:
        folded = Path(place) / "folded.onnx"
        norms = fold_norms(source, folded)
        metadata = {entry.key: entry.value for entry in onnx.load(source, load_external_data=False).metadata_props}
        logger.setLevel(logging.ERROR)  # it advises preprocessing, which was done
        try:
            quantize_static(
                str(folded),
                str(target),
                _Reader(images),
                quant_format=QuantFormat.QDQ,
                per_channel=True,
                reduce_range=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                calibrate_method=CalibrationMethod.MinMax,
            )
        except Exception as error:  # it raises whatever its parts raise
            reason = " ".join(str(error).split())[:300]
            raise ExportError(
                f"ONNX Runtime cannot quantise the network ({reason}); export it without --int8"
            ) from error
        finally:
            logger.setLevel(level)
    model = onnx.load(target)
    onnx.helper.set_model_props(model, metadata)
    model.producer_name = "budgetnet"
    target.write_bytes(model.SerializeToString(deterministic=True))
    return Quantised(
        bytes=target.stat().st_size,
        calibration_images=len(images),
        folded=norms["folded"],
        depthwise=norms["depthwise"],
        in_float=_in_float(target),
    )


def calibration_images(train: Images) -> torch.Tensor:
    """Return the train images (N, C, H, W) whose values give the ranges, as the network takes them."""
    count = min(CALIBRATION_IMAGES, len(train))
    order = torch.randperm(len(train), generator=torch.Generator().manual_seed(_SEED))[:count]
    return train.normalisation.apply(train.pixels(order)).contiguous()


def with_accuracy(quantised: Quantised, path: Path, source: Path, test: Images) -> Quantised:
    """Return the result with the accuracy on the test images, which are read once by each network.

    Args:
        quantised: what `quantise` returned.
        path: the int8 network.
        source: the same in float32, for the share of images that both classify alike.
        test: the test images.
    """
    predicted, labels = onnx_predictions(path, test), test.labels.numpy()
    agreement = float((predicted == onnx_predictions(source, test)).mean())
    accuracy = float((predicted == labels).mean())
    tuned = quantised.fine_tuning
    if tuned is not None and tuned.rounded_file is not None:
        with tempfile.TemporaryDirectory(prefix="budgetnet-int8-") as place:
            rounded = Path(place) / "rounded.onnx"
            rounded.write_bytes(tuned.rounded_file)
            before = float((onnx_predictions(rounded, test) == labels).mean())
        tuned = replace(tuned, rounded_test_accuracy=before, rounded_file=None)
    return replace(quantised, test_accuracy=accuracy, test_images=len(labels), agreement=agreement, fine_tuning=tuned)


def run_onnx(path: Path, inputs: _Array) -> _Array:
    """Return an ONNX network's logits (N, K) on normalised images (N, C, H, W), computed in batches."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    parts = [session.run(None, {name: inputs[start : start + _BATCH]})[0] for start in range(0, len(inputs), _BATCH)]
    return np.concatenate(parts)


def onnx_predictions(path: Path, images: Images) -> _Array:
    """Return the class (N,) that an ONNX network gives each image."""
    predicted = []
    for start in range(0, len(images), 10 * _BATCH):
        indices = torch.arange(start, min(start + 10 * _BATCH, len(images)))
        inputs = images.normalisation.apply(images.pixels(indices)).contiguous().numpy()
        predicted.append(run_onnx(path, inputs).argmax(axis=1))
    return np.concatenate(predicted)


class _Reader:
    """Gives the calibration images batch by batch, as ONNX Runtime asks for them."""

    def __init__(self, images: _Array) -> None:
        self._parts = iter([images[start : start + _BATCH] for start in range(0, len(images), _BATCH)])

    def get_next(self) -> dict[str, _Array] | None:
        """Return the next batch, None at the end."""
        part = next(self._parts, None)
        return None if part is None else {"images": part}


def _in_float(path: Path) -> dict[str, int]:
    """Return the operators that run in float32, with their number, as ONNX Runtime plans them for this processor.

    In its plan, quantised operators have taken the conversions around them into themselves; where a conversion to
    float32 is left, the operator behind it has no int8 kernel.
    """
    import onnx
    import onnxruntime

    with tempfile.TemporaryDirectory(prefix="budgetnet-int8-") as place:
        plan = Path(place) / "plan.onnx"
        options = onnxruntime.SessionOptions()
        options.optimized_model_filepath = str(plan)
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
        options.log_severity_level = 3  # it warns that the plan belongs to this machine
        onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        graph = onnx.load(plan).graph
    floats = {output for node in graph.node if node.op_type == "DequantizeLinear" for output in node.output}
    found: Counter[str] = Counter()
    for node in graph.node:
        if node.op_type not in ("DequantizeLinear", "QuantizeLinear") and floats & set(node.input):
            floats.update(node.output)
            if node.op_type not in _FREE:
                found[node.op_type] += 1
    return dict(sorted(found.items()))
