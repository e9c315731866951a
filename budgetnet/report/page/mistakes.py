"""The gallery of most confident mistakes, with the images where they are still available."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path

from budgetnet.errors import BudgetnetError
from budgetnet.pages.blocks import Gallery, GalleryImage
from budgetnet.records.training_run import TrainingRun
from budgetnet.text import percent
from budgetnet.training.data.sources import ImageFolder, ImageSource, data_directory, image_copy
from budgetnet.training.mistake_images import image_png, read_strip, strip_place
from budgetnet.training.test_report import Mistake, Reading

__all__ = ["mistake_gallery"]


def mistake_gallery(run: TrainingRun, folder: Path, source: ImageSource) -> Gallery | None:
    """Return the images that a network got wrong with the highest confidence; None where none were recorded.

    The images come from beside the weights, else from the data set if it is on this machine; nothing is downloaded.

    Args:
        run: a full training.
        folder: the folder that its weights' file is relative to.
        source: the data set.
    """
    if run.reading is None or not run.reading.mistakes:
        return None
    mistakes = run.reading.mistakes
    kept = None if run.weights is None else read_strip(strip_place(folder / run.weights), len(mistakes))
    images: Sequence[bytes | None] = kept if kept is not None else _from_data(mistakes, source)
    small = all(image is None or len(image) < 20_000 for image in images)
    return Gallery(
        images=[_entry(run.reading, mistake, image) for mistake, image in zip(mistakes, images, strict=True)],
        pixelated=small,
    )


def _entry(reading: Reading, mistake: Mistake, image: bytes | None) -> GalleryImage:
    name = mistake.file or f"test image {mistake.image:,}"
    return GalleryImage(
        source=None if image is None else f"data:image/png;base64,{base64.b64encode(image).decode('ascii')}",
        title=name,
        lines=[
            f"{reading.classes[mistake.predicted]} {percent(mistake.confidence, 1)}\u00a0%",
            f"is {reading.classes[mistake.true]} {percent(mistake.true_probability, 1)}\u00a0%",
            *([] if image is not None else [name]),
        ],
    )


def _from_data(mistakes: Sequence[Mistake], source: ImageSource) -> list[bytes | None]:
    nothing: list[bytes | None] = [None] * len(mistakes)
    if all(mistake.file is not None for mistake in mistakes):
        return _from_files([mistake.file or "" for mistake in mistakes], source) or nothing
    if not isinstance(source, str):
        return nothing
    from budgetnet.training.data.packed import open_packed  # loads torch

    try:
        packed = open_packed(data_directory() / "packed" / source, source)
        if packed is None:
            return nothing
        test = packed.test().store.numpy()
    except BudgetnetError:
        return nothing
    return [image_png(test[mistake.image]) if mistake.image < len(test) else None for mistake in mistakes]


def _from_files(names: Sequence[str], source: ImageSource) -> list[bytes | None] | None:
    """Read image files; None if the folder is not there."""
    from PIL import Image, UnidentifiedImageError

    try:
        folder = source if isinstance(source, ImageFolder) else image_copy(source, data_directory())
    except BudgetnetError:
        return None
    if folder is None:
        return None
    import numpy as np

    found: list[bytes | None] = []
    for name in names:
        try:
            with Image.open(folder.path / name) as opened:
                pixels = np.asarray(opened.convert("L" if folder.channels == 1 else "RGB"), dtype=np.uint8)
        except (OSError, UnidentifiedImageError):
            found.append(None)
            continue
        found.append(image_png(pixels[np.newaxis] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)))
    return found
