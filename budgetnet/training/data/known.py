"""The data sets that budgetnet knows by name: shape, classes and origin. Does not load torch."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DATASETS", "KnownDataset"]


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownDataset:
    """Facts about a data set that are known without opening it."""

    shape: tuple[int, int, int]
    """(C, H, W) of every image."""

    classes: tuple[str, ...]
    """Class names; the position is the label."""

    train: int
    """Number of train images."""

    test: int
    """Number of test images."""

    torchvision: str | None
    """Name of the class in torchvision.datasets that downloads and checks it; None: ships with scikit-learn."""

    files: tuple[str, ...] = ()
    """The published files, relative to the data set's own folder, for putting them there without a network."""

    source: str = ""
    """Address of the page or folder with these files."""

    licence: str = "none is stated by its authors"
    """Licence of the images, as their publisher states it."""


_DIGIT_NAMES = tuple(str(digit) for digit in range(10))

_CIFAR100_NAMES = (
    "apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can "
    "castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin "
    "elephant flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster "
    "man maple_tree motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck "
    "pine_tree plain plate poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk "
    "skyscraper snail snake spider squirrel streetcar sunflower sweet_pepper table tank telephone television tiger "
    "tractor train trout tulip turtle wardrobe whale willow_tree wolf woman worm"
)

_IDX_FILES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)

DATASETS: dict[str, KnownDataset] = {
    "cifar10": KnownDataset(
        shape=(3, 32, 32),
        classes=("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
        train=50_000,
        test=10_000,
        torchvision="CIFAR10",
        files=("cifar-10-python.tar.gz",),
        source="https://www.cs.toronto.edu/~kriz/cifar.html",
    ),
    "cifar100": KnownDataset(
        shape=(3, 32, 32),
        classes=tuple(_CIFAR100_NAMES.split()),
        train=50_000,
        test=10_000,
        torchvision="CIFAR100",
        files=("cifar-100-python.tar.gz",),
        source="https://www.cs.toronto.edu/~kriz/cifar.html",
    ),
    "svhn": KnownDataset(
        shape=(3, 32, 32),
        classes=_DIGIT_NAMES,
        train=73_257,
        test=26_032,
        torchvision="SVHN",
        files=("train_32x32.mat", "test_32x32.mat"),
        source="http://ufldl.stanford.edu/housenumbers/",
        licence="for non-commercial use only, as its page states",
    ),
    "mnist": KnownDataset(
        shape=(1, 28, 28),
        classes=_DIGIT_NAMES,
        train=60_000,
        test=10_000,
        torchvision="MNIST",
        files=tuple(f"MNIST/raw/{name}" for name in _IDX_FILES),
        source="https://ossci-datasets.s3.amazonaws.com/mnist/",
        licence="CC BY-SA 3.0, copyright Yann LeCun and Corinna Cortes",
    ),
    "fashion-mnist": KnownDataset(
        shape=(1, 28, 28),
        classes=(
            "t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot",
        ),
        train=60_000,
        test=10_000,
        torchvision="FashionMNIST",
        files=tuple(f"FashionMNIST/raw/{name}" for name in _IDX_FILES),
        source="http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        licence="MIT, copyright Zalando SE",
    ),
    "digits": KnownDataset(
        shape=(1, 8, 8),
        classes=_DIGIT_NAMES,
        train=1_437,
        test=360,
        torchvision=None,
        licence="CC BY 4.0 (Alpaydin and Kaynak, UCI Machine Learning Repository)",
    ),
}  # fmt: skip
"""Known data sets by the name that a study file uses."""
