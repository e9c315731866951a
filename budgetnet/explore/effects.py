"""Exact effect of each option of a grammar on the share that fits: the space is counted again without it.

An option has one place in the text, however many decisions of a derivation are made there. To leave it out, every
derivation that takes it is made to fail; so the difference from the whole table is what takes it at least once.
"""

from __future__ import annotations

from dataclasses import dataclass

from budgetnet.derivation.decision import Label
from budgetnet.derivation.frames import Interner
from budgetnet.derivation.listeners import Listener
from budgetnet.derivation.machine import Machine, Pending, State
from budgetnet.errors import LanguageError, ShapeError
from budgetnet.explore.findings import Exact
from budgetnet.explore.provenance import PlacedOption
from budgetnet.space.counting.table import Table
from budgetnet.space.counting.tabulate import tabulate
from budgetnet.space.space import Space

__all__ = ["LIMIT_WORK", "affordable", "exact_effect"]

LIMIT_WORK = 10.0
"""Work that all options together may take: about as many seconds on a slow core."""
_PER_STATE = 2e-4
_PER_BYTE = 2e-9


def affordable(table: Table, limit: float = LIMIT_WORK) -> int:
    """Return the number of options whose exact effect may be asked for; 0 where the table cannot tell.

    The estimate rests on the table's size and not on the time it took, so that it is the same on every machine.
    """
    if not table.exact or table.axis is None or table.derivations is None or _failure(table) is None:
        return 0
    return int(limit / (_PER_STATE * table.states + _PER_BYTE * table.bytes + 1e-3))


def exact_effect(table: Table, choice: PlacedOption) -> Exact | None:
    """Count a space without one option.

    Args:
        table: of the whole space; see `affordable` for how often to ask.
        choice: the option.

    Returns:
        None if its effect cannot be told.
    """
    failure = _failure(table)
    if failure is None or table.fitting is None or table.derivations is None:
        return None
    space = table.space
    without = tabulate(
        _Without(
            grammar=space.grammar,
            vocabulary=space.vocabulary,
            input_shape=space.input_shape,
            classes=space.classes,
            budget=space.budget,
            custom=space.custom,
            choice=choice,
            failure=failure,
        ),
        states=max(space.effort.states, table.states),
        memory=max(space.effort.memory, table.bytes),
    )
    if not isinstance(without, Table) or without.fitting is None or without.derivations is None:
        return None
    name = "shape" if failure is ShapeError else "argument"
    taken = without.prior[name]
    fits = max(0.0, table.prior["fits"] - without.prior["fits"])
    return Exact(
        derivations=table.derivations - without.derivations,
        fitting=table.fitting - without.fitting,
        taken=taken,
        fits=min(1.0, fits / taken) if taken else 0.0,
        fits_without=min(1.0, without.prior["fits"] / (1.0 - taken)) if taken < 1.0 - 1e-12 else None,
    )


def _failure(table: Table) -> type[ShapeError | LanguageError] | None:
    """A way to fail that no draw of the whole space takes, so that it can be told apart."""
    if table.prior.get("shape", 0.0) == 0.0:
        return ShapeError
    return LanguageError if table.prior.get("argument", 0.0) == 0.0 else None


@dataclass(frozen=True)
class _Without(Space):
    """A space in which derivations that take one option fail."""

    choice: PlacedOption | None = None
    failure: type[ShapeError | LanguageError] = ShapeError

    def make_machine(self, kind: type[Machine] = Machine, interner: Interner | None = None) -> Machine:
        """Return a machine of the asked kind that cannot take the option."""
        assert self.choice is not None
        choice, failure = self.choice, self.failure

        class Barred(kind):  # type: ignore[valid-type, misc]
            """A state with the factor 0 is a dead end."""

            def take(self, pending: Pending, index: int) -> State:
                state: State = super().take(pending, index)
                label = pending.decision.labels[index]
                return self.start()._replace(factor=0) if _is(choice, pending, label) else state

            def _step(self, state: State, listener: Listener) -> State | Pending:
                if state.factor == 0:
                    raise failure("left out")
                after: State | Pending = super()._step(state, listener)
                return after

        return super().make_machine(Barred, interner)


def _is(choice: PlacedOption, pending: Pending, label: Label) -> bool:
    """Return True if a label of a decision is that option; a decision with a single option does not count."""
    return (
        pending.scope.rule.name == choice.rule
        and pending.site == choice.site
        and label == choice.label
        and type(label) is choice.type
        and len(pending.decision.labels) > 1
    )
