"""JSON Schemas of exported folders: what was written, checked and timed."""

from __future__ import annotations

from budgetnet.api.schemas.parts import SCORE
from budgetnet.api.schemas.shapes import (
    flag,
    listed,
    mapping,
    number,
    optional,
    share,
    structure,
    text,
    whole_number,
    word,
)

__all__ = ["CHECK_RESULT", "EXPORT_RESULT", "INT8_NETWORK", "TIMING"]

CHECK_RESULT = structure(
    "a check of an exported folder",
    check=text("its name"),
    holds=optional(flag("null if it was skipped")),
    text=text("its result in words, or the reason"),
    difference=optional(number("largest difference between numbers, where numbers were compared")),
)
_FINE_TUNING = structure(
    "fine-tuning against the rounding of int8",
    epochs=whole_number("epochs; 0 if rounding cost too little"),
    judging_images=whole_number("train images of these accuracies, which the fine-tuning did not see"),
    float_accuracy=share("accuracy in float32"),
    rounded_accuracy=share("accuracy in int8 without fine-tuning"),
    tuned_accuracy=optional(share("accuracy in int8 after it")),
    kept=flag("true if the file holds the fine-tuned network"),
    seconds=number("time of the fine-tuning, in seconds"),
    rounded_test_accuracy=optional(share("test accuracy in int8 without fine-tuning, where the other was kept")),
)
INT8_NETWORK = structure(
    "the network in int8",
    method=text(),
    bytes=whole_number("size of model.int8.onnx"),
    calibration_images=whole_number("train images that gave the ranges"),
    norms_folded=whole_number("batch norms that became part of a convolution"),
    norms_depthwise=whole_number("batch norms that became a depthwise 1x1 convolution"),
    in_float=mapping(whole_number(), "operators that stay in float32"),
    test_accuracy=optional(share("test accuracy in int8")),
    test_images=optional(whole_number("test images")),
    agreement=optional(share("test images that both networks give the same class")),
    fine_tuning=optional(_FINE_TUNING),
)
_SCALING = structure(scale=number("real value of one step"), zero_point=whole_number("int8 value of 0"))
_PROGRAM = structure(
    "the network as an ExecuTorch program for Cortex-M processors",
    target=text("processor that kernels and scratch buffers are for"),
    bytes=whole_number("size of model.pte"),
    ram=whole_number("bytes of RAM as ExecuTorch's planner gives them"),
    flash=whole_number("bytes of constants in the file"),
    kernels=whole_number("kernels that it runs"),
    in_float=mapping(whole_number(), "operators that stay in float32"),
    norms_folded=whole_number("batch norms folded through a max pooling"),
    norms_depthwise=whole_number("batch norms and scales that became a depthwise 1x1 convolution"),
    test_accuracy=optional(share("test accuracy of the program")),
    test_images=optional(whole_number("test images")),
    test_agreement=optional(share("test images that the program and the float network give the same class")),
    calibration_images=whole_number("train images that gave the ranges"),
    compared_images=whole_number("other train images, for the agreement"),
    agreement=optional(share("of these images that it and the float network give the same class")),
    input=_SCALING,
    output=_SCALING,
)
TIMING = structure(
    network=text("name"),
    way=word("how it was run", "eager", "compile", "onnx", "int8"),
    batch=whole_number("images per run"),
    threads=whole_number(),
    median_s=optional(number("median time of a run, in seconds; null if it could not be run")),
    p95_s=optional(number("95th percentile of the same")),
    images_per_second=optional(number()),
    runs=whole_number("runs measured"),
    memory_bytes=optional(whole_number("growth of the process's peak memory; null where the system does not tell")),
    reason=optional(text("why it could not be run")),
)
EXPORT_RESULT = structure(
    "an export",
    int8=optional(INT8_NETWORK),
    pte=optional(_PROGRAM),
    folder=text(),
    files=listed(text()),
    bytes=mapping(whole_number(), "size of each file"),
    formats=listed(text(), "formats of the network"),
    checks=listed(CHECK_RESULT, "in their order"),
    trial=whole_number("the trial"),
    why=text("why this trial was taken"),
    seed=whole_number("seed of the weights"),
    params=whole_number("parameters"),
    flops=whole_number("FLOPs"),
    test_accuracy=SCORE,
    weights_test_accuracy=optional(share("test accuracy of these weights")),
    broken_trainings=listed(text(), "statements about full trainings of the network that diverged or failed"),
    largest_difference=number("largest difference of logits between the export and the trained network"),
)
