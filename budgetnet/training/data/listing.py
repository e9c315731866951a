"""The image files below a folder: which are taken, in which order, and which are not, counted. Does not load torch."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from budgetnet.errors import DataError
from budgetnet.text import counted, escaped, some_of

__all__ = ["Listing", "check_names", "holds_images", "image_files", "list_images"]

_SHOWN = 5
"""Names that a message lists before it counts the rest."""


@dataclass(slots=True)
class Listing:
    """Image files that are taken, and the number of entries of each kind that are not."""

    files: list[Path] = field(default_factory=list)
    """Sorted by path."""
    left_out: Counter[str] = field(default_factory=Counter)
    """Numbers by kind: a suffix such as ``.heic``, or words such as ``dangling link``."""

    def add(self, other: Listing) -> None:
        """Take in the files of another listing, behind those that are here."""
        self.files += other.files
        self.left_out.update(other.left_out)

    @property
    def text(self) -> str:
        """``not taken: 2 dangling links, 1 .heic``; empty if everything was taken."""
        return left_out_text(self.left_out)


def left_out_text(left_out: Counter[str]) -> str:
    """Return ``not taken: 2 dangling links, 1 .heic``, the most frequent first; nothing if there is nothing.

    >>> left_out_text(Counter({".heic": 1, "dangling link": 2}))
    'not taken: 2 dangling links, 1 .heic'
    """
    kinds = sorted(left_out.items(), key=lambda item: (-item[1], item[0]))
    parts = [f"{number:,} {kind}" if kind.startswith(".") else _kind(number, kind) for kind, number in kinds if number]
    return f"not taken: {', '.join(parts)}" if parts else ""


def _kind(number: int, kind: str) -> str:
    head, preposition, rest = kind.partition(" to ") if " to " in kind else kind.partition(" without ")
    return counted(number, head) + preposition + rest


def image_files(folder: Path) -> list[Path]:
    """Return the images below *folder*, sorted by path: files with a suffix that Pillow knows, except hidden ones."""
    return list_images(folder).files


def list_images(folder: Path) -> Listing:
    """Return the images below *folder* and the number of other files.

    Links to files and to folders are followed. A link to a folder that contains it, or that is taken already, is not,
    so that a circle of links ends and no file is taken twice.

    Raises:
        DataError: a folder cannot be read, or a name is not UTF-8.
    """
    walk = _Walk()
    files = list(walk.images(folder))
    check_names(files, "file")
    # Sorting by parts gives the order of paths but is faster, which matters for the many files of a data set.
    files.sort(key=lambda path: path.parts)
    return Listing(files, walk.left_out)


def holds_images(folder: Path) -> bool:
    """Return True if there is an image below *folder*; looks no further than the first one."""
    return next(_Walk().images(folder), None) is not None


class _Walk:
    """One walk through a folder and what it links to."""

    def __init__(self) -> None:
        from PIL import Image  # loading Pillow's plugins takes 0.1 s, which `budgetnet --help` does not need

        self.left_out: Counter[str] = Counter()
        self._suffixes = Image.registered_extensions()
        self._links: list[str] = []
        """Links to folders that were met and not followed yet."""
        self._entered: list[str] = []
        """Real paths of the folders that were entered from the outside; all below them are, too."""

    def images(self, folder: Path) -> Iterator[Path]:
        """Yield the images, in any order; the same files whatever the order in which a disk lists them."""
        yield from self._enter(str(folder))
        while self._links:  # after all real folders
            self._links.sort()
            link = self._links.pop(0)
            if self._leads_on(link):
                yield from self._enter(link)

    def _enter(self, folder: str) -> Iterator[Path]:
        """Yield the images in a folder and in the folders below it."""
        self._entered.append(os.path.realpath(folder))
        waiting = [folder]
        while waiting:
            for entry in _entries(waiting.pop()):
                if entry.name.startswith("."):
                    self.left_out["hidden file"] += 1
                elif not entry.is_dir():
                    if self._is_image(entry):
                        yield Path(entry.path)
                elif entry.is_symlink():
                    self._links.append(entry.path)
                else:
                    waiting.append(entry.path)

    def _is_image(self, entry: os.DirEntry[str]) -> bool:
        """Tell by its suffix whether a file is an image; count it if it is not."""
        suffix = os.path.splitext(entry.name)[1].lower()  # noqa: PTH122 - quicker
        if not entry.is_file():
            self.left_out["dangling link" if entry.is_symlink() else "special file"] += 1
        elif suffix in self._suffixes:
            return True
        else:
            self.left_out[escaped(suffix) or "file without a suffix"] += 1
        return False

    def _leads_on(self, link: str) -> bool:
        """Tell whether a link leads to a folder that was not entered and does not come back here."""
        target, here = os.path.realpath(link), os.path.realpath(Path(link).parent)
        if _is_below(here, target):
            self.left_out["link to a folder that contains it"] += 1
        elif any(_is_below(target, known) for known in self._entered):
            self.left_out["link to a folder that is taken already"] += 1
        else:
            return True
        return False


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as listed:
            return list(listed)
    except OSError as error:
        raise DataError(
            f"every folder of images must be readable, but {escaped(folder)} is not ({error.strerror}); change its "
            "permissions, or move it away"
        ) from error


def _is_below(path: str, folder: str) -> bool:
    """Tell whether a real path is a folder's, or of something in it."""
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def check_names(paths: Iterable[Path], what: str) -> None:
    """Refuse names that are not UTF-8 text or hold control characters: no record, page or listing could hold them.

    Args:
        paths: files or folders; their last parts are looked at.
        what: the kind of thing, in the singular.

    Raises:
        DataError: a name is not legal; all of them are counted, some are shown, escaped.
    """
    wrong = [path for path in paths if not path.name.isascii() or not path.name.isprintable()]
    wrong = [path for path in wrong if any(unicodedata.category(sign) in ("Cs", "Cc") for sign in path.name)]
    if wrong:
        named = some_of((escaped(str(path)) for path in wrong), _SHOWN)
        raise DataError(
            f"names of {what}s must be UTF-8 text without control characters, but {counted(len(wrong), 'name')} "
            f"{'is' if len(wrong) == 1 else 'are'} not: {named}; rename {'it' if len(wrong) == 1 else 'them'}"
        )
