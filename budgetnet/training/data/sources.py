"""Sources of images: a known name or an `ImageFolder`. Reads names and one header; does not load torch."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from budgetnet.errors import DataError, nearest
from budgetnet.keys.declare import key, keys_of
from budgetnet.keys.key import REQUIRED, BadValueError
from budgetnet.text import counted, some_of
from budgetnet.training.data.conversion import Background, Conversion, Fit, Resampling
from budgetnet.training.data.known import DATASETS, KnownDataset
from budgetnet.training.data.listing import check_names, holds_images, image_files

__all__ = [
    "DATA_VARIABLE",
    "Description",
    "ImageFolder",
    "ImageSource",
    "class_folders",
    "data_directory",
    "describe_source",
    "image_copy",
    "known",
]

DATA_VARIABLE = "BUDGETNET_DATA"
"""Environment variable with the data directory."""


@dataclass(frozen=True, slots=True)
class ImageFolder:
    """A folder of images: ``train/CLASS/…`` and ``test/CLASS/…``, any format that Pillow reads.

    Raises:
        StudyError: an illegal size or number of channels.
    """

    path: Path = key(
        REQUIRED,
        "A folder of images: train/CLASS/… and test/CLASS/…, in any format that Pillow reads; relative to the study "
        "file.",
        name="images",
        rule="a folder",
        example="photos",
    )

    size: int | tuple[int, int] | None = key(
        None,
        "Side of the images, or [height, width]; images are scaled and cut at the centre to fit.",
        kind="whole",
        left_out="all images have one size already",
        low=1,
        high=4096,
        unit="pixels",
        example="32",
        rule="a whole number from 1 to 4,096, or a pair [height, width] of them",
    )

    channels: Literal[1, 3] = key(3, "1: grey. 3: colour (RGB).", rule="1 (grey) or 3 (colour)")

    fit: Fit = key(
        "crop",
        "How images of another shape come to the size. `crop`: scaled until they cover it, and cut at the centre. "
        "`pad`: scaled until they fit in, with the background around them. `stretch`: each side scaled by itself.",
        example="pad",
    )

    resampling: Resampling = key(
        "bilinear", "The filter of the scaling, one of Pillow's.", example="bicubic", also=("interpolation",)
    )

    background: Background | None = key(
        None,
        "Colour behind transparent pixels, and around padded images.",
        left_out="images with transparent pixels are refused",
        example="white",
    )

    def __post_init__(self) -> None:
        """Check the fields."""
        object.__setattr__(self, "path", Path(self.path).expanduser())
        # A list is what YAML and JSON give for a pair, whatever the annotation says.
        given: object = tuple(self.size) if isinstance(self.size, list) else self.size
        object.__setattr__(self, "size", given)
        declared = keys_of(ImageFolder)
        declared["channels"].check(self.channels)
        sides = given if isinstance(given, tuple) else (given,)
        if len(sides) != (2 if isinstance(given, tuple) else 1):
            raise declared["size"].bad(given)
        for side in sides:
            declared["size"].check(side)
        for name in ("fit", "resampling", "background"):
            declared[name].check(getattr(self, name))
        if self.fit == "pad" and self.background is None:
            raise BadValueError("fit", "must not be 'pad' without a background to pad with; add background: black")
        for name in ("fit", "resampling"):
            if self.size is None and name in self.conversion.choices():
                raise BadValueError(name, "needs a size to scale images to; add for example size: 32")

    @property
    def height_and_width(self) -> tuple[int, int] | None:
        """`size` as a pair, or None."""
        return (self.size, self.size) if isinstance(self.size, int) else self.size

    @property
    def conversion(self) -> Conversion:
        """How the images become pixels."""
        return Conversion(
            size=self.height_and_width,
            channels=self.channels,
            fit=self.fit,
            resampling=self.resampling,
            background=self.background,
        )


ImageSource = str | ImageFolder
"""A name in `DATASETS` or a folder."""


class Description(NamedTuple):
    """Facts about a data set that a search space needs."""

    shape: tuple[int, int, int]
    """(C, H, W) of every image."""

    classes: tuple[str, ...]
    """Class names; the position is the label."""


def describe_source(source: ImageSource) -> Description:
    """Return shape and classes of a data set, without loading torch, downloading or decoding images.

    A known name is looked up; in a folder, the class folders are listed and, if no size is given, the first image's
    header is read.

    Raises:
        DataError: an unknown name, or a folder that is not laid out as `ImageFolder` says.
    """
    if isinstance(source, str):
        entry = known(source)
        return Description(shape=entry.shape, classes=entry.classes)
    classes = class_folders(source)
    size = source.height_and_width
    if size is None:
        first = next(image for name in classes for image in image_files(source.path / "train" / name))
        size = _size_of(first)
    return Description(shape=(source.channels, *size), classes=classes)


def known(name: str) -> KnownDataset:
    """Return the table's entry for a data set's name.

    Raises:
        DataError: there is none; the message suggests the nearest name and explains how to use a folder.
    """
    if name not in DATASETS:
        raise DataError(
            f"there is no data set {name!r}{nearest(name.lower(), DATASETS)}; known are {', '.join(DATASETS)}, "
            "and a folder of images is written {images: FOLDER}"
        )
    return DATASETS[name]


def data_directory(data_dir: Path | None = None) -> Path:
    """Return the folder of data sets: *data_dir*, else $BUDGETNET_DATA, else ~/.cache/budgetnet."""
    if data_dir is not None:
        return data_dir.expanduser()
    set_by_user = os.environ.get(DATA_VARIABLE)
    return Path(set_by_user).expanduser() if set_by_user else Path.home() / ".cache" / "budgetnet"


def image_copy(name: str, directory: Path) -> ImageFolder | None:
    """Return the image files of a published set if ``directory/NAME`` holds ``train`` and ``test`` folders of them.

    Raises:
        DataError: an unknown name, or the class folders are not the published classes.
    """
    entry = known(name)
    folder = directory / name
    if not all((folder / part).is_dir() for part in ("train", "test")):
        return None
    channels, height, width = entry.shape
    found = ImageFolder(folder, size=(height, width), channels=1 if channels == 1 else 3)
    classes = class_folders(found)
    if classes != entry.classes:
        raise DataError(
            f"{folder / 'train'} must hold the {len(entry.classes)} classes of {name} "
            f"({some_of(entry.classes, 3)}), but holds {some_of(classes, 12)}; rename the folders, or move "
            f"{folder} away to have the published files downloaded"
        )
    return found


def class_folders(folder: ImageFolder) -> tuple[str, ...]:
    """Return the sorted class names of a folder of images: the names of the folders in ``train``.

    Raises:
        DataError: ``train`` or ``test`` is missing, there are fewer than two classes, a class has no images, or
            ``test`` has a class that ``train`` lacks, or a class's name is not UTF-8.
    """
    if not folder.path.is_dir():
        beside = [path.name for path in folder.path.parent.glob("*") if path.is_dir()]
        raise DataError(
            f"there is no folder {folder.path}{nearest(folder.path.name, beside) or '; check the path'}; a folder of "
            "images holds train/ and test/ with one folder per class"
        )
    for part in ("train", "test"):
        if not (folder.path / part).is_dir():
            raise DataError(
                f"a folder of images must hold train/ and test/ with one folder per class, but {folder.path} has no "
                f"{part}/; make {folder.path / part}/CLASS/ and put that class's images there"
            )
    classes = _folders_in(folder.path / "train")
    if len(classes) < 2:
        raise DataError(
            f"a data set needs at least two classes, but {folder.path / 'train'} holds "
            f"{counted(len(classes), 'class folder')}; make one folder per class there"
        )
    for name in classes:
        if not holds_images(folder.path / "train" / name):
            raise DataError(
                f"every class needs train images, but {folder.path / 'train' / name} holds none that Pillow can read; "
                "put some there, or remove the folder"
            )
    for name in _folders_in(folder.path / "test"):
        if name not in classes:
            raise DataError(
                f"the classes of test/ must occur in train/, but {folder.path / 'test' / name} has no counterpart"
                f"{nearest(name, classes)}; known are {', '.join(classes)}"
            )
    return classes


def _folders_in(folder: Path) -> tuple[str, ...]:
    """Return the sorted names of the visible folders in *folder*.

    Raises:
        DataError: a name is not UTF-8.
    """
    found = [path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")]
    check_names(found, "class folder")
    return tuple(sorted(path.name for path in found))


def _size_of(image: Path) -> tuple[int, int]:
    """Return (height, width) from an image's header, after turning it upright."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(image) as opened:
            width, height = opened.size
            turned = opened.getexif().get(0x0112, 1) in (5, 6, 7, 8)
    except (OSError, UnidentifiedImageError, SyntaxError, ValueError) as error:
        raise DataError(f"the image {image} cannot be read ({error}); replace it or remove it") from error
    return (width, height) if turned else (height, width)
