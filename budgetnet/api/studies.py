"""Studies from Python: read them; see also `budgetnet.api.campaigns` and `budgetnet.api.trainings`."""

from __future__ import annotations

from pathlib import Path

from budgetnet.files.study import Study
from budgetnet.training.recipe.recipe import Recipe

__all__ = ["Recipe", "Study", "as_study", "names_file", "read_study"]


def read_study(path: str | Path) -> Study:
    """Read a study file and check everything in it.

    Args:
        path: the YAML file.

    Raises:
        StudyError: a key or a value is wrong, with file, line, column and what is legal.
        LanguageError: the grammar is wrong, with its place in the file.
        RequestError: there is no such file, or it is a network file.

    >>> import budgetnet as bn
    >>> study = bn.read_study("studies/quickstart.yaml")
    >>> study.dataset
    'digits'
    """
    from budgetnet.files.study_file import load_study as study_from_file

    return study_from_file(Path(path))


def as_study(study: Study | str | Path) -> Study:
    """Return a study as it is, or read it from its file; raises as `read_study`."""
    return study if isinstance(study, Study) else read_study(study)


def names_file(study: str | Path) -> bool:
    """Tell whether a word is a study file rather than the name of a study in a database.

    >>> names_file("studies/my.yaml"), names_file("my-first")
    (True, False)
    """
    path = Path(study)
    return path.suffix in (".yaml", ".yml") or len(path.parts) > 1 or "@" in path.name or path.is_file()
