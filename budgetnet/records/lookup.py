"""Look-up of what the user names: a network by file, ``STUDY:best`` or ``STUDY:17``, and the trials of a study."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from budgetnet.errors import RequestError, nearest
from budgetnet.files.places import near, network_in
from budgetnet.records.generations.generation import Generation
from budgetnet.text import command_text, masked, some_of

if TYPE_CHECKING:
    from budgetnet.files.network_file import Network
    from budgetnet.files.study import Study
    from budgetnet.records.checks.contents import Contents
    from budgetnet.records.finals.choice import StudyChoice, Winner
    from budgetnet.records.finals.finalist import Finalist
    from budgetnet.records.read_only import StoredStudy
    from budgetnet.records.trial import Record

__all__ = [
    "Found",
    "Trials",
    "address_of",
    "architecture_of",
    "choice_of",
    "common_study",
    "find",
    "open_trials",
    "pick",
    "trials_of",
]


DATABASE = "study.db"
"""Name of the database in a run folder."""


@dataclass(frozen=True, kw_only=True)
class Trials:
    """A study with everything that its database holds."""

    study: Study
    folder: Path
    """The run folder, which holds the weights."""
    storage: str
    """The database's address."""
    records: tuple[Record, ...]
    """By number."""
    finalists: tuple[Finalist, ...]
    """Networks trained in full, by number."""
    winners: tuple[Winner, ...] = ()
    """The choice that the search has recorded; see `choices`."""
    learned: Mapping[str, Any] | None = None
    """Knowledge of the study's model, as the search has recorded it (`budgetnet.search.learned`)."""
    data: Mapping[str, Any] | None = None
    """Identity of the images that everything was trained on (`budgetnet.training.data.identity`); None if an older
    version did not record it."""
    generation: Generation = field(default_factory=Generation)
    """The generation of the study that all of this belongs to."""
    damage: tuple[str, ...] = ()
    """A line for each record that could not be read and was left out."""

    @property
    def warnings(self) -> list[str]:
        """Say what is missing because it could not be read: one line a record."""
        place = self.storage.removeprefix("sqlite:///")
        return [
            f"{masked(place)} is damaged: {line}; what is whole was read, restore a copy to have all of it"
            for line in self.damage
        ]

    @cached_property
    def choices(self) -> tuple[StudyChoice, ...]:
        """The networks that the study has chosen, the main one first, and by what; none before one was trained."""
        from budgetnet.records.finals.choice import choose_from_records

        study = self.study
        return choose_from_records(
            self.records, self.finalists, self.winners, goal=study.goal, target=study.target, limits=study.limits
        )

    def command(self, *words: object) -> str:
        """Return a command of budgetnet on this database, quoted for a shell: *words*, and the options it needs."""
        return command_text(*words, *self._place)

    @property
    def _place(self) -> list[str]:
        words = []
        if self.folder != self.study.run_folder():
            words += ["--run", str(self.folder)]
        if self.storage != _default_address(self.folder):
            words += ["--storage", masked(self.storage)]
        return words

    def finalist(self, number: int) -> Finalist | None:
        """Return the full trainings of a trial's network, if there are any."""
        return next((finalist for finalist in self.finalists if finalist.trial == number), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A network that the user named."""

    architecture: Network
    label: str
    """Origin as shown to people: the file, or ``trial 17 of cifar10-200k``."""
    trials: Trials | None = None
    """Its study; None for a file."""
    record: Record | None = None
    """Its trial; None for a file."""


def find(text: str, *, storage: str | None = None, out: Path | None = None) -> Found:
    """Return the network that *text* names.

    Args:
        text: a network file, or ``STUDY:best``, ``STUDY:best@100k`` or ``STUDY:NUMBER`` with a study file.
        storage: address of the study's database; ``study.db`` in its run folder if None.
        out: the study's run folder; ``runs/NAME`` if None.

    Raises:
        RequestError: no such file or trial, or no search has run yet, or the study file is wrong.
        LanguageError, ShapeError: the network file is wrong.
        SearchError: the database cannot be used.
    """
    path = Path(text)
    if path.is_dir() and (path / "network.yaml").is_file():
        path = path / "network.yaml"  # the folder of an export
    if path.is_dir():
        raise RequestError(f"a network must be a file, but {text} is a folder{network_in(path)}")
    if path.is_file():
        from budgetnet.files import network_file

        return Found(architecture=network_file.read(path), label=str(path))
    study_path, colon, which = text.rpartition(":")
    if not colon or not study_path:
        advice = near(path) or "; a network is a network file, STUDY:best or STUDY:17"
        raise RequestError(f"there is no file {text}{advice}")
    from budgetnet.files.study_file import load_study

    trials = open_trials(load_study(Path(study_path)), storage=storage, out=out)
    record = pick(trials, which)
    return Found(
        architecture=architecture_of(record, trials.study),
        label=f"trial {record.number} of {trials.study.name}",
        trials=trials,
        record=record,
    )


def common_study(first: Found, second: Found) -> Study | None:
    """Return the study that two networks are trials of; None if they are not of the same one."""
    if first.trials is None or second.trials is None or first.trials.study.path != second.trials.study.path:
        return None
    return first.trials.study


def open_trials(study: Study, *, storage: str | None = None, out: Path | None = None) -> Trials:
    """Read everything that a study's database holds; nothing is created.

    Raises:
        RequestError: no search has run for this study yet, or its settings have changed since.
        SearchError: the database cannot be used.
    """
    from budgetnet.records.checks.contents import damaged_study, read_contents

    folder = study.run_folder(out)
    if storage is None and (folder / DATABASE).exists():
        stored = _stored(study, folder)
        if stored is not None:
            return trials_of(study, folder, _default_address(folder), read_contents(stored[0]), stored[1])
    url = address_of(study, storage=storage, out=out)
    from budgetnet.records.open import open_study
    from budgetnet.records.storage import shown, storage_errors

    recorded, _ = open_study(study, url, create=False)
    with storage_errors(url):
        try:
            return trials_of(study, folder, url, read_contents(recorded))
        except (ValueError, LookupError, TypeError, AttributeError, AssertionError) as error:
            raise damaged_study(study.name, shown(url), error) from error


def trials_of(study: Study, folder: Path, url: str, contents: Contents, damage: tuple[str, ...] = ()) -> Trials:
    """Return a study's trials from what its database holds.

    Args:
        study: the study.
        folder: its run folder.
        url: the database's address.
        contents: what was read there.
        damage: further damage, a line each.
    """
    return Trials(
        study=study,
        folder=folder,
        storage=url,
        records=contents.records,
        finalists=contents.finalists,
        winners=contents.winners,
        learned=contents.learned,
        data=contents.data,
        generation=contents.generation,
        damage=(*damage, *contents.damage),
    )


def _stored(study: Study, folder: Path) -> tuple[StoredStudy, tuple[str, ...]] | None:
    """Return the contents of the run folder's own database and its damage, if it can be read without Optuna.

    Raises:
        StudyError: the study's settings have changed since.
    """
    from budgetnet.files.settings import ATTRIBUTE, check_settings, readable_settings
    from budgetnet.records.read_only import read_stored_study

    path = folder / DATABASE
    stored = read_stored_study(path, study.name)
    if stored is None:
        return None
    settings = stored.user_attrs.get(ATTRIBUTE)
    if settings is None or not readable_settings(settings):
        return stored, ("the study's settings cannot be read, so the study file may not be the one that was searched",)
    check_settings(settings, study, str(path.absolute()))
    return stored, ()


def _default_address(folder: Path) -> str:
    return f"sqlite:///{(folder / DATABASE).absolute()}"


def address_of(study: Study, *, storage: str | None = None, out: Path | None = None) -> str:
    """Return the address of a study's database.

    Raises:
        RequestError: it is the run folder's own file, and no search has made it yet.
    """
    folder = study.run_folder(out)
    if storage is None and not (folder / DATABASE).exists():
        raise RequestError(
            f"there are no trials of {study.name} yet: {folder / DATABASE} does not exist; first run: "
            + command_text("search", study.path, *([] if out is None else ["--out", out]))
        )
    return storage or _default_address(folder)


def pick(trials: Trials, which: str) -> Record:
    """Return a trial by its number, or the one that the study has chosen by validation images.

    Args:
        trials: the study and what its database holds.
        which: a number, ``best``, or ``best@100k`` for one of several budgets.

    Raises:
        RequestError: there is no such trial, it has no network, or nothing has been trained to the end yet.
    """
    study = trials.study
    if which.partition("@")[0] == "best":
        number = choice_of(trials, which).trial
        return next(record for record in trials.records if record.number == number)
    if not re.fullmatch(r"[0-9]{1,9}", which):
        raise RequestError(
            f"a trial is named by its number or 'best', but got {which!r}"
            f"{nearest(which, ['best']) or '; see: ' + trials.command('list', study.path)}"
        )
    record = next((record for record in trials.records if record.number == int(which)), None)
    if record is None:
        for line in trials.damage:
            if line.startswith(f"trial {int(which)}:"):
                raise RequestError(f"{line}; restore the database from a copy, or name another trial")
        raise RequestError(f"{study.name} has no trial {which}{_there(trials.records)}")
    if not record.network:
        raise RequestError(
            f"trial {which} of {study.name} has no network ({record.outcome.replace('_', ' ')}); another tool made it"
        )
    return record


def choice_of(trials: Trials, which: str = "best") -> StudyChoice:
    """Return the choice that ``best`` or ``best@100k`` names.

    Raises:
        RequestError: the study has no such budget, or nothing has been trained to the end yet.
    """
    _, at, asked = which.partition("@")
    study = trials.study
    limit = _limit(trials, asked) if at else next(iter(study.limits), None)
    choices = trials.choices
    choice = next((one for one in choices if limit is None or one.limit == limit), None)
    if choice is None:
        within = "" if limit is None else f" within {limit:,} parameters"
        raise RequestError(
            f"no trial of {study.name}{within} has been trained to the end yet{_there(trials.records)}; "
            f"continue with: {trials.command('search', study.path)}"
        )
    return choice


def _limit(trials: Trials, asked: str) -> int | None:
    """Return the number of parameters of one of a study's budgets; None for its only one.

    Raises:
        RequestError: the study has no such budget.
    """
    from budgetnet.numbers import read_number

    study = trials.study
    known = study.limits or (study.budget.params,)
    with suppress(ValueError):
        if (number := read_number(asked)) in known:
            return int(number) if study.limits else None
    if study.limits:
        held = " or ".join(f"best@{limit}" for limit in known)
        raise RequestError(f"the best within a budget of {study.name} must be {held}, but got 'best@{asked}'")
    raise RequestError(
        f"the best network must be 'best' in a study of one budget such as {study.name}, but got 'best@{asked}'; the "
        f"best within fewer parameters is in: {trials.command('report', study.path, '--at', asked)}"
    )


def architecture_of(record: Record, study: Study) -> Network:
    """Build a trial's network from its recorded text, on the shape and classes of the study's data set.

    Raises:
        LanguageError, ShapeError: the recorded text does not give a network on these images.
        DataError: the data set cannot be described.
    """
    from budgetnet.derivation.expand import expand, refuse
    from budgetnet.files.network_file import Network
    from budgetnet.files.spaces import origins_of
    from budgetnet.grammar.load import load_grammar
    from budgetnet.training.data.sources import describe_source

    images = describe_source(study.dataset)
    name = f"{study.name}-{record.number}"
    # With the built-in defaults, not the study's: those are what the recorded text leaves out.
    vocabulary = study.plugins.vocabulary
    expansion = expand(
        load_grammar(record.network, name=name, vocabulary=vocabulary),
        input_shape=images.shape,
        classes=len(images.classes),
        vocabulary=vocabulary,
        choose=refuse,
        custom=study.plugins.forms,
    )
    return Network(
        name=name,
        input_shape=images.shape,
        classes=len(images.classes),
        network=expansion.network,
        claimed=_claim(record),
        source=f"trial {record.number} of the study {study.name}",
        plugins=study.plugins.of(expansion.network),
        origins=origins_of(study, record.decisions, expansion.network),
    )


def _claim(record: Record) -> dict[str, int] | None:
    """The counts as recorded when the network was proposed."""
    if record.params is None or record.flops is None:
        return None
    return {"params": record.params, "flops": record.flops}


def _there(records: Sequence[Record]) -> str:
    """List what exists, for the end of a message about what does not."""
    if not records:
        return ": it has none so far"
    known = [str(record.number) for record in records if record.network]
    if not known:
        return ": none has a network"
    whole = known == [str(number) for number in range(int(known[0]), int(known[-1]) + 1)]
    if len(known) == 1:
        return f": it has trial {known[0]}"
    if whole:
        return f": it has the trials {known[0]} to {known[-1]}"
    return f": it has the trials {some_of(known, 12)}"
