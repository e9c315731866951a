"""Everything that a study's database holds, as far as it can be read, and a line for what cannot."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from budgetnet.errors import SearchError
from budgetnet.files.settings import ATTRIBUTE, DATA_PART
from budgetnet.records.checks.rules import DamagedRecordError, Unreadable
from budgetnet.records.finals.choice import Winner, read_choice
from budgetnet.records.finals.finalist import Finalist, readable_finalists
from budgetnet.records.generations.generation import Generation
from budgetnet.records.loading.collector import collector_held_back
from budgetnet.records.read_only import read_stored_study
from budgetnet.records.trial import Record, readable_records

if TYPE_CHECKING:
    import optuna

    from budgetnet.records.read_only import StoredStudy

__all__ = ["LEARNED", "Contents", "check_whole", "read_contents"]

LEARNED = "learned"
"""Name of the study's attribute with the model's knowledge; see `budgetnet.search.learned`."""
_LEARNED_KEYS = ("networks", "brief", "full", "trust", "features", "decisions", "predictions", "warning")
_LOST_KNOWLEDGE = "what the study's model has learned cannot be read"
_DISTRIBUTIONS = ("IntDistribution", "FloatDistribution", "CategoricalDistribution")
_OLD_DISTRIBUTIONS = (
    "UniformDistribution", "LogUniformDistribution", "DiscreteUniformDistribution", "IntUniformDistribution",
    "IntLogUniformDistribution",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """The readable part of a study, and the damage."""

    records: tuple[Record, ...]
    """By number."""
    finalists: tuple[Finalist, ...]
    winners: tuple[Winner, ...]
    learned: Mapping[str, Any] | None
    data: Mapping[str, Any] | None
    """Identity of the images; None in a study of an older version."""
    generation: Generation
    damage: tuple[str, ...]
    """A line for each record that cannot be read; empty for a whole study."""


@collector_held_back()
def read_contents(study: optuna.Study | StoredStudy, read: Callable[[Any], Record] | None = None) -> Contents:
    """Read what can be read of a study; *read* is that of `budgetnet.records.trial.readable_records`."""
    attributes = study.user_attrs
    records, damaged_trials = readable_records(study, read)
    finalists, damaged_runs = readable_finalists(attributes)
    damage = [*damaged_trials, *damaged_runs]
    winners: tuple[Winner, ...] = ()
    try:
        winners = read_choice(study)
    except DamagedRecordError as error:
        damage.append(str(error))
    learned = attributes.get(LEARNED)
    if LEARNED in attributes and not (isinstance(learned, Mapping) and all(key in learned for key in _LEARNED_KEYS)):
        learned = None
        damage.append(_LOST_KNOWLEDGE)
    known = {record.number for record in records}
    lost = [finalist.trial for finalist in finalists if finalist.trial not in known]
    lost += [winner.trial for winner in winners if winner.trial not in known and winner.trial not in lost]
    damage += [f"trial {number}: it was trained in full or chosen, but it is not there" for number in lost]
    return Contents(
        records=records,
        finalists=tuple(one for one in finalists if one.trial in known),
        winners=tuple(one for one in winners if one.trial in known),
        learned=learned,
        data=_identity(attributes.get(ATTRIBUTE)),
        generation=Generation.of(attributes),
        damage=tuple(dict.fromkeys(damage)),
    )


def _identity(settings: object) -> Mapping[str, Any] | None:
    found = settings.get(DATA_PART) if isinstance(settings, Mapping) else None
    return found if isinstance(found, Mapping) else None


def check_whole(study: optuna.Study, place: str, read: Callable[[Any], Record] | None = None) -> None:
    """Refuse a study with a record that cannot be read: a search would go on from what is not so.

    Args:
        study: the study.
        place: the database, as messages name it.
        read: see `budgetnet.records.trial.readable_records`.

    Raises:
        SearchError: it is damaged; the message names the first record and the ways out.
    """
    try:
        contents = read_contents(study, read)
        damage = [line for line in contents.damage if line != _LOST_KNOWLEDGE]  # a search works it out anew
        if not study.directions:
            damage.append("the study's direction is missing")
        numbers = [trial.number for trial in study.get_trials(deepcopy=False)]
        if not damage and numbers != list(range(len(numbers))):
            missing = next(number for number in range(len(numbers)) if number not in numbers)
            damage.append(f"trial {missing} is missing")
    except SearchError:
        raise
    except (ValueError, LookupError, TypeError, AttributeError, AssertionError) as error:
        raise damaged_study(study.study_name, place, error) from error
    if damage:
        raise _refusal(place, damage)


def damaged_study(name: str, place: str, error: Exception) -> SearchError:
    """Return the error for a study that Optuna cannot read, with the record to blame if it can be found.

    Args:
        name: the study's name.
        place: the database, as messages name it; a path for SQLite.
        error: what Optuna raised.
    """
    return _refusal(place, list(_blame(Path(place), name)) or [f"a record of the study {name}: {_first_line(error)}"])


def _refusal(place: str, damage: list[str]) -> SearchError:
    more = f" (and {len(damage) - 1} more)" if len(damage) > 1 else ""
    return SearchError(
        f"{place} is damaged: {damage[0]}{more}; restore it from a copy, or start over with --fresh, which keeps the "
        "old folder under another name (list, report and export still read what is whole)"
    )


def _blame(path: Path, name: str) -> Iterator[str]:
    """Yield a line for each record of an SQLite file that cannot be read."""
    if not path.is_file():
        return
    stored = read_stored_study(path, name)
    if stored is not None:
        yield from read_contents(stored).damage
        if isinstance(stored.user_attrs.get(ATTRIBUTE), Unreadable):
            yield "the study's settings are not JSON"
    of_study = "FROM trials JOIN studies USING (study_id) JOIN {} USING (trial_id) WHERE study_name = ?"
    with closing(sqlite3.connect(path)) as database:
        rows = database.execute(
            "SELECT direction FROM study_directions JOIN studies USING (study_id) WHERE study_name = ?", (name,)
        ).fetchall()
        if not rows:
            yield "the study's direction is missing"
        yield from (
            f"the study's direction {word!r} is unknown"
            for (word,) in rows
            if word not in ("MINIMIZE", "MAXIMIZE", "NOT_SET")
        )
        for number, parameter, text in database.execute(
            f"SELECT number, param_name, distribution_json {of_study.format('trial_params')}", (name,)
        ):
            if not _known_distribution(text):
                yield f"trial {number}: its parameter {parameter!r} is not one that this version knows"
        for number, kind in database.execute(f"SELECT number, value_type {of_study.format('trial_values')}", (name,)):
            if kind not in ("FINITE", "INF_POS", "INF_NEG"):
                yield f"trial {number}: its value's kind {kind!r} is unknown"


def _known_distribution(text: str) -> bool:
    try:
        return json.loads(text)["name"] in (*_DISTRIBUTIONS, *_OLD_DISTRIBUTIONS)
    except (ValueError, TypeError, KeyError):
        return False


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:120]
