"""Variants of a study for comparisons: another sampler, seed or budget, under a name of their own.

A variant is addressed as ``STUDY@KEY=VALUE,KEY=VALUE``, such as ``my.yaml@sampler=tpe,params=100k``. Its name is the
study's with the values behind it, so its run folder and its trials are its own and nothing recorded is mixed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from budgetnet.errors import StudyError, nearest
from budgetnet.files.search_options import SearchOptions
from budgetnet.keys.declare import keys_of
from budgetnet.keys.key import Key
from budgetnet.network.budget import Budget

if TYPE_CHECKING:
    from budgetnet.files.study import Study  # loads the whole language, which reading an option does not need

__all__ = ["apply_variant", "split_variant", "variant_path"]

_SEARCH = ("sampler", "seed")


def split_variant(path: Path) -> tuple[Path, dict[str, str]]:
    """Return a study's file and the values of the variant that *path* names; none for a plain path.

    Raises:
        StudyError: the part behind the @ is not ``KEY=VALUE,…`` with keys that a variant has.

    >>> split_variant(Path("studies/my.yaml@sampler=tpe,seed=1"))
    (PosixPath('studies/my.yaml'), {'sampler': 'tpe', 'seed': '1'})
    """
    name, at, tail = path.name.partition("@")
    if not at or path.is_file():
        return path, {}
    values: dict[str, str] = {}
    for part in tail.split(","):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not value or key in values:
            raise StudyError(
                f"a variant must be STUDY@KEY=VALUE,KEY=VALUE, each key once, but got {path}; write for example "
                f"{name}@sampler=tpe,params=100k"
            )
        _key(key)
        values[key] = value
    return path.with_name(name), values


def variant_path(path: Path, values: Mapping[str, object]) -> Path:
    """Return the address of a study's variant.

    >>> variant_path(Path("my.yaml"), {"sampler": "tpe"})
    PosixPath('my.yaml@sampler=tpe')
    """
    file, before = split_variant(path)
    together = before | {key: str(value) for key, value in values.items()}
    return file.with_name(f"{file.name}@" + ",".join(f"{key}={value}" for key, value in together.items()))


def apply_variant(study: Study, values: Mapping[str, str], path: Path) -> Study:
    """Return the variant of a study, whose file is *path* from now on.

    Raises:
        StudyError: a value breaks its key's rule.
    """
    if not values:
        return study
    read = {key: replace(_key(key), name=f"@{key}").read(value) for key, value in values.items()}
    search = {key: value for key, value in read.items() if key in _SEARCH}
    budget = {key: value for key, value in read.items() if key not in _SEARCH}
    parts = [value if key == "sampler" else f"{key}-{value}" for key, value in values.items()]
    name = "-".join([study.name, *parts]).replace("_", "-")
    return replace(
        study,
        name="".join(sign if sign.isalnum() or sign in "._-" else "-" for sign in name),
        path=path,
        search=replace(study.search, **search),
        budget=replace(study.budget, **budget),
        tighter=() if "params" in budget else tuple(replace(one, **budget) for one in study.tighter),
    )


def _key(name: str) -> Key:
    search = keys_of(SearchOptions)
    legal = {**{key: search[key] for key in _SEARCH}, **keys_of(Budget)}
    if name not in legal:
        raise StudyError(f"a variant has the keys {', '.join(legal)}, but got {name!r}{nearest(name, legal)}")
    return legal[name]
