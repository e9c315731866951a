"""Search options that are given from outside, instead of the study's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from budgetnet.errors import RequestError
from budgetnet.files.places import near, network_in
from budgetnet.files.study import Study

__all__ = ["with_search_options"]


def with_search_options(study: Study, options: Mapping[str, Any], start_from: Sequence[Path] = ()) -> Study:
    """Return the study with some of its search options (by their names) replaced, and more networks to start from.

    Raises:
        RequestError: an option breaks its key's rule, a target is to end the search of a study that has none,
            or a file to start from is missing.
    """
    if options.get("stop_at_target") and study.target is None:
        raise RequestError(f"stop_at_target needs a target, which {study.path} lacks; add target: {{accuracy: 85%}}")
    for path in start_from:
        if path.is_dir():
            raise RequestError(f"start_from must be a file, but {path} is a folder{network_in(path)}")
        if not path.is_file():
            raise RequestError(f"start_from: there is no network file {path}{near(path) or '; check the path'}")
    return replace(study, search=replace(study.search, **options), start_from=(*study.start_from, *start_from))
