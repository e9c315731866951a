"""Exported folders from Python: verify them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from budgetnet.errors import RequestError

if TYPE_CHECKING:
    from budgetnet.export.verify.verify import Verification

__all__ = ["verify"]


def verify(
    folder: str | Path, *, test_images: str | Path | None = None, data_dir: str | Path | None = None
) -> Verification:
    """Check a folder that `export` wrote: files, counts, the logits of every format, and the accuracy.

    Its ``network.py`` and plug-ins are run. Logits are compared with those stored in the folder; formats whose
    runtime is not installed are skipped. Nothing is downloaded.

    Args:
        folder: the exported folder.
        test_images: a folder of test images, ``CLASS/…``; if None, those of the recorded data set if they are there.
        data_dir: where data sets are kept; the usual place if None.

    Returns:
        The checks in their order, up to the first that does not hold.

    Raises:
        RequestError: it is not an exported folder, or *test_images* is no folder.
        DataError: *test_images* cannot be read.
        ExportError: the check did not end.

    >>> import budgetnet as bn
    >>> bn.verify("studies")
    Traceback (most recent call last):
        ...
    budgetnet.errors.RequestError: a folder that budgetnet exported holds network.py and network.yaml, but studies
        does not; name such a folder
    """
    from budgetnet.export.verify.verify import verify_folder

    images = None if test_images is None else Path(test_images)
    if images is not None and not images.is_dir():  # also where the folder is one whose images are not asked for
        raise RequestError(f"the test images must be in a folder, but {images} is none")
    return verify_folder(Path(folder), test_images=images, data_dir=None if data_dir is None else Path(data_dir))
