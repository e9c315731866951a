"""Which networks win, given what each is worth: the goals of a study, for finalists, chances and the final choice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from budgetnet.files.study import Goal, Study
from budgetnet.records.finals.choice import BY_MEAN, Winner
from budgetnet.records.finals.finalist import Finalist
from budgetnet.records.trial import Record

__all__ = ["Objective"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """A study's goal as a rule that names winners."""

    goal: Goal
    target: float | None = None
    limits: tuple[int, ...] = ()
    """Numbers of parameters within each of which there is a winner, the largest first; none: one for all."""

    @classmethod
    def of(cls, study: Study) -> Objective:
        """Return a study's objective."""
        return cls(goal=study.goal, target=study.target, limits=study.limits)

    def count(self, records: Sequence[Record], finalists: Sequence[Finalist]) -> int:
        """Return how many networks would win by the means of their full trainings; 1 while there is none."""
        means = {one.trial: one.validation.mean for one in finalists if one.validation.mean is not None}
        params = {record.number: record.params or 0 for record in records}
        worths = {trial: mean for trial, mean in means.items() if trial in params}
        return len({winner.trial for winner in self.winners(worths, params, BY_MEAN)}) or 1

    def winners(self, worths: Mapping[int, float], params: Mapping[int, int], rule: str) -> list[Winner]:
        """Return the winners, the main one first.

        accuracy: the highest worth, within each of several budgets that a network fits. smallest: the fewest
        parameters of those that reach the target, else the highest worth. pareto: all that no other network beats in
        worth and parameters at once, the highest worth first.

        Args:
            worths: accuracy in full training by trial, as far as it is known; at least one.
            params: parameters by trial.
            rule: what the worths were judged by.
        """
        best_first = sorted(worths, key=lambda trial: (-worths[trial], params[trial], trial))
        if self.limits:
            within = [(limit, [trial for trial in best_first if params[trial] <= limit]) for limit in self.limits]
            return [Winner(trial=fits[0], rule=rule, bounds={"params": limit}) for limit, fits in within if fits]
        match self.goal:
            case "accuracy":
                numbers = best_first[:1]
            case "smallest":
                there = [trial for trial in best_first if self.target is not None and worths[trial] >= self.target]
                numbers = sorted(there, key=lambda trial: (params[trial], -worths[trial], trial))[:1] or best_first[:1]
            case "pareto":
                numbers = []
                for trial in best_first:
                    if not numbers or params[trial] < params[numbers[-1]]:
                        numbers.append(trial)
        return [Winner(trial=trial, rule=rule) for trial in numbers]
