"""The commands about exported folders: verify."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from budgetnet.cli.options import DataDir, Json
from budgetnet.cli.output import put

__all__ = ["verify_command"]


def verify_command(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="An exported folder.", show_default=False)],
    test_images: Annotated[
        Path | None,
        typer.Option(
            "--test-images", metavar="DIR", help="Test images, CLASS/…  [default: the recorded data set's, if here]"
        ),
    ] = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Check an exported folder: files, counts, logits, accuracy.

    One line per check, in order; the first that does not hold ends the work with exit code 1. The folder's network.py
    is run. Formats whose runtime is not installed, and test images that are not here, are skipped and said so.
    """
    from budgetnet.api.pages.folders import verification_answer
    from budgetnet.api.pages.trainings import use_data_folder

    use_data_folder(data_dir)
    put(verification_answer(folder, test_images=test_images), as_json=as_json)
