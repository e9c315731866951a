"""`Initialization`: a part of a recipe's fields. Does not load torch."""

from __future__ import annotations

from dataclasses import dataclass

from budgetnet.keys.declare import key
from budgetnet.training.recipe.regularization import Regularization

__all__ = ["Initialization"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Initialization(Regularization):
    """Initial weights other than random ones."""

    whiten: bool = key(
        False,
        "True initializes the filters of the first convolution as a whitening of the train images' patches, if it is "
        "a full convolution of the image. Its first filters become the leading directions and their opposites, and "
        "the remaining ones keep their random values. No layer or parameter is added (D. Page, "
        '"How to train your ResNet", 2018).',
        also=("whitening",),
    )
    whiten_frozen: int = key(
        0,
        "With `whiten`: first epochs in which those filters are frozen; with `epochs` or more they stay frozen.",
        low=0,
        unit="epochs",
        example="3",
    )
    dirac: bool = key(
        False,
        "True initializes the first filters of full convolutions with odd kernels above 1 as identities, one filter "
        "per channel as far as there are enough (Zagoruyko and Komodakis 2017, arXiv 1706.00388; as airbench94 "
        "does).",
    )
    logit_deviation: float = key(
        0.0,
        "Standard deviation of the logits before the first step: the last layer's initial weights are scaled to it, as "
        "measured on train images; 0 leaves them unchanged (a scaled head, as in airbench94; measured as in Mishkin "
        "and Matas 2016, arXiv 1511.06422).",
        low=0,
        example="0.5",
    )
