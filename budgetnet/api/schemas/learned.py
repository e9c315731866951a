"""JSON Schema of what a study's model has learned."""

from __future__ import annotations

from budgetnet.api.schemas.shapes import flag, listed, number, optional, share, structure, text, whole_number

__all__ = ["LEARNED_MODEL"]

_EFFECT = structure(
    "a feature or decision, and what networks with more of it are worth",
    name=text("as `budgetnet.search.model.features` explains it"),
    effect=number("difference in full accuracy, a fraction"),
    low=number("lower end of the 90 % interval"),
    high=number("upper end"),
    binary=flag("true if it is there or not; else the effect is that of one standard deviation more"),
    networks=whole_number("networks that have it"),
)
_PREDICTION = structure(
    "a network trained in full",
    trial=whole_number("the trial"),
    predicted=number("accuracy that the model gives it without its own trainings"),
    deviation=number("standard deviation of the prediction"),
    seen=share("mean validation accuracy of its full trainings"),
    runs=whole_number("its full trainings"),
)
_TRUST = structure(
    "results of leaving each network out in turn",
    networks=whole_number("networks trained briefly and in full"),
    model=optional(number("Spearman correlation of the model with full accuracy")),
    brief=optional(number("Spearman correlation of brief accuracy with full accuracy")),
    coverage=optional(share("share of full trainings inside their 90 % interval")),
    scale=number("factor by which the model's deviations were too small"),
    trainings=whole_number("full trainings that `scale` was learned from"),
)
LEARNED_MODEL = structure(
    "what the study's model believes; accuracies and effects are fractions",
    features_version=whole_number("version of the features"),
    networks=whole_number("networks it has seen"),
    brief=whole_number("brief trainings taken in"),
    full=whole_number("full trainings taken in"),
    noise_brief=number("standard deviation of a seed in brief training"),
    noise_full=number("standard deviation of a seed in full training"),
    trust=_TRUST,
    features=listed(_EFFECT, "the strongest first"),
    decisions=listed(_EFFECT, "the strongest first"),
    predictions=listed(_PREDICTION, "the best first"),
    warning=optional(text("reason not to rely on it")),
)
