"""The shipped networks beside what is known about them: a published or hand count, and the usual Python."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import starmap
from pathlib import Path
from types import FunctionType

from torch import nn
from torchvision.models import (
    convnext,
    efficientnet,
    mobilenetv3,
    regnet,
    shufflenetv2,
    squeezenet,
    vision_transformer,
)
from torchvision.models.googlenet import BasicConv2d, GoogLeNet, GoogLeNet_Weights, Inception
from torchvision.ops import misc

from tests.networks import cell_oracles, mobile_oracles, oracles, token_oracles

__all__ = ["BY_NAME", "CELLS", "FOLDER", "PUBLISHED", "Published"]

FOLDER = Path(__file__).parents[2] / "studies" / "networks"

CELLS = {
    "conv3x3": "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|",
    "skips": "|skip_connect~0|+|skip_connect~0|skip_connect~1|+|skip_connect~0|skip_connect~1|skip_connect~2|",
    "0": "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|",
    "2211": "|none~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|skip_connect~1|nor_conv_1x1~2|",
    "9930": "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|",
    "mixed": "|skip_connect~0|+|none~0|nor_conv_3x3~1|+|avg_pool_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|",
}
"""Cells of NAS-Bench-201 as the benchmark spells them, by the end of their files' names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What is known about one shipped network."""

    name: str
    """Of the file, without ending."""
    params: int
    """The count that must come out; the comment beside it says where it is from."""
    oracle: Callable[[], nn.Module]
    """The usual Python."""
    python: tuple[type | FunctionType, ...]
    """The classes and functions that the usual Python is made of, for counting its lines."""
    same_function: bool = True
    """Whether both compute the same at equal weights; False where only the counts agree, with the reason there."""
    same_operators: bool = True
    """Whether both run the same counted operators; False with the reason there."""


# The largest of the benchmark's cells has six 3x3 convolutions of c in and c out with their norms, five cells at
# each of 16, 32 and 64 channels; the smallest has nothing but the rest of the network.
_EDGE_3X3 = 5 * sum(9 * c * c + 2 * c for c in (16, 32, 64))
_EDGE_1X1 = 5 * sum(c * c + 2 * c for c in (16, 32, 64))
_REST_201 = (
    (9 * 3 * 16 + 2 * 16)  # stem and its norm
    + (9 * 16 * 32 + 2 * 32 + 9 * 32 * 32 + 2 * 32 + 16 * 32)  # first reduction: two convolutions, a 1x1 shortcut
    + (9 * 32 * 64 + 2 * 64 + 9 * 64 * 64 + 2 * 64 + 32 * 64)  # second reduction
    + 2 * 64  # last norm
    + (64 * 10 + 10)  # classifier
)

_RESNET = (oracles.BasicBlock, oracles.ResNet20)
_NB201 = (cell_oracles.ReLUConvBN, cell_oracles.NasBench201Cell, cell_oracles.ReductionBlock, cell_oracles.NasBench201)
_DARTS = (
    cell_oracles.ReLUConvBN,
    cell_oracles.SepConv,
    cell_oracles.DilConv,
    cell_oracles.DartsCell,
    cell_oracles.DartsNetwork,
)
_CONVNEXT = (convnext.LayerNorm2d, convnext.CNBlock, convnext.CNBlockConfig, convnext.ConvNeXt)


def _convnext_stage() -> nn.Module:
    """Stem, first stage and head, from torchvision's parts."""
    return convnext.ConvNeXt([convnext.CNBlockConfig(96, None, 3)], num_classes=10)


def _ghost(channels_in: int, channels_out: int) -> int:
    """Parameters of a ghost module."""
    half = channels_out // 2
    return channels_in * half + 9 * half + 2 * 2 * half


_GHOST_WIDTHS = (16, *(after for _, _, after, _, _ in mobile_oracles.GhostNet.blocks))[:-1]


def _ghost_block(before: int, block: tuple[int, int, int, bool, int]) -> int:
    """Parameters of a GhostNet's block."""
    kernel, mid, after, squeeze, stride = block
    reduced = mobile_oracles.divisible(mid * 0.25)
    return (
        _ghost(before, mid)
        + (kernel**2 * mid + 2 * mid) * (stride > 1)
        + (2 * mid * reduced + mid + reduced) * squeeze
        + _ghost(mid, after)
        + (kernel**2 * before + 2 * before + before * after + 2 * after) * (stride > 1 or before != after)
    )


def _nb201(name: str, params: int) -> Published:
    return Published(
        name=f"nas-bench-201-{name}",
        params=params,
        oracle=lambda: cell_oracles.NasBench201(CELLS[name]),
        python=(*_NB201, cell_oracles.Zero) if "none" in CELLS[name] else _NB201,
        # The benchmark's pooling leaves padding out of its means, `avgpool` counts it as zeros.
        same_function="pool" not in CELLS[name],
    )


