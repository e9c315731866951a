"""Pages about exported folders: verify."""

from __future__ import annotations

from pathlib import Path

from budgetnet.api.folders import verify
from budgetnet.api.pages.printout import Printout

__all__ = ["verification_answer"]


def verification_answer(folder: Path, *, test_images: Path | None) -> Printout:
    """Verify an exported folder; see `budgetnet.api.folders.verify`."""
    found = verify(folder, test_images=test_images)
    return Printout(lines=found.text(), document=found.document(), command="verify", ok=found.holds)
