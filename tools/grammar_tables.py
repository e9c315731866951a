"""The parser's tables, made ahead of time: building them from the grammar costs a fifth of a second at every start.

    python -m tools.grammar_tables > budgetnet/grammar/tables.json

They are plain JSON of lark's own serialisation and belong to one version of lark and one text of the grammar; with any
other, `budgetnet.grammar.parser` builds them itself.
"""

from __future__ import annotations

import json
import sys

import lark
from lark.grammar import Rule
from lark.lexer import TerminalDef

from budgetnet.grammar.tables import TABLES, build_tables, grammar_digest

__all__ = ["FILE", "text"]

FILE = TABLES


def text() -> str:
    """Return the file's text."""
    data, memo = build_tables().memo_serialize([TerminalDef, Rule])
    document = {"lark": lark.__version__, "grammar": grammar_digest(), "data": data, "memo": memo}
    return json.dumps(document, default=lambda _: None, separators=(",", ":")) + "\n"  # classes and objects: see `load`


if __name__ == "__main__":
    sys.stdout.write(text())
