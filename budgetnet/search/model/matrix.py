"""Features of many networks as one matrix: rows by network, columns standardised and scaled by group."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from budgetnet.search.model.features import GROUPS, group_of

__all__ = ["TRENDS", "FeatureScale", "FloatMatrix", "Matrix"]

FloatMatrix = NDArray[np.float64]

TRENDS = ("size.params", "size.flops", "form.depth")
"""Features with slopes of their own, besides their groups' relevances."""
TINY = 1e-9
"""Standard deviations below this, as a share of the column's size, are of constants."""


@dataclass
class Matrix:
    """Raw features by network; grows by rows and columns, and never forgets.

    Features of a network may be promised: they are worked out when they are first taken, if ever.
    """

    names: list[str] = field(default_factory=list)
    """The columns."""
    _promised: dict[str, Callable[[], Mapping[str, float]]] = field(default_factory=dict)
    _rows: dict[str, int] = field(default_factory=dict)
    _columns: dict[str, int] = field(default_factory=dict)
    _values: FloatMatrix = field(default_factory=lambda: np.zeros((64, 64)))

    def __contains__(self, key: str) -> bool:
        """Return whether a network is there."""
        return key in self._rows or key in self._promised

    def __len__(self) -> int:
        """Return the number of networks."""
        return len(self._rows) + len(self._promised)

    def promise(self, key: str, make: Callable[[], Mapping[str, float]]) -> None:
        """Add a network whose features a function works out; one that is there already stays as it is."""
        if key not in self:
            self._promised[key] = make

    def add(self, key: str, features: Mapping[str, float]) -> None:
        """Add a network; one that is there already stays as it is.

        Args:
            key: names the network (its canonical hash).
            features: by name (`budgetnet.search.model.features.features_of`); what is missing is 0.
        """
        self._promised.pop(key, None)
        if key in self._rows:
            return
        row = self._rows[key] = len(self._rows)
        for name in features:
            if name not in self._columns:
                self._columns[name] = len(self.names)
                self.names.append(name)
        height, width = self._values.shape
        if row >= height or len(self.names) > width:
            grown = np.zeros((2 * height if row >= height else height, max(width, 2 * len(self.names))))
            grown[:height, :width] = self._values
            self._values = grown
        self._values[row, [self._columns[name] for name in features]] = list(features.values())

    def take(self, keys: Sequence[str]) -> FloatMatrix:
        """Return the raw features of networks, (len(keys), number of columns). Columns may be added by it."""
        for key in keys:
            if key in self._promised:
                self.add(key, self._promised[key]())
        return self._values[[self._rows[key] for key in keys], : len(self.names)]

    def column(self, name: str, keys: Sequence[str]) -> FloatMatrix:
        """Return one raw feature of networks, (len(keys),); zeros if no network has it."""
        raw = self.take(keys)  # first, since it may add columns
        return raw[:, self._columns[name]] if name in self._columns else np.zeros(len(keys))


@dataclass(frozen=True)
class FeatureScale:
    """How raw features are standardised: by the mean and deviation of reference networks."""

    mean: FloatMatrix
    """(columns,)"""
    factor: FloatMatrix
    """(columns,) 1 / (deviation × √columns of the group), and 0 for constants: so each group's squared distance from
    the mean is 1 on average, however many features it has."""
    groups: tuple[slice, ...]
    """Positions of each of `GROUPS` among the columns that `apply` returns."""
    order: NDArray[np.int64]
    """(kept columns,) the raw columns that vary, by group."""
    trends: NDArray[np.int64]
    """Raw columns of those of `TRENDS` that vary; `apply` returns them once more, last, with a deviation of 1."""
    slopes: FloatMatrix
    """1 / deviation of each."""

    @classmethod
    def of(cls, names: Sequence[str], raw: FloatMatrix) -> FeatureScale:
        """Learn a scale from reference networks.

        Args:
            names: of the columns.
            raw: (networks, columns), at least one network.
        """
        mean, deviation = raw.mean(axis=0), raw.std(axis=0)
        varies = deviation > TINY * np.maximum(1.0, np.abs(mean))
        order: list[int] = []
        groups: list[slice] = []
        factor = np.zeros(len(names))
        for group in GROUPS:
            mine = [column for column, name in enumerate(names) if group_of(name) == group and varies[column]]
            factor[mine] = 1.0 / (deviation[mine] * np.sqrt(max(1, len(mine))))
            groups.append(slice(len(order), len(order) + len(mine)))
            order += mine
        trends = np.array([c for c, name in enumerate(names) if name in TRENDS and varies[c]], dtype=np.int64)
        return cls(mean, factor, tuple(groups), np.array(order, dtype=np.int64), trends, 1.0 / deviation[trends])

    def apply(self, raw: FloatMatrix) -> FloatMatrix:
        """Return standardised features, (networks, kept columns and trends); columns added since are left out."""
        features = (raw[:, self.order] - self.mean[self.order]) * self.factor[self.order]
        return np.hstack([features, (raw[:, self.trends] - self.mean[self.trends]) * self.slopes])
