"""`Optimization`: a part of a recipe's fields. Does not load torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from budgetnet.keys.declare import key

__all__ = ["NormScale", "Optimization", "Optimizer", "Schedule"]

Optimizer = Literal["sgd", "adamw", "adam", "muon"]
Schedule = Literal["onecycle", "cosine", "wsd", "plateau", "constant"]
NormScale = Literal["learned", "frozen", "positive"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Optimization:
    """Length, optimizer and learning rate of a training."""

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
    muon_rows: bool = key(
        False,
        "With `muon`: True rescales every filter to the same norm before an update; false only all filters of a layer "
        "together, as airbench94_muon does.",
    )
    norm_bias_rate: float = key(
        1.0,
        "The learning rate of batch norm biases, as a multiple of `lr`. They may change much faster than "
        'weights (64 in airbench94; D. Page, "How to train your ResNet", 2018).',
        above=0,
        example="64",
        also=("bias_scaler",),
    )
    norm_scale: NormScale = key(
        "learned",
        "Scales of batch norms. `frozen`: they stay 1 (airbench94; K. Jordan 2024, arXiv 2404.00498). `positive`: "
        "after each step, none is below 0.01. Max pooling and a norm of positive scale can change places, so such "
        "networks fold into int8 whole, even where the norm follows the pooling.",
        example="frozen",
    )
    norm_momentum: float = key(
        0.1,
        "Share of each batch in the running statistics of batch norms; 0.4 in airbench94 (K. Jordan 2024).",
        share=True,
        above=0,
        high=1,
        example="0.4",
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
