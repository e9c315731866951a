"""Colours of drawings: one hue from pale to strong for the share of the parameters, on light and on dark paper.

Lightness alone tells the shares apart, as well to the colour-blind, and every layer says its share in words.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DARK", "LIGHT", "SHARES", "Theme", "share_level"]

SHARES = (
    (0.0, "none"),
    (0.01, "under 1 %"),
    (0.03, "1 to 3 %"),
    (0.1, "3 to 10 %"),
    (0.25, "10 to 25 %"),
    (1.0, "over 25 %"),
)
"""Upper ends of the levels, with their words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Theme:
    """Colours on one kind of paper."""

    paper: str
    ink: str
    soft: str
    """Ink of words that matter less."""
    wire: str
    skip: str
    """Ink of a residual's shortcut."""
    frame: str
    frames: tuple[str, str]
    """Paper of frames, alternating from the outside to the inside."""
    edge: str
    levels: tuple[tuple[str, str], ...]
    """Fill and ink of a layer for each level of `SHARES`."""


LIGHT = Theme(
    paper="#ffffff",
    ink="#1f2933",
    soft="#52606d",
    wire="#52606d",
    skip="#b3541e",
    frame="#9aa5b1",
    frames=("#f5f7fa", "#eceff3"),
    edge="#7b8794",
    levels=(
        ("#ffffff", "#1f2933"),
        ("#e3eef9", "#1f2933"),
        ("#bfd9ee", "#1f2933"),
        ("#8dbfe0", "#12202b"),
        ("#3379b5", "#ffffff"),
        ("#0b3c6f", "#ffffff"),
    ),
)
DARK = Theme(
    paper="#14181d",
    ink="#e6ebf0",
    soft="#a3afbb",
    wire="#a3afbb",
    skip="#f0a367",
    frame="#5c6873",
    frames=("#1b2127", "#232a31"),
    edge="#7b8794",
    levels=(
        ("#14181d", "#e6ebf0"),
        ("#1d3246", "#e6ebf0"),
        ("#234a6d", "#f2f6fa"),
        ("#2b6698", "#ffffff"),
        ("#74b3e0", "#0d151c"),
        ("#d3eafa", "#0d151c"),
    ),
)


def share_level(share: float) -> int:
    """Return the level of a share of the parameters: an index of `SHARES`.

    >>> share_level(0), share_level(0.005), share_level(0.3)
    (0, 1, 5)
    """
    return next((level for level, (end, _) in enumerate(SHARES) if share <= end), len(SHARES) - 1)