PUBLISHED = (
    Published(
        name="resnet-20-option-a",
        # 0.27M in arXiv 1512.03385, table 6; exactly: stem, 6 convolutions at 16, 1 + 5 at 32, 1 + 5 at 64, a norm
        # after each, classifier
        params=9 * (3 * 16 + 6 * 16**2 + 16 * 32 + 5 * 32**2 + 32 * 64 + 5 * 64**2)
        + 2 * (7 * 16 + 6 * 32 + 6 * 64)
        + (64 * 10 + 10),
        oracle=lambda: oracles.ResNet20("A"),
        python=(oracles.PaddedShortcut, *_RESNET),
    ),
    Published(
        name="resnet-20-projection",
        # the same and two 1x1 convolutions with norm on the shortcuts
        params=269_722 + 16 * 32 + 2 * 32 + 32 * 64 + 2 * 64,
        oracle=lambda: oracles.ResNet20("B"),
        python=_RESNET,
    ),
    Published(
        name="resnet-8",
        # as the authors' training log prints it (Logs/training_log.txt): 78,666, of them 480 statistics of norms
        params=78_666 - 480,
        oracle=oracles.ResNet8,
        python=(oracles.BiasedBlock, oracles.ResNet8),
    ),
    Published(
        name="mobilenet-v2-cifar",
        # as users of github.com/kuangliu/pytorch-cifar report it (its own ReLU counts like ReLU6)
        params=2_296_922,
        oracle=oracles.MobileNetV2,
        python=(oracles.InvertedResidual, oracles.MobileNetV2),
    ),
    Published(
        name="densenet-bc-40-12",
        # stem; blocks from 24, 48 and 60 channels, each of 6 layers that add 12; two transitions; last norm, classifier
        params=9 * 3 * 24
        + sum(2 * c + c * 48 + 2 * 48 + 9 * 48 * 12 for start in (24, 48, 60) for c in range(start, start + 72, 12))
        + (2 * 96 + 96 * 48)
        + (2 * 120 + 120 * 60)
        + 2 * 132
        + (132 * 10 + 10),
        oracle=lambda: oracles.DenseNetBC(depth=40, growth=12),
        python=(oracles.DenseLayer, oracles.Transition, oracles.DenseNetBC),
    ),
    Published(
        name="squeezenet-1.1",
        params=squeezenet.SqueezeNet1_1_Weights.IMAGENET1K_V1.meta["num_params"],  # stated by torchvision
        oracle=squeezenet.squeezenet1_1,
        python=(squeezenet.Fire, squeezenet.SqueezeNet),
    ),
    Published(
        name="shufflenet-v2-x0.5",
        params=shufflenetv2.ShuffleNet_V2_X0_5_Weights.IMAGENET1K_V1.meta["num_params"],  # stated by torchvision
        oracle=shufflenetv2.shufflenet_v2_x0_5,
        python=(shufflenetv2.channel_shuffle, shufflenetv2.InvertedResidual, shufflenetv2.ShuffleNetV2),
        same_operators=False,  # its mean over all positions is an operator that fvcore does not count
    ),
    Published(
        name="convnext-tiny",
        params=convnext.ConvNeXt_Tiny_Weights.IMAGENET1K_V1.meta["num_params"],  # stated by torchvision
        oracle=convnext.convnext_tiny,
        python=_CONVNEXT,
        same_operators=False,  # sums in place, which `measure` does not know
    ),
    Published(
        name="convnext-stage",
        # stem and its norm; three blocks: depthwise 7x7, norm, two linear layers, scale; last norm, classifier
        params=(16 * 3 * 96 + 96 + 2 * 96)
        + 3 * ((49 * 96 + 96) + 2 * 96 + (96 * 384 + 384) + (384 * 96 + 96) + 96)
        + (2 * 96 + 96 * 10 + 10),
        oracle=_convnext_stage,
        python=_CONVNEXT,
        same_operators=False,
    ),
    Published(
        name="darts-v2",
        params=3_349_342,  # "param size = 3.349342MB", as the authors' evaluation script prints it
        oracle=lambda: cell_oracles.DartsNetwork(36, 20, reductions=(6, 13)),
        python=(cell_oracles.FactorizedReduce, *_DARTS),
        same_function=False,  # the factorised reduction sees all positions, a strided 1x1 convolution every other one
    ),
    Published(
        name="darts-normal-cell",
        # stem of 48 and its norm; cells on (48, 48), (48, 64) and (64, 64): two 1x1 convolutions to 16 with norms,
        # five separable convolutions (twice depthwise 3x3, 1x1, norm), a dilated one (once the same); classifier
        params=(9 * 3 * 48 + 2 * 48)
        + sum(
            p * 16 + q * 16 + 2 * 2 * 16 + (5 * 2 + 1) * (9 * 16 + 16 * 16 + 2 * 16)
            for p, q in ((48, 48), (48, 64), (64, 64))
        )
        + (64 * 10 + 10),
        oracle=lambda: cell_oracles.DartsNetwork(16, 3),
        python=_DARTS,
    ),
    Published(
        name="tiniest",
        params=97_530,  # stated by github.com/xvel/cifar10-tiniest
        oracle=oracles.Tiniest,
        python=(oracles.ChannelNorm, oracles.TiniestBlock, oracles.Tiniest),
    ),
    Published(
        name="mobilenet-v3-small",
        params=mobilenetv3.MobileNet_V3_Small_Weights.IMAGENET1K_V1.meta["num_params"],  # stated by torchvision
        oracle=mobilenetv3.mobilenet_v3_small,
        python=(misc.SqueezeExcitation, mobilenetv3.InvertedResidual, mobilenetv3.MobileNetV3),
    ),
    Published(
        name="efficientnet-b0",
        params=efficientnet.EfficientNet_B0_Weights.IMAGENET1K_V1.meta["num_params"],  # stated by torchvision
        oracle=efficientnet.efficientnet_b0,
        python=(misc.SqueezeExcitation, efficientnet.MBConv, efficientnet.EfficientNet),
    ),
    Published(
        name="regnet-y-400mf",
        params=regnet.RegNet_Y_400MF_Weights.IMAGENET1K_V1.meta["num_params"],  # stated by torchvision
        oracle=mobile_oracles.regnet_y_400mf,
        python=(
            misc.SqueezeExcitation,
            regnet.BottleneckTransform,
            regnet.ResBottleneckBlock,
            regnet.AnyStage,
            regnet.RegNet,
        ),
    ),
    Published(
        name="googlenet",
        params=GoogLeNet_Weights.IMAGENET1K_V1.meta["num_params"],  # stated by torchvision
        oracle=lambda: GoogLeNet(aux_logits=False, init_weights=False),
        python=(BasicConv2d, Inception, GoogLeNet),
    ),
    Published(
        name="ghostnet",
        # 5.2M in arXiv 1911.11907, table 7; exactly: the stem, its blocks, and two wide convolutions and a classifier
        params=(9 * 3 * 16 + 2 * 16)
        + sum(starmap(_ghost_block, zip(_GHOST_WIDTHS, mobile_oracles.GhostNet.blocks, strict=True)))
        + (160 * 960 + 2 * 960)
        + (960 * 1280 + 1280)
        + (1280 * 1000 + 1000),
        oracle=mobile_oracles.GhostNet,
        python=(
            mobile_oracles.GhostModule,
            mobile_oracles.GhostSE,
            mobile_oracles.GhostBottleneck,
            mobile_oracles.GhostNet,
        ),
    ),
    Published(
        name="eca-resnet-20",
        params=269_722 + 9 * 3,  # ResNet-20 and three weights per block
        oracle=mobile_oracles.EcaResNet20,
        python=(oracles.PaddedShortcut, *_RESNET, mobile_oracles.EcaLayer, mobile_oracles.EcaBlock),
    ),
    Published(
        name="vit-tiny-cifar",
        # patches, class token and positions; 12 blocks of two norms, attention and perceptron; last norm, classifier
        params=(16 * 3 * 192 + 192)
        + 192
        + 65 * 192
        + 12 * (2 * 2 * 192 + (192 * 576 + 576) + (192 * 192 + 192) + (192 * 768 + 768) + (768 * 192 + 192))
        + 2 * 192
        + (192 * 10 + 10),
        oracle=token_oracles.ViTTiny,
        python=(
            vision_transformer.MLPBlock,
            vision_transformer.EncoderBlock,
            vision_transformer.Encoder,
            vision_transformer.VisionTransformer,
        ),
        same_operators=False,  # torch's attention is projections and products of its own names
    ),
    Published(
        name="cct-2-3x2",
        # two convolutions; positions; two blocks of two norms, attention and perceptron; norm, pooling, classifier
        params=(9 * 3 * 64 + 9 * 64 * 128)
        + 64 * 128
        + 2 * (2 * 2 * 128 + 3 * 128**2 + 3 * (128**2 + 128))
        + 2 * 128
        + (128 + 1)
        + (128 * 10 + 10),
        oracle=token_oracles.CCT,
        python=(token_oracles.CCTAttention, token_oracles.CCTEncoder, token_oracles.CCT),
    ),
    Published(
        name="mixer-s-16",
        params=18_528_264,  # stated by github.com/huggingface/pytorch-image-models
        oracle=token_oracles.MlpMixer,
        python=(token_oracles.Mlp, token_oracles.MixerBlock, token_oracles.MlpMixer),
        same_operators=False,  # its mean over all tokens is an operator that fvcore does not count
    ),
    _nb201("skips", _REST_201),
    _nb201("conv3x3", _REST_201 + 6 * _EDGE_3X3),
    _nb201("0", 129_306),  # the benchmark's own number, as NASLib's tests quote it
    _nb201("2211", _REST_201 + _EDGE_3X3 + _EDGE_1X1),  # "Params=0.344 MB", NATS-Bench issue 19
    _nb201("9930", _REST_201 + 5 * _EDGE_3X3),  # "Params=1.289 MB", the benchmark's API
    _nb201("mixed", 802_426),  # the benchmark's own number, NATS-Bench issue 36
)
"""Every shipped network but the one that this project starts from, which has tests of its own."""

BY_NAME = {known.name: known for known in PUBLISHED}
