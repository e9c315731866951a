"""Permissions of files and folders that libraries make for their owner alone: as the umask says, like all others."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

__all__ = ["by_umask", "fresh_folder"]


def by_umask(path: Path) -> None:
    """Give a file the permissions of other new files; safetensors writes its own for the owner alone."""
    mask = os.umask(0o077)  # the only way to read it; what another thread makes at this moment is private, not open
    os.umask(mask)
    path.chmod(0o666 & ~mask)


def fresh_folder(folder: Path) -> Path:
    """Make a hidden folder beside *folder*, to be renamed to it; `tempfile.mkdtemp` would make it private for good.

    Raises:
        OSError: it cannot be made.
    """
    place = folder.with_name(f".{folder.name}-{secrets.token_hex(4)}")
    place.mkdir()
    return place
