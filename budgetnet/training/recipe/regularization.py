"""`Regularization`: a part of a recipe's fields. Does not load torch."""

from __future__ import annotations

from dataclasses import dataclass

from budgetnet.keys.declare import key
from budgetnet.training.recipe.optimization import Optimization

__all__ = ["Regularization"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Regularization(Optimization):
    """Means against overfitting: smoothing, mixup, averaged weights, stochastic depth."""

    label_smoothing: float = key(
        0.0,
        "Share of the target spread over all classes (Szegedy and others 2016, arXiv 1512.00567).",
        share=True,
        low=0,
        below=1,
        example="10%",
        also=("smoothing",),
    )
    mixup: float = key(
        0.0,
        "Alpha of mixup; 0 turns it off. Each image is blended with another of its batch, and the loss with that of "
        "the other's label; one share per batch, drawn from Beta(alpha, alpha) (Zhang and others 2018, arXiv "
        "1710.09412).",
        low=0,
        example="0.2",
        also=("mixup_alpha",),
    )
    mixup_until: float = key(
        1.0,
        "Share of all steps after which mixup ends. The remaining images are not blended.",
        share=True,
        above=0,
        high=1,
        example="65%",
    )
    stochastic_depth: float = key(
        0.0,
        "Largest probability of leaving out the body of a `skip`, for each image: that of the last skip; those before "
        "grow linearly from the first on. Evaluation uses all bodies (Huang and others 2016, arXiv 1603.09382).",
        share=True,
        low=0,
        below=1,
        example="10%",
        also=("drop_path",),
    )
    ema: float = key(
        0.0,
        "Decay per step of an exponential moving average of weights and norm statistics; 0 turns it off. With it, "
        "validation, and the network after training, have the averaged weights (Polyak and Juditsky 1992). The decay "
        "starts lower and grows, so that short runs do not average in the random initial weights.",
        low=0,
        below=1,
        example="0.99",
    )
    average_last: float = key(
        0.0,
        "Share of all steps, at their end, whose weights and norm statistics are averaged with equal weight; 0 turns "
        "it off. Validation in that part, and the network after training, have the average (Izmailov and others 2018, "
        "arXiv 1803.05407; Kaddour 2022, arXiv 2209.14981). An alternative to `ema`.",
        share=True,
        low=0,
        high=1,
        example="20%",
        also=("swa",),
    )
    lookahead: int = key(
        0,
        "Steps after which slow weights move towards the weights, and the weights are set back to them; 0 turns it "
        "off. Validation, and the network after training, have the slow weights (Zhang and others 2019, arXiv "
        "1907.08610, where 5 is usual). An alternative to `ema`.",
        low=0,
        unit="steps",
        example="5",
    )
    lookahead_rate: float = key(
        0.5, "Step of the slow weights, as a share of the distance to the weights.", share=True, above=0, high=1
    )
    lookahead_ramp: float = key(
        0.0,
        "Power of the training's progress by which the share falls from 1 to `lookahead_rate`; 0 keeps it "
        "constant. 3, with lookahead 5 and lookahead_rate 0.226, is airbench94's (K. Jordan 2024).",
        low=0,
        example="3",
    )
