"""Test images for a verification, brought into the form that the folder's configuration states."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from budgetnet.errors import DataError
from budgetnet.export.int8.quantise import run_onnx
from budgetnet.training.data.conversion import Conversion
from budgetnet.training.data.decode import decode
from budgetnet.training.data.known import DATASETS
from budgetnet.training.data.listing import image_files
from budgetnet.training.data.load import load_dataset
from budgetnet.training.data.sources import data_directory, image_copy

__all__ = ["TestImages", "accuracy_of", "int8_accuracy"]

_BATCH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class TestImages:
    """Images with labels in the order of the configuration's classes."""

    __test__ = False  # the name is no test's, whatever pytest thinks

    pixels: Tensor
    """uint8 (N, C, H, W)."""
    labels: Tensor
    """int64 (N,)."""
    mean: tuple[float, ...]
    std: tuple[float, ...]

    @classmethod
    def find(cls, config: dict[str, Any], folder: Path | None, data_dir: Path | None) -> Self | str:
        """Return the images, or the reason why there are none.

        Args:
            config: the folder's configuration: its classes give the labels, so swapped classes give wrong ones.
            folder: ``CLASS/…`` with images; None for the recorded data set, if it is on this machine.
            data_dir: where data sets are kept.

        Raises:
            DataError: the images cannot be read, or their classes are not the configuration's.
        """
        told = config["preprocessing"]
        normalisation = {"mean": tuple(told["mean"]), "std": tuple(told["std"])}
        if folder is not None:
            pixels, labels = _read_folder(folder, config["classes"], told)
            return cls(pixels=pixels, labels=labels, **normalisation)
        name, _, copy = config["dataset"].partition(" ")
        if name not in DATASETS:
            return f"the test images of {config['dataset']} are not known here; name them with --test-images"
        directory = data_directory(data_dir)
        as_files = image_copy(name, directory) is not None
        if not (as_files or (directory / "packed" / name).is_dir() or DATASETS[name].torchvision is None):
            return f"the test images of {name} are not on this machine; name them with --test-images"
        if as_files != bool(copy):
            return f"the accuracy is recorded on {config['dataset']}, another form of these images is here"
        dataset = load_dataset(name, data_dir=data_dir)
        test = dataset.test()
        order = torch.tensor([config["classes"].index(label) for label in dataset.classes])
        return cls(pixels=test.images, labels=order[test.labels], **normalisation)


@torch.inference_mode()
def accuracy_of(model: nn.Module, images: TestImages) -> float:
    """Return the share of images whose highest logit is their class, each seen once, without augmentation."""
    mean, std = (torch.tensor(values).view(1, -1, 1, 1) for values in (images.mean, images.std))
    hits = 0
    for start in range(0, len(images.labels), _BATCH):
        pixels = images.pixels[start : start + _BATCH].float().div(255)
        hits += int((model((pixels - mean) / std).argmax(1) == images.labels[start : start + _BATCH]).sum())
    return hits / len(images.labels)


def int8_accuracy(path: Path, images: TestImages) -> float:
    """Return the same of an ONNX network."""
    mean, std = (np.array(values, dtype=np.float32).reshape(1, -1, 1, 1) for values in (images.mean, images.std))
    hits = 0
    for start in range(0, len(images.labels), _BATCH):
        pixels = images.pixels[start : start + _BATCH].numpy().astype(np.float32) / 255
        predicted = run_onnx(path, (pixels - mean) / std).argmax(axis=1)
        hits += int((predicted == images.labels[start : start + _BATCH].numpy()).sum())
    return hits / len(images.labels)


def _read_folder(folder: Path, classes: list[str], told: dict[str, Any]) -> tuple[Tensor, Tensor]:
    """Read a folder of class folders."""
    if not folder.is_dir():
        raise DataError(f"test images must be in a folder with one folder per class, but {folder} is not a folder")
    found = sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    strange = sorted(set(found) - set(classes))
    if strange or not found:
        named = f"holds {strange[0]!r}" if strange else "holds no folder"
        raise DataError(
            f"the folders of test images must be named as the classes ({', '.join(classes[:3])}, …), but {folder} "
            f"{named}; rename its folders"
        )
    files = [(path, classes.index(name)) for name in found for path in image_files(folder / name)]
    if not files:
        raise DataError(f"{folder} holds no test images; put some into its class folders")
    pixels = np.stack([_pixels(path, told) for path, _ in files])
    return torch.from_numpy(pixels), torch.tensor([label for _, label in files])


def _pixels(path: Path, told: dict[str, Any]) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Return one picture as uint8 (C, H, W), as the configuration says."""
    height, width = told["size"]
    scaled = told["resampling"] is not None
    conversion = Conversion(
        size=(height, width) if scaled else None,
        channels=3 if told["colour"] == "RGB" else 1,
        # Folders of earlier versions do not state fit and background; they had no choice.
        fit=told.get("fit") or "crop",
        resampling=told["resampling"] or "bilinear",
        background=told.get("background"),
    )
    pixels = decode(path, conversion).pixels
    if pixels.shape[1:] != (height, width):
        came = "x".join(map(str, pixels.shape[1:]))
        raise DataError(f"pictures must have {height}x{width} pixels, but {path} has {came}")
    return pixels
