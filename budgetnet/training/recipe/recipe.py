"""`Recipe`: everything that decides how a network is trained, as one frozen value. Loads no torch."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal, get_type_hints

from budgetnet.training.recipe.checks import check

__all__ = ["FIELD_TYPES", "Flip", "Optimizer", "Padding", "Precision", "Recipe", "Schedule", "TrivialAugment"]

Optimizer = Literal["sgd", "adamw", "adam", "muon"]
Schedule = Literal["onecycle", "cosine", "wsd", "plateau", "constant"]
Precision = Literal["auto", "float32", "bfloat16"]
Flip = Literal["none", "random", "alternating"]
Padding = Literal["reflect", "zero"]
TrivialAugment = Literal["none", "ra", "wide"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """How a network is trained.

    The defaults are for small networks and short runs: SGD with Nesterov momentum over one cycle, flips and small
    reflected shifts, no dropout-like noise beyond that, since networks under 200k parameters underfit in short runs.

    Raises:
        StudyError: a value breaks its field's rule; the message gives the rule and the value.
    """

    epochs: int = 12
    """Passes over the train images, >= 1."""

    batch: int = 256
    """Images per step, >= 2. The images left over at the end of an epoch wait for the next (order is redrawn)."""

    optimizer: Optimizer = "sgd"
    """``sgd`` (Nesterov momentum; Sutskever and others 2013), ``adamw`` (decoupled weight decay; Loshchilov and Hutter
    2019, arXiv 1711.05101), ``adam`` (decay added to the gradient; Kingma and Ba 2015, arXiv 1412.6980) or ``muon``
    (Muon for the filters of full convolutions but the last, SGD for the rest; K. Jordan's airbench94_muon, 2024)."""

    lr: float = 0.4
    """Peak learning rate, > 0, for a loss that is the mean over the batch."""

    momentum: float = 0.9
    """Nesterov momentum of SGD, 0 <= momentum < 1; for Adam and AdamW the first beta."""

    muon_lr: float = 0.05
    """With ``muon``: peak size of the orthogonal update, as a share of the filters' root mean square per row, > 0."""

    muon_momentum: float = 0.9
    """With ``muon``: Nesterov momentum of the filters, 0 <= muon_momentum < 1."""

    norm_bias_rate: float = 1.0
    """The learning rate of batch norms' biases, as a multiple of the others', > 0. They may move much faster than
    weights (64 in airbench94; D. Page, "How to train your ResNet", 2018)."""

    weight_decay: float = 5e-4
    """>= 0. Acts on weights of convolutions and linear layers only, unless `decay_all`: norm scales and all biases
    have one number per channel, and pulling those to zero changes what the layer can represent."""

    decay_all: bool = False
    """Whether weight decay acts on norm parameters and biases too."""

    schedule: Schedule = "onecycle"
    """``onecycle``: linear rise over `warmup`, linear fall to `final` (Smith and Topin 2017, arXiv 1708.07120).
    ``cosine``: the same rise, cosine fall (Loshchilov and Hutter 2017, arXiv 1608.03983). ``wsd``: the rise, then
    `lr`, then a linear fall to `final` over `cooldown` (warmup-stable-decay; Hu and others 2024, arXiv 2404.06395).
    ``plateau``: the rise, then times `plateau_factor` whenever the validation loss (the train loss where there is no
    validation) has not improved for `plateau_patience` epochs (as torch's ReduceLROnPlateau). ``constant``: the rise,
    then `lr`."""

    warmup: float = 0.2
    """Share of all steps in which the learning rate rises linearly to `lr`, 0 <= warmup < 1."""

    cooldown: float = 0.3
    """Share of all steps, at their end, in which ``wsd`` lowers the learning rate, > 0; warmup + cooldown <= 1."""

    final: float = 0.0
    """Learning rate at the end of ``onecycle``, ``cosine`` and ``wsd``, as a share of `lr`, 0 <= final <= 1."""

    plateau_factor: float = 0.3
    """0 < plateau_factor < 1."""

    plateau_patience: int = 2
    """Epochs without improvement before the rate falls, >= 0."""

    label_smoothing: float = 0.0
    """Share of the target spread over all classes, 0 <= label_smoothing < 1 (Szegedy and others 2016, arXiv
    1512.00567)."""

    mixup: float = 0.0
    """Alpha of mixup, >= 0; 0 = off. Each image is blended with another of its batch, and the loss with that of the
    other's label; one share per batch, drawn from Beta(alpha, alpha) (Zhang and others 2018, arXiv 1710.09412)."""

    ema: float = 0.0
    """Decay per step of an exponential moving average of weights and norm statistics; 0 = off, otherwise < 1. With
    it, validation, and the network after `fit`, have the averaged weights (Polyak and Juditsky 1992). The decay
    starts lower and grows, so that short runs do not average in the random start."""

    lookahead: int = 0
    """Steps after which slow weights move towards the weights, and the weights are set back to them, >= 0; 0 = off.
    Validation, and the network after `fit`, have the slow weights (Zhang and others 2019, arXiv 1907.08610, where 5
    is usual). An alternative to `ema`."""

    lookahead_rate: float = 0.5
    """How far the slow weights move each time, as a share of the way, 0 < lookahead_rate <= 1."""

    lookahead_ramp: float = 0.0
    """>= 0. 0: `lookahead_rate` holds throughout. Otherwise the share falls from 1 to `lookahead_rate` along this
    power of the run's progress: 3, with lookahead 5 and lookahead_rate 0.226, is airbench94's (K. Jordan 2024)."""

    whiten: bool = False
    """Whether the filters of the first convolution begin as a whitening of the train images' patches, where it is a
    full convolution of the image: its first filters become the leading directions and their opposites, and those
    left over stay as they were. No layer and no parameter is added (D. Page, "How to train your ResNet", 2018)."""

    whiten_frozen: int = 0
    """With `whiten`: epochs for which those filters do not learn, >= 0; `epochs` or more: never."""

    dirac: bool = False
    """Whether the first filters of full convolutions with odd kernels above 1 begin as passing one channel on, one
    filter for each channel as far as they go (Zagoruyko and Komodakis 2017, arXiv 1706.00388; as airbench94 does)."""

    trivial_augment: TrivialAugment = "none"
    """TrivialAugment (Müller and Hutter 2021, arXiv 2103.10158): one operation of 14, of random strength, per image;
    in the milder ranges of the paper's RA space or in its ``wide`` space. See
    `budgetnet.training.augment.trivial_augment` for what differs."""

    flip: Flip = "random"
    """Horizontal flips: ``random`` with probability 1/2; ``alternating``: at random in the first epoch, then every
    image flips from epoch to epoch, so no image is seen the same way twice running (airbench94; K. Jordan 2024, arXiv
    2404.00498)."""

    shift: int = 2
    """Largest shift in pixels along each axis, drawn uniformly from whole numbers, >= 0; with `padding`, the random
    crop of a padded image (Krizhevsky and others 2012; He and others 2016, arXiv 1512.03385)."""

    padding: Padding = "reflect"
    """What a shift or warp brings in at the border: the mirrored image or zeros (the mean colour)."""

    warp_shift: float = 0.0
    """Shift-scale-rotate, as Albumentations names it: largest shift as a share of the side, 0 <= warp_shift <= 1."""

    warp_scale: float = 0.0
    """Shift-scale-rotate: largest change of size, 0.1 = from 90 % to 110 %, 0 <= warp_scale < 1."""

    warp_rotate: float = 0.0
    """Shift-scale-rotate: largest rotation in degrees, 0 <= warp_rotate <= 180."""

    warp_probability: float = 0.5
    """Share of images that are warped, 0..1; matters only where one of the three above is not 0."""

    cutout: int = 0
    """Side in pixels of a square set to the mean colour, centred anywhere in the image, >= 0; 0 = off (DeVries and
    Taylor 2017, arXiv 1708.04552)."""

    cutout_probability: float = 1.0
    """Share of images that get a cutout, 0..1."""

    precision: Precision = "auto"
    """Of activations in training; weights are float32 always. ``auto``: bfloat16 where the hardware has it."""

    def __post_init__(self) -> None:
        """Check every field's type and range, and what must hold between fields."""
        check(self, FIELD_TYPES)

    def to_mapping(self) -> dict[str, int | float | str | bool]:
        """Return all fields, in order, as plain values; `read_recipe` gives this recipe back."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


FIELD_TYPES: dict[str, Any] = get_type_hints(Recipe)
"""The types of a recipe's fields, by name, in order."""
