"""An extension of griffe: examples at the end of a docstring become a section, so that the site shows them as code."""

from __future__ import annotations

from typing import Any

import griffe

__all__ = ["ExampleSections", "with_examples"]


def with_examples(text: str) -> str:
    r"""Return a docstring whose examples stand in sections.

    >>> with_examples("Add.\n\n>>> 1 + 1\n2")
    'Add.\n\nExamples:\n    >>> 1 + 1\n    2'
    """
    lines: list[str] = []
    inside = False
    for line in text.splitlines():
        if line.startswith(">>> ") and not inside:
            inside = True
            lines.append("Examples:")
        elif inside and not line.strip():
            inside = False
        lines.append(f"    {line}" if inside else line)
    return "\n".join(lines)


class ExampleSections(griffe.Extension):
    """Rewrites every docstring that has examples outside a section."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite the docstring of an object that has just been read."""
        if obj.docstring is not None and "\n>>> " in obj.docstring.value:
            obj.docstring.value = with_examples(obj.docstring.value)
