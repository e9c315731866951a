"""Schemas of what several commands print: costs, scores, trials, trainings."""

from __future__ import annotations

from typing import get_args

from budgetnet.api.schemas.shapes import (
    Schema,
    either,
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
from budgetnet.records.trial import OUTCOMES

__all__ = [
    "ANYTHING",
    "BRIEF",
    "BUDGET",
    "COSTS",
    "FINALIST",
    "LABEL",
    "REACHED_TARGET",
    "READING",
    "SCORE",
    "STUDY_GENERATION",
    "TRIAL",
    "full_training",
]  # fmt: skip

ANYTHING: Schema = {}
"""Anything that JSON holds."""

LABEL = either("an option's name", text(), number(), flag(), {"type": "null"})

BUDGET = mapping(
    number(),
    "upper bounds by cost, such as params and flops (one multiply-add = one FLOP); runtime counts towards flash; "
    "latency is in seconds",
)

COSTS: dict[str, Schema] = {
    "params": whole_number("parameters"),
    "flops": whole_number("FLOPs of one image; one multiply-add = one FLOP"),
    "activations": whole_number("values that convolutions and linear layers put out"),
    "peak_activation_bytes": whole_number("largest memory of activations, float32, one image"),
    "depth": whole_number("convolutions and linear layers on the longest path"),
    "receptive_field": whole_number("side of the input region that one output sees, in pixels"),
    "flash": whole_number("bytes of flash of weights, biases and scales in int8"),
    "ram": optional(whole_number("bytes of RAM in int8, one image; null where it was not worked out")),
}

SCORE = structure(
    "accuracy over several runs",
    mean=optional(share("mean")),
    deviation=optional(number("standard deviation; null below two runs")),
    n=whole_number("number of runs"),
)

_MISTAKE = structure(
    "an image classified wrongly",
    image=whole_number("index among the test images, from 0"),
    true=whole_number("index of the true class"),
    predicted=whole_number("index of the predicted class"),
    confidence=share("probability of the predicted class"),
    true_probability=share("probability of the true class"),
    file=optional(text("file, relative to the data set's folder")),
)

READING = structure(
    "details of the one reading of the test images",
    classes=listed(text(), "class names"),
    per_class=listed(optional(share()), "accuracy of each class; null for one without images"),
    confusion=listed(listed(whole_number()), "counts: row = true class, column = predicted class"),
    calibration_error=optional(number("expected calibration error over 15 bins")),
    mistakes=listed(_MISTAKE, "most confident mistakes, the most confident first"),
)

_CONDITIONS: dict[str, Schema] = {
    "recipe": mapping(ANYTHING, "recipe of the training; see study-file.md"),
    "losses": listed(number(), "mean train loss of each epoch, in nats"),
    "train_accuracies": listed(share(), "accuracy on augmented train images, by epoch"),
    "validation_losses": listed(number(), "mean loss on held-out images, by epoch"),
    "device": text("cpu, cuda:0 …"),
    "precision": text("type of activations"),
    "threads": whole_number("threads on the processor"),
    "environment": mapping(ANYTHING, "hardware, versions and command"),
    "trained_on": word("images trained on", "train", "train and validation"),
    "judged_by": word("images that the accuracy is of", "validation", "test"),
}


def full_training(**more: Schema) -> Schema:
    """Return the schema of a full training, with *more* fields."""
    return structure(
        "one full training",
        seed=whole_number("seed of weights, order, augmentation and dropout"),
        **_CONDITIONS,
        validation_accuracies=listed(share(), "accuracy on held-out images, by epoch"),
        test_accuracy=optional(share("accuracy on the test images; null if they were not read")),
        test_accuracy_flip=optional(share("the same with each image and its mirror image averaged")),
        test_loss=optional(number("mean loss on the test images, in nats")),
        test_images=optional(whole_number("number of test images")),
        test_losses=listed(number(), "test curve; empty unless it was asked for"),
        test_accuracies=listed(share(), "test curve; empty unless it was asked for"),
        reading=optional(READING),
        diverged=optional(text("reason why training was given up")),
        failed=optional(text("reason why there is no result")),
        epochs=whole_number("epochs trained"),
        seconds=number("time of training and validation"),
        weights=optional(text("file of the weights, relative to the folder")),
        finished=text("time of its end, ISO 8601"),
        resumed=listed(whole_number(), "epochs completed, each time that it went on from a checkpoint"),
        **more,
    )


_FINAL_RUN = full_training(
    trial=whole_number("trial"), run=whole_number("number of the run, from 0"), workers=whole_number("workers")
)
_FINAL_RUN["properties"]["after"] = ANYTHING

FINALIST = structure(
    "a network trained in full",
    trial=whole_number("the trial that proposed it"),
    validation_accuracy=SCORE,
    full_trainings=listed(_FINAL_RUN, "on the train split, judged by validation images: these choose"),
    test_accuracy=SCORE,
    runs=listed(_FINAL_RUN, "on all train images, tested"),
)

REACHED_TARGET = optional(
    structure(
        "the trials that reached the target, by what judged them; null without a target",
        brief=listed(whole_number(), "on validation images after brief training, by which a search judges"),
        full=listed(whole_number(), "on validation images after full training, as a mean over seeds"),
        test=listed(whole_number(), "on test images after full training, as a mean over seeds"),
    )
)
STUDY_GENERATION = structure(
    "the generation of the study that all of this belongs to; a changed grammar or budget begins a new one",
    number=whole_number("from 1"),
    begun=text("ISO 8601, UTC; empty for the first"),
    changes=listed(text(), "settings that were changed"),
    taken_over=whole_number("trained networks of earlier generations that this one still allows"),
    left_out=whole_number("trained networks of earlier generations that it does not"),
    full=whole_number("full trainings that were taken over"),
)
TRIAL = structure(
    "one trial",
    number=whole_number("number, from 0"),
    outcome=word("how it ended", *get_args(OUTCOMES) or OUTCOMES),
    reason=text("why it ended so; empty for completed trials"),
    arch=text("the network in one line"),
    network=text("the network in budgetnet's language"),
    decisions=mapping(LABEL, "the option taken at each decision"),
    hash=text("equal for equal networks"),
    **{name: schema if name == "ram" else optional(schema) for name, schema in COSTS.items()},
    latency=optional(number("measured time of one image in seconds, one thread; null where it was not measured")),
    latency_on=text("processor that it was measured on, and belongs to"),
    accuracy=optional(share("validation accuracy after the last epoch")),
    curve=listed(share(), "validation accuracy after each epoch"),
    epochs=whole_number("epochs trained"),
    seconds=optional(number("time of training and validation")),
    seed=optional(whole_number("seed of its training")),
    worker=text("worker that trained it"),
    owner=text("process that answers for it while it runs"),
    duplicate_of=optional(whole_number("trial of this study whose score was taken over")),
    copied_from=text("trial of another study whose score was taken over, STUDY:NUMBER"),
    redo_of=optional(whole_number("interrupted trial that it repeats")),
    rejected_before=mapping(whole_number(), "draws dropped since the trial before, by reason"),
    origin=text("file of a known network that it started from"),
    note=text("caveat for its counts"),
    training=either(
        "conditions of its training; empty if it was not trained",
        structure(maybe=_CONDITIONS),
    ),
    constraints=mapping(number(), "bounds of the budget; violated where positive"),
    started=optional(text("ISO 8601")),
    finished=optional(text("ISO 8601")),
)

BRIEF = structure(
    "a trial in brief",
    number=whole_number("number"),
    accuracy=optional(share("validation accuracy")),
    params=optional(whole_number("parameters")),
    flops=optional(whole_number("FLOPs")),
    arch=text("the network in one line"),
)
