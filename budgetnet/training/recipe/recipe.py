"""`Recipe`: all settings of a training, as one frozen value. Does not load torch."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

from budgetnet.keys import BadValueError, check_keys, key

__all__ = ["Flip", "Optimizer", "Padding", "Precision", "Recipe", "Schedule", "TrivialAugment"]

Optimizer = Literal["sgd", "adamw", "adam", "muon"]
Schedule = Literal["onecycle", "cosine", "wsd", "plateau", "constant"]
Precision = Literal["auto", "float32", "bfloat16"]
Flip = Literal["none", "random", "alternating"]
Padding = Literal["reflect", "zero"]
TrivialAugment = Literal["none", "ra", "wide"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """Settings of a training.

    The defaults are for small networks and short runs: SGD with Nesterov momentum over one cycle, flips and small
    reflected shifts, no dropout-like noise beyond that, since networks under 200k parameters underfit in short runs.

    Raises:
        StudyError: a value breaks its field's rule; the message gives the rule and the value.
    """

    epochs: int = key(12, "Passes over the train images.", low=1, unit="epochs", also=("n_epochs", "max_epochs"))
    batch: int = key(
        256,
        "Images per step. The last, incomplete batch of an epoch is dropped; the order is drawn for each epoch.",
        low=2,
        unit="images",
        also=("batch_size",),
    )
    optimizer: Optimizer = key(
        "sgd",
        "The optimizer. `sgd`: with Nesterov momentum (Sutskever and others 2013). `adamw`: "
        "decoupled weight decay (Loshchilov and Hutter 2019, arXiv 1711.05101). `adam`: decay added to the gradient "
        "(Kingma and Ba 2015, arXiv 1412.6980). `muon`: Muon for the filters of full convolutions except the last, SGD "
        "for the rest (K. Jordan's airbench94_muon, 2024).",
        also=("optimiser",),
    )
    lr: float = key(
        0.4,
        "Peak learning rate, for a loss that is the mean over the batch.",
        above=0,
        example="1e-3",
        also=("learning_rate",),
    )
    momentum: float = key(0.9, "Nesterov momentum of SGD; for Adam and AdamW the first beta.", low=0, below=1)
    muon_lr: float = key(
        0.05,
        "With `muon`: peak size of the orthogonal update, as a share of the filters' root mean square per row.",
        above=0,
    )
    muon_momentum: float = key(0.9, "With `muon`: Nesterov momentum of the filters.", low=0, below=1)
    norm_bias_rate: float = key(
        1.0,
        "The learning rate of batch norm biases, as a multiple of `lr`. They may change much faster than "
        'weights (64 in airbench94; D. Page, "How to train your ResNet", 2018).',
        above=0,
        example="64",
        also=("bias_scaler",),
    )
    weight_decay: float = key(
        5e-4,
        "Strength of weight decay. It applies to weights of convolutions and linear layers only, unless `decay_all`: "
        "norm scales and all biases have one number per channel, and pulling those to zero changes what the layer can "
        "represent.",
        low=0,
        example="5e-4",
        also=("wd",),
    )
    decay_all: bool = key(False, "True applies weight decay to norm parameters and biases, too.")
    schedule: Schedule = key(
        "onecycle",
        "Schedule of the learning rate. `onecycle`: linear rise over `warmup`, linear fall to `final` "
        "(Smith and Topin 2017, arXiv 1708.07120). `cosine`: the same rise, cosine fall (Loshchilov and Hutter 2017, "
        "arXiv 1608.03983). `wsd`: the rise, then `lr`, then a linear fall to `final` over `cooldown` "
        "(warmup-stable-decay; Hu and others 2024, arXiv 2404.06395). `plateau`: the rise, then times "
        "`plateau_factor` whenever the validation loss (the train loss where there is no validation) has not improved "
        "for `plateau_patience` epochs (as torch's ReduceLROnPlateau). `constant`: the rise, then `lr`.",
        also=("scheduler",),
    )
    warmup: float = key(
        0.2, "Share of all steps in which the learning rate rises linearly to `lr`.", share=True, low=0, below=1
    )
    cooldown: float = key(
        0.3,
        "Share of all steps, at their end, in which `wsd` lowers the learning rate; warmup + cooldown is at most 1.",
        share=True,
        above=0,
        high=1,
    )
    final: float = key(
        0.0,
        "Learning rate at the end of `onecycle`, `cosine` and `wsd`, as a share of `lr`.",
        share=True,
        low=0,
        high=1,
        example="5%",
    )
    plateau_factor: float = key(0.3, "With `plateau`: factor by which the rate is multiplied.", above=0, below=1)
    plateau_patience: int = key(
        2, "With `plateau`: epochs without improvement before the rate is reduced.", low=0, unit="epochs"
    )
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
    ema: float = key(
        0.0,
        "Decay per step of an exponential moving average of weights and norm statistics; 0 turns it off. With it, "
        "validation, and the network after training, have the averaged weights (Polyak and Juditsky 1992). The decay "
        "starts lower and grows, so that short runs do not average in the random initial weights.",
        low=0,
        below=1,
        example="0.99",
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
    cutout: int = key(
        0,
        "Side of a square set to the mean colour, centred anywhere in the image; 0 turns it off (DeVries and Taylor "
        "2017, arXiv 1708.04552).",
        low=0,
        unit="pixels",
        example="8",
    )
    cutout_probability: float = key(1.0, "Share of images that get a cutout.", share=True, low=0, high=1)
    precision: Precision = key(
        "auto",
        "Type of the activations in training; weights are always float32. `auto`: bfloat16 if the hardware has it.",
        also=("dtype",),
    )

    def __post_init__(self) -> None:
        """Check every field, and the rules between fields."""
        check_keys(self)
        if self.schedule == "wsd" and self.cooldown > 1 - self.warmup:
            raise BadValueError(
                "cooldown", f"must be at most 1 - warmup with the schedule wsd, but got {self.cooldown!r}; lower either"
            )
        if self.lookahead and self.ema:
            raise BadValueError(
                "lookahead", f"must be 0 where ema is not 0, but got {self.lookahead!r}; choose one of them"
            )

    def to_mapping(self) -> dict[str, int | float | str | bool]:
        """Return all fields, in order, as plain values; `read_recipe` reads them back."""
        return {field.name: getattr(self, field.name) for field in fields(self)}
