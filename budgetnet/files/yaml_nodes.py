"""YAML as a tree of nodes that know their places; errors have a place, too."""

from __future__ import annotations

import yaml

from budgetnet.grammar.source import Span

__all__ = ["DEEPEST", "NotYaml", "compose"]

DEEPEST = 20
"""Maximum nesting of lists and mappings; files of this package use at most five levels."""


class NotYaml(Exception):  # noqa: N818  (the caller makes an error of it, which names the file)
    """A text is not YAML."""

    def __init__(self, span: Span, message: str) -> None:
        super().__init__(message)
        self.span = span
        self.message = message
        """The fault, and what to do."""


def compose(text: str) -> yaml.Node | None:
    """Read the one document of a YAML text; None if there is none.

    Raises:
        NotYaml: the text breaks a rule of YAML, holds a character that YAML does not allow, or is nested too deeply.
    """
    try:
        return yaml.compose(text, Loader=_ShallowLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = " ".join(part for part in (error.problem, error.context) if part)
        advice = "indent with spaces" if "\\t" in problem else "check indentation, colons and brackets"
        if mark is not None and problem.startswith("mapping values are not allowed"):
            start = text.rfind("\n", 0, mark.index) + 1
            line = text[start:].partition("\n")[0]
            key, colon, value = line.partition(": ")
            if colon and ": " in value:
                advice = f"a text that holds a colon and a space needs quotes: {key.strip()}: '{value.strip()}'"
        # By index: for YAML some other characters, such as U+2028, end lines, too.
        span = Span(1, 1) if mark is None else _place(text, mark.index)
        raise NotYaml(span, f"not YAML: {problem}; {advice}") from None
    except yaml.reader.ReaderError as error:
        span = _place(text, error.position)
        raise NotYaml(span, f"not YAML: the character {text[error.position]!r} is not allowed; remove it") from None


def _place(text: str, index: int) -> Span:
    before = text[:index]
    return Span(before.count("\n") + 1, len(before) - before.rfind("\n"))


class _ShallowLoader(yaml.SafeLoader):
    """Refuses deep nesting, which would exhaust Python's stack."""

    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self._depth == DEEPEST:
            place = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, f"nested deeper than {DEEPEST} levels", place)
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node
