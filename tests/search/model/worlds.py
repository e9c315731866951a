"""Networks whose worth is known, for tests of the model that need no training."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from budgetnet.search.model.matrix import Matrix
from budgetnet.search.model.policy import Done, Offered, Policy, TrainBriefly, Training
from budgetnet.search.model.surrogate import Observation

NOISE_BRIEF, NOISE_FULL = 0.016, 0.009


class World:
    """*count* networks of two sizes and three shapes; worth and what a brief training sees follow from features."""

    def __init__(self, count: int = 120, *, by_size: float = 0.02, bias: float = 0.0, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.matrix = Matrix()
        self.keys = [f"n{place}" for place in range(count)]
        size, depth, kernel = rng.uniform(3, 5, count), rng.integers(3, 12, count), rng.integers(0, 5, count)
        for place, key in enumerate(self.keys):
            self.matrix.add(
                key,
                {
                    "size.params": float(size[place]),
                    "form.depth": float(depth[place]),
                    "op.kernel3": float(kernel[place]),
                },
            )
        scaled = (size - size.mean()) / size.std()
        self.worth = 0.8 + by_size * scaled + rng.normal(0, 0.004, count)
        self.sight = self.worth - 0.2 - bias * scaled
        self.place = {key: place for place, key in enumerate(self.keys)}

    def train(self, key: str, rng: np.random.Generator, *, brief: bool) -> Training:
        """Train once."""
        mean = (self.sight if brief else self.worth)[self.place[key]]
        return Training(key, brief, float(mean + rng.normal() * (NOISE_BRIEF if brief else NOISE_FULL)))

    def seen(self, brief: int, full: int, seed: int = 0) -> list[Observation]:
        """Train the first networks briefly, and some of them in full."""
        rng = np.random.default_rng(seed)
        trainings = [self.train(key, rng, brief=True) for key in self.keys[:brief]]
        trainings += [self.train(key, rng, brief=False) for key in self.keys[:full]]
        return [Observation(one.key, one.accuracy, one.brief) for one in trainings if one.accuracy is not None]

    def offer(self, tried: set[str], rng: np.random.Generator) -> Callable[[object], Offered]:
        """Return an offer of everything that was not trained."""

        def offered(_favourites: object) -> Offered:
            rest = [key for key in self.keys if key not in tried]
            rng.shuffle(rest)
            return Offered(rest[:40], rest[40:80])

        return offered

    def search(self, policy: Policy, seed: int = 0) -> tuple[Done, list[Training]]:
        """Let a policy search to its end."""
        rng = np.random.default_rng(seed)
        trainings: list[Training] = []
        tried: set[str] = set()
        while True:
            action = policy.next(trainings, self.offer(tried, rng), rng)
            if isinstance(action, Done):
                return action, trainings
            tried.add(action.key)
            trainings.append(self.train(action.key, rng, brief=isinstance(action, TrainBriefly)))
