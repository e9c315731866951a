"""Parameters of a trial by rule of the grammar: each rule with what its own text holds."""

from __future__ import annotations

from collections import Counter

from budgetnet.derivation.origins import OriginMachine
from budgetnet.errors import BudgetnetError
from budgetnet.explore.provenance import Provenance, rules_of
from budgetnet.records.trial import Record
from budgetnet.space.choosers import replay, unanswered
from budgetnet.space.space import Space

__all__ = ["params_by_rule"]


def params_by_rule(record: Record, space: Space) -> dict[str, int] | None:
    """Return the parameters of a trial's network by the rule whose own text holds them.

    None where the grammar no longer derives it, or where it came from a file.
    """
    placing = Provenance(space)
    try:
        placing.follow(space.make_machine(OriginMachine), replay(record.decisions, unanswered), [])
    except BudgetnetError:
        return None
    found: Counter[str] = Counter()
    for part in placing.parts:
        if part.params:
            found[rules_of(part.path, space.grammar.start.name)[-1]] += part.params
    return dict(found) if record.params is None or sum(found.values()) == record.params else None
