"""`Augmentation`: a part of a recipe's fields. Does not load torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from budgetnet.keys.declare import key
from budgetnet.training.recipe.initialization import Initialization

__all__ = ["Augmentation", "Flip", "Padding", "TrivialAugment"]

Flip = Literal["none", "random", "alternating"]
Padding = Literal["reflect", "zero"]
TrivialAugment = Literal["none", "ra", "wide"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Augmentation(Initialization):
    """Random changes of the train images."""

    trivial_augment: TrivialAugment = key(
        "none",
        "TrivialAugment (Müller and Hutter 2021, arXiv 2103.10158): one operation of 14, of random strength, per "
        "image. `ra` takes the milder ranges of the paper's RA space, `wide` its wide space.",
        example="wide",
        also=("trivialaugment",),
    )
    flip: Flip = key(
        "random",
        "Horizontal flips. `random`: with probability 1/2. `alternating`: at random in the first epoch, then every "
        "image flips from epoch to epoch, so no image is seen the same way twice in a row (airbench94; K. Jordan 2024, "
        "arXiv 2404.00498).",
    )
    shift: int = key(
        2,
        "Largest shift along each axis, drawn uniformly from whole numbers; with `padding`, the random crop of a "
        "padded image (Krizhevsky and others 2012; He and others 2016, arXiv 1512.03385).",
        low=0,
        unit="pixels",
        also=("crop", "translate"),
    )
    padding: Padding = key(
        "reflect", "Padding that a shift or warp uncovers: the mirrored image or zeros (the mean colour)."
    )
    warp_shift: float = key(
        0.0,
        "Shift-scale-rotate, as Albumentations names it: largest shift as a share of the side.",
        share=True,
        low=0,
        high=1,
        example="6.25%",
    )
    warp_scale: float = key(
        0.0,
        "Shift-scale-rotate: largest change of size; 0.1 is from 90 % to 110 %.",
        share=True,
        low=0,
        below=1,
        example="10%",
    )
    warp_rotate: float = key(
        0.0,
        "Shift-scale-rotate: largest rotation.",
        low=0,
        high=180,
        unit="degrees",
        example="15",
        also=("rotate",),
    )
    warp_probability: float = key(
        0.5,
        "Share of images that are warped; it has an effect only if one of the three keys above is not 0.",
        share=True,
        low=0,
        high=1,
    )
    brightness: float = key(
        0.0,
        "Largest offset that is added to all pixels of an image, drawn per image; in units of the normalised image, "
        "whose standard deviation is about 1 (hiverge/cifar10-speedrun, 2025: 0.13).",
        low=0,
        example="0.13",
    )
    contrast: float = key(
        0.0,
        "Largest change of an image's contrast, drawn per image; 0.1 multiplies its distance from the mean colour by "
        "0.9 to 1.1 (hiverge/cifar10-speedrun, 2025: 0.13).",
        share=True,
        low=0,
        below=1,
        example="13%",
    )
    cutout: int = key(
        0,
        "Side of a square set to the mean colour, centred anywhere in the image; 0 turns it off (DeVries and Taylor "
        "2017, arXiv 1708.04552).",
        low=0,
        unit="pixels",
        example="8",
    )
    cutout_probability: float = key(1.0, "Share of images that get a cutout.", share=True, low=0, high=1)
    start_size: float = key(
        1.0,
        "Side of the train images in the first step, as a share of the full side; it grows linearly. The network must "
        "take images of other sizes (it does if a global pooling comes before its linear layers). Validation has full "
        "size (progressive resizing: Howard, fastai 2018; Tan and Le 2021, arXiv 2104.00298).",
        share=True,
        low=0.25,
        high=1,
        example="60%",
        also=("progressive_resizing",),
    )
    full_size_from: float = key(
        0.7,
        "With `start_size`: share of all steps after which images have their full size.",
        share=True,
        above=0,
        high=1,
    )
