"""The kernel is a covariance, and its gradient is that of its values."""

from __future__ import annotations

import numpy as np
import pytest

from budgetnet.search.model.kernel import MEAN, ViewsKernel, observations

GROUPS = (slice(0, 2), slice(2, 5))


@pytest.fixture
def rows() -> np.ndarray:
    """Return rows of seven networks."""
    rng = np.random.default_rng(0)
    return observations(rng.normal(size=(14, 7)), np.arange(14) // 2, np.arange(14) % 3 > 0)


@pytest.fixture
def kernel() -> ViewsKernel:
    """Return a kernel."""
    return ViewsKernel(groups=GROUPS, relevance=(0.5, 1.5), trend=(0.4, 0.8), signal=0.7, bias=0.6, share=1.3)


def test_gradient_is_that_of_the_values(kernel: ViewsKernel, rows: np.ndarray) -> None:
    """Gradient is that of the values."""
    _, gradient = kernel(rows, eval_gradient=True)
    for place, _ in enumerate(kernel.names):
        step = np.zeros(len(kernel.names))
        step[place] = 1e-5
        above, below = (kernel.clone_with_theta(kernel.theta + sign * step)(rows) for sign in (1, -1))
        assert gradient[:, :, place] == pytest.approx((above - below) / 2e-5, abs=1e-5)


def test_it_is_a_covariance(kernel: ViewsKernel, rows: np.ndarray) -> None:
    """It is a covariance."""
    found = kernel(rows)
    assert found == pytest.approx(found.T)
    assert np.linalg.eigvalsh(found).min() > 0


def test_diagonal_is_the_variance_without_noise(kernel: ViewsKernel, rows: np.ndarray) -> None:
    """Diagonal is the variance without noise."""
    assert kernel.diag(rows) == pytest.approx(np.diag(kernel(rows, rows)))


def test_noise_is_of_one_training_only(kernel: ViewsKernel, rows: np.ndarray) -> None:
    """Noise is of one training only."""
    off = kernel(rows) - kernel(rows, rows)
    brief = rows[:, -1] > 0
    assert np.diag(off) == pytest.approx(np.where(brief, kernel.noise_brief, kernel.noise_full) ** 2)
    assert off - np.diag(np.diag(off)) == pytest.approx(0)


def test_brief_and_full_means_say_nothing_of_each_other(kernel: ViewsKernel) -> None:
    """Brief and full means say nothing of each other."""
    zeros = np.zeros((2, 7))
    rows = observations(zeros, np.array([0, 1]), np.array([True, False]))
    assert kernel(rows)[0, 1] < MEAN
