"""A study that travels with its database: the study file and the files that it refers to, as texts.

Whoever starts a search from a study file leaves these texts in the database, so that another machine can work on the
study without a copy of the file. Plug-ins are programs: they are unpacked, but read only by those who trust them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from budgetnet.errors import RequestError, SearchError
from budgetnet.files.study import Study
from budgetnet.files.study_file import load_study
from budgetnet.files.variants import split_variant, variant_path
from budgetnet.grammar.imports import PRELUDE
from budgetnet.grammar.parser import parse_grammar
from budgetnet.training.data.sources import ImageFolder

__all__ = ["TRAVELLING", "TravellingStudy"]

TRAVELLING = "study_files"
"""The attribute of a study in the database that holds its files."""
_FORMAT = "budgetnet-study-files/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class TravellingStudy:
    """A study file and what it refers to. Paths are relative to the study file's folder, with ``/`` between parts."""

    file: str
    """Name of the study file."""
    text: str
    """Its contents."""
    variant: Mapping[str, str]
    """Values of the variant (`budgetnet.files.variants`); empty for the study itself."""
    plugins: Mapping[str, str]
    """Contents of plug-in files, by path."""
    others: Mapping[str, str]
    """Contents of grammar and network files, by path."""

    @classmethod
    def pack(cls, study: Study) -> Self | None:
        """Return what travels; None for a study that was not read from a file, or whose files have moved since."""
        path, variant = split_variant(study.path)
        try:
            text = path.read_text(encoding="utf-8")
            plugins = {_relative(file.path, path): file.text for file in study.plugins.files}
            others = {_relative(file, path): file.read_text(encoding="utf-8") for file in _referred(study, path)}
        except (OSError, UnicodeDecodeError, ValueError):  # ValueError: on another drive
            return None
        return cls(file=path.name, text=text, variant=variant, plugins=plugins, others=others)

    def document(self) -> dict[str, Any]:
        """Return it as the database holds it."""
        return {
            "format": _FORMAT,
            "file": self.file,
            "text": self.text,
            "variant": dict(self.variant),
            "plugins": dict(self.plugins),
            "others": dict(self.others),
        }

    @classmethod
    def of(cls, document: object) -> Self:
        """Read what `document` returned once.

        Raises:
            SearchError: it is something else.
        """
        held = document if isinstance(document, dict) else {}
        texts = [held.get(name) for name in ("variant", "plugins", "others")]
        if (
            held.get("format") != _FORMAT
            or not all(isinstance(held.get(name), str) for name in ("file", "text"))
            or not all(isinstance(text, dict) and all(map(_is_text, text.items())) for text in texts)
        ):
            raise SearchError(
                f"the database's copy of the study's files is not {_FORMAT}; name the study file instead of the study"
            )
        return cls(**{name: value for name, value in held.items() if name in cls.__dataclass_fields__})

    def read(self, folder: Path, *, trust_plugins: bool, images: Path | None, recorded_images: str | None) -> Study:
        """Unpack the files below *folder* and read the study.

        Args:
            folder: the files go to ``study/`` in it, so that they can be looked at.
            trust_plugins: True to run its plug-ins.
            images: the folder of images on this machine, for a study on a folder of images.
            recorded_images: the folder on the machine that made the study.

        Raises:
            RequestError: it has plug-ins that are not trusted, or its images are not here.
            SearchError: the files cannot be written.
            StudyError: a file is wrong.
        """
        path = self._unpack(folder / "study")
        if self.plugins and not trust_plugins:
            names = ", ".join(self.plugins)
            raise RequestError(
                f"the study brings plug-ins, which are programs that run here: {names}; read them in {path.parent}, "
                "then add --trust-plugins"
            )
        study = load_study(variant_path(path, self.variant) if self.variant else path)
        # Known networks are trained by whoever brought them; here they would only be looked at again.
        study = replace(study, start_from=())
        if not isinstance(study.dataset, ImageFolder):
            if images is not None:
                raise RequestError(f"--images is for studies on a folder of images, but this one is on {study.dataset}")
            return study
        place = images or Path(recorded_images or study.dataset.path)
        if not place.is_dir():
            raise RequestError(
                f"the study's images are in {place}, which is no folder here; say where they are with --images FOLDER"
            )
        return replace(study, dataset=replace(study.dataset, path=place.absolute()))

    def _unpack(self, root: Path) -> Path:
        """Write the files and return the study file's path."""
        # Deep enough that a path which leaves the study's folder stays below *root*.
        ups = max((path.split("/").count("..") for path in (*self.plugins, *self.others)), default=0)
        folder = root.joinpath(*["in"] * ups)
        if Path(self.file).name != self.file:
            raise _leaves(self.file)
        for relative, text in {self.file: self.text, **self.plugins, **self.others}.items():
            path = Path(os.path.normpath(folder / relative))
            if root not in path.parents:
                raise _leaves(relative)
            _write(path, text)
        return folder / self.file


def _leaves(relative: str) -> SearchError:
    return SearchError(
        f"the database's copy of the study's files leaves its folder ({relative}); name the study file instead of the "
        "study"
    )


def _relative(file: Path, study: Path) -> str:
    return Path(os.path.relpath(file, study.parent)).as_posix()


def _referred(study: Study, path: Path) -> Iterator[Path]:
    """Yield the known networks, the file that the grammar stands in if that is not the study's, and what it imports."""
    yield from study.start_from
    source = study.grammar.rules[0].source
    file = path if source is None else Path(source.name)
    if file != path:
        yield file
    yield from _imported(study.grammar_text, file.parent, set())


def _imported(text: str, folder: Path, known: set[Path]) -> Iterator[Path]:
    """Yield the files that a grammar imports, directly or through others."""
    for entry in parse_grammar(text).imports:
        file = folder / entry.source
        if entry.source != PRELUDE and file.resolve() not in known:
            known.add(file.resolve())
            yield file
            yield from _imported(file.read_text(encoding="utf-8"), file.parent, known)


def _is_text(entry: tuple[object, object]) -> bool:
    return isinstance(entry[0], str) and isinstance(entry[1], str)


def _write(path: Path, text: str) -> None:
    """Write a file whole, also where several processes unpack the same study."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise SearchError(f"{path} cannot be written ({error.strerror}); choose another folder with --run") from error
