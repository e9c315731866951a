"""The schema of each command's `--json`, by the command's name. A new version is a new number in `VERSIONS`."""

from __future__ import annotations

from typing import get_args

from budgetnet.api.schemas.data import DATA, DATA_IDENTITY
from budgetnet.api.schemas.exports import CHECK_RESULT, EXPORT_RESULT, TIMING
from budgetnet.api.schemas.imports import IMPORTED
from budgetnet.api.schemas.learned import LEARNED_MODEL
from budgetnet.api.schemas.parts import (
    ANYTHING,
    BRIEF,
    BUDGET,
    COSTS,
    FINALIST,
    LABEL,
    REACHED_TARGET,
    SCORE,
    STUDY_GENERATION,
    TRIAL,
    full_training,
)
from budgetnet.api.schemas.shapes import (
    Schema,
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
from budgetnet.search.events import EndReason

__all__ = ["VERSIONS", "command_schema", "command_schemas", "schema_name"]

VERSIONS = {
    "show": 1,
    "import": 1,
    "diff": 1,
    "explore": 1,
    "sample": 1,
    "search": 1,
    "event": 1,
    "list": 1,
    "report": 1,
    "compare": 1,
    "train": 1,
    "train-brief": 1,
    "export": 1,
    "verify": 1,
    "bench": 1,
    "worker": 1,
    "calibrate": 1,
    "tune-recipe": 1,
}
"""Version of each command's document. Within a version keys are added, and none changes its meaning or goes."""

_LAYER = structure(
    name=text("place in the module"),
    type=text("type of layer"),
    output=listed(whole_number(), "channels, height and width"),
    params=whole_number("parameters"),
    flops=whole_number("FLOPs"),
)
_MEASURE = structure(value=number("estimate"), error=number("standard error"))
_QUANTILES = optional(structure(count=whole_number(), mean=number(), values=listed(number(), "quantiles at `levels`")))
_SIDE = structure(name=text("as it was named"), input=listed(whole_number(), "channels, height, width"), **COSTS)
_LINE = structure(in_=word("where the line is", "a", "b", "both"), text=text())
_MADE = structure(decision=text(), a=LABEL, b=LABEL)
_CHOICE = structure(
    "a network that the study has chosen",
    trial=whole_number("the trial"),
    why=text("by what it was chosen, in words"),
    rule=text("measure that full trainings were judged by"),
    validation_accuracy=SCORE,
    brief_accuracy=optional(share("validation accuracy in the search")),
    bounds=optional(mapping(whole_number(), "bounds for which it is the answer; null for the whole budget")),
)
_TARGET_REACHED = "true if a trial reached the target on validation images after brief training; null without one"
_STUDY: dict[str, Schema] = {
    "study": text("name"),
    "dataset": text("name or folder"),
    "data": optional(DATA_IDENTITY),
    "generation": STUDY_GENERATION,
    "goal": word("what is better", "accuracy", "smallest", "pareto"),
    "target": optional(share("target accuracy")),
    "target_reached": optional(flag(_TARGET_REACHED)),
    "reached_target": REACHED_TARGET,
    "budget": BUDGET,
    "limits": listed(whole_number(), "parameters of each of several budgets, the largest first; empty for one budget"),
    "outcomes": mapping(whole_number(), "number of trials by outcome"),
    "dropped": mapping(whole_number(), "draws dropped without a trial, by reason"),
    "best": optional(whole_number("trial whose network the study has chosen")),
    "choices": listed(_CHOICE, "the main one first"),
    "learned": optional(LEARNED_MODEL),
    "frontier": listed(whole_number(), "trials that no other beats in parameters and accuracy at once"),
    "trials": listed(TRIAL),
    "finalists": listed(FINALIST),
}
_POINT = structure(
    "a network",
    maybe={"file": text("its network file")},
    **COSTS,
    arch=text("in one line"),
    network=text("in budgetnet's language"),
    hash=text("equal for equal networks"),
    decisions=mapping(LABEL),
)
_TRAINING: dict[str, Schema] = {
    "format": {"const": "budgetnet-training/1", "description": "of the file training.json"},
    "name": text("of the network"),
    "network": text("in budgetnet's language"),
    "params": whole_number("parameters"),
    "flops": whole_number("FLOPs"),
    "dataset": text("name or folder"),
    "data": optional(DATA_IDENTITY),
    "runs": listed(full_training()),
    "test_accuracy": SCORE,
}
_REPORTED = structure(decision=text(), explained=share(), options=listed(ANYTHING, "label, networks, accuracy"))


def schema_name(command: str) -> str:
    """Return what a document says of itself.

    >>> schema_name("show")
    'budgetnet-show/1'
    """
    return f"budgetnet-{command}/{VERSIONS[command]}"


def command_schema(command: str) -> Schema:
    """Return the JSON Schema of a command's document."""
    return command_schemas()[command]


def command_schemas() -> dict[str, Schema]:
    """Return every command's schema, each with the key ``schema`` that names its version."""
    return {
        name: {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": schema_name(name),
            **schema,
            "properties": {"schema": {"const": schema_name(name)}, **schema["properties"]},
            "required": ["schema", *schema["required"]],
        }
        for name, schema in _DOCUMENTS.items()
    }


_DOCUMENTS: dict[str, Schema] = {
    "show": structure(
        "A network: costs, layers, and where the parameters are.",
        name=text(),
        input=listed(whole_number(), "channels, height and width"),
        classes=whole_number(),
        **COSTS,
        in_float=mapping(whole_number(), "layers without an int8 kernel on a Cortex-M processor, by class"),
        note=text("caveat for counts that rest on own primitives"),
        layers=listed(_LAYER),
        parts=listed(
            structure(text=text(), params=whole_number(), flops=whole_number(), share=share("of the parameters"))
        ),
    ),
    "import": IMPORTED,
    "diff": structure(
        "Two networks side by side; changes are B minus A.",
        maybe={
            "study": text("study whose grammar was asked"),
            "decisions": optional(listed(_MADE, "decisions that differ; null if a network is not in the grammar")),
            "not_in_grammar": mapping(text(), "where a network parts from the grammar"),
        },
        a=_SIDE,
        b=_SIDE,
        change=structure(**COSTS),
        same=flag("true if text and input are the same"),
        lines=listed(_LINE, "both texts, line by line"),
    ),
    "explore": structure(
        "What fits a budget, before training.",
        maybe={"decisions": listed(ANYTHING, "mean parameters with each option, by decision")},
        study=text(),
        budget=BUDGET,
        note=text(),
        method=text("how shares were estimated"),
        levels=listed(share(), "of quantiles"),
        draws=whole_number("networks drawn"),
        seed=whole_number(),
        fits=_MEASURE,
        distinct=whole_number("different networks among the draws"),
        reasons=mapping(whole_number(), "draws that do not fit, by reason"),
        examples=mapping(text(), "an example of each reason"),
        params=_QUANTILES,
        flops=_QUANTILES,
        fitting_params=_QUANTILES,
        fitting_flops=_QUANTILES,
        rules=listed(ANYTHING, "costs of each rule"),
        options=listed(ANYTHING, "share that fits with each option"),
        census=optional(mapping(ANYTHING, "exact counts")),
        no_census=text("why there are no exact counts"),
        estimate=ANYTHING,
        causes=listed(ANYTHING, "most common reasons and their places"),
        effects=listed(ANYTHING, "what leaving an option out would do"),
        histograms=listed(ANYTHING),
        sample=optional(mapping(ANYTHING, "networks that fit")),
        suggestions=listed(ANYTHING, "in words"),
    ),
    "sample": structure(
        "Networks that fit.",
        study=text(),
        budget=BUDGET,
        note=text(),
        input=listed(whole_number(), "channels, height and width"),
        classes=whole_number(),
        weighting=word("how they are drawn", "prior", "uniform"),
        stratify=optional(word("bands of", "size", "depth")),
        bands=listed(listed(whole_number()), "lower and upper bound of each band"),
        seed=whole_number(),
        distinct=flag("true if no network occurs twice"),
        budget_aware=flag(),
        exact_proportions=flag("true if proportions are exact"),
        rejected=mapping(whole_number(), "draws thrown away, by reason"),
        repeated=whole_number("draws thrown away because they occurred before"),
        different=whole_number("different networks"),
        networks=listed(_POINT),
    ),
    "search": structure(
        "A study at the end of a search.",
        **_STUDY,
        ended=word("why it ended", *get_args(EndReason)),
        export=optional(EXPORT_RESULT),
    ),
    "list": structure("A study's trials.", **_STUDY),
    "report": structure(
        "The facts of a report: of a study, or of the folder of a training.",
        maybe={
            "study": text("of a study: its name; so are the following"),
            "generation": STUDY_GENERATION,
            "summary": mapping(text(), "in words, by heading"),
            "best": optional(BRIEF),
            "best_within": listed(structure(params=whole_number("limit"), trial=optional(BRIEF))),
            "frontier": listed(BRIEF),
            "target_reached": optional(flag(_TARGET_REACHED)),
            "reached_target": REACHED_TARGET,
            "working_seconds": number("time at work, pauses left out"),
            "rejections": mapping(whole_number(), "by reason"),
            "decisions": listed(_REPORTED, "share of the variance of accuracy that each explains"),
            "finalists": listed(FINALIST),
            **_TRAINING,
        },
        kind=word("what was reported", "study", "training"),
        page=text("the HTML file"),
    ),
    "compare": structure(
        "Studies side by side.",
        studies=listed(
            structure(
                name=text("as it was named"),
                study=text("name"),
                settings=mapping(ANYTHING, "sampler, seed, budget, epochs and finalists"),
                trained=whole_number("networks trained"),
                working_seconds=number("time at work, pauses left out"),
                best=optional(BRIEF),
                at_equal_trials=optional(share("best validation accuracy after as many networks as all have")),
                at_equal_time=optional(share("best validation accuracy after as much time as all have")),
                test_accuracy=SCORE,
                frontier=listed(BRIEF),
            )
        ),
        equal_trials=whole_number("networks that every study has trained"),
        equal_seconds=optional(number("time at work that every study has had; null if one has no times")),
        comparable=flag("true if images, split and training are the same"),
        differences=listed(text(), "what differs between their settings"),
        groups=listed(
            structure(
                "studies that differ by their seed alone",
                settings=text(),
                studies=listed(text(), "names"),
                seeds=listed(whole_number(), "each once; a seed counts once in the scores, by the mean of its studies"),
                at_equal_trials=SCORE,
                at_equal_time=SCORE,
            )
        ),
        tests=listed(
            structure(
                "two groups of at least two seeds",
                first=text(),
                second=text(),
                difference=number("mean of the first less mean of the second, at equal trials"),
                p_value=optional(share("two-sided, Welch's t test")),
            )
        ),
    ),
    "train": structure("Full trainings of one network.", **_TRAINING),
    "train-brief": structure(
        "A trial's training repeated (`train --brief`).",
        study=text(),
        trial=whole_number(),
        equal=flag("true if every recorded number is equal, bit for bit"),
        first_difference=ANYTHING,
        recorded=mapping(listed(optional(number())), "numbers by epoch"),
        repeated=mapping(listed(optional(number())), "numbers by epoch"),
        unlike=mapping(ANYTHING, "what differs between the two environments"),
    ),
    "export": EXPORT_RESULT,
    "verify": structure(
        "An exported folder, verified.",
        folder=text(),
        holds=flag("true if no check failed"),
        checks=listed(CHECK_RESULT, "in their order, up to the first that does not hold"),
    ),
    "bench": structure(
        "Networks measured on this machine.",
        timings=listed(TIMING, "by threads, batch, network and way"),
        environment=mapping(ANYTHING, "hardware and versions"),
    ),
    "worker": structure(
        "What one more process of a study has come to.",
        study=text(),
        ended=text("why it ended"),
        trained=whole_number("networks trained by all processes"),
        complete=flag("true if nothing is left to train"),
        best=optional(whole_number("the trial whose network the study has chosen")),
    ),
    "calibrate": structure(
        "What brief training is worth.",
        format={"const": "budgetnet-calibration-table/1"},
        study=text(),
        dataset=text("name or folder"),
        budget=BUDGET,
        ended=text("why it ended"),
        missing=whole_number("trainings still to do"),
        networks_drawn=text("how networks were drawn"),
        seed=whole_number(),
        repeats=whole_number("trainings of each network and length"),
        full_epochs=whole_number(),
        full_seconds=ANYTHING,
        noise=ANYTHING,
        spread=ANYTHING,
        training=mapping(ANYTHING, "recipe of the study's trials"),
        finalists=mapping(ANYTHING, "recipe of the full trainings"),
        brief=listed(ANYTHING, "each brief length: correlation, overlap, regret, cost"),
        checkpoints=listed(ANYTHING, "the same for epochs of the full trainings"),
        by_size=mapping(ANYTHING, "ranking by size alone"),
        ceiling=ANYTHING,
        chosen_epochs=optional(whole_number("brief length advised")),
        beats_size=ANYTHING,
        replays=listed(ANYTHING, "pruners replayed"),
        chosen_pruners=mapping(ANYTHING, "best pruner by brief length"),
        advice=listed(text(), "in words"),
        networks=listed(ANYTHING, "networks with their trainings"),
    ),
    "tune-recipe": structure(
        "Recipes, compared on the same networks and seeds.",
        study=text(),
        networks_drawn=text("how networks were drawn"),
        seed=whole_number(),
        epochs=whole_number("of every training"),
        margin=share("gain in accuracy below which a recipe is not worth taking"),
        ended=text("why it ended"),
        missing=whole_number("trainings still to do"),
        own=mapping(ANYTHING, "the study's own recipe, that of its finalists"),
        own_accuracy=optional(share("mean validation accuracy by the own recipe")),
        recipes=listed(ANYTHING, "each recipe: differences, mean, standard error, interval, time, verdict"),
        best=optional(text("the recipe to take; null if the own one stays")),
        networks=listed(ANYTHING, "networks with their trainings"),
        seconds=number("of all trainings together"),
    ),
    "event": structure(
        "One line of `search --json` on stderr while it searches. Other keys depend on the event.",
        maybe={
            "number": whole_number("the trial"),
            "trial": TRIAL,
            "run": whole_number("number of the training, from 0"),
            "epoch": whole_number("from 1"),
            "accuracy": optional(share("validation accuracy; null where none is held out")),
            "best": optional(whole_number("best trial so far")),
            "trained": whole_number("networks trained so far"),
            "why": text("reason for a training that begins, in words"),
            "text": text("a message"),
            "result": full_training(),
            "choices": listed(_CHOICE),
            "data": DATA,
            "generation": STUDY_GENERATION,
        },
        event=text("what happened, such as trial_done"),
        time=text("ISO 8601"),
    )
    | {"additionalProperties": ANYTHING},
}
