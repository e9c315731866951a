"""The reference page of the language, made from the language's own sources so that it cannot go stale.

python -m tools.language_reference > docs/language.md
"""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Iterable, Iterator

from budgetnet.errors import LanguageError
from budgetnet.grammar import lexer, parser
from budgetnet.grammar.checks import values
from budgetnet.grammar.imports import prelude
from budgetnet.grammar.load import load_grammar
from budgetnet.grammar.printer import value_text
from budgetnet.grammar.syntax import Rule
from budgetnet.ops.norm import NORMS
from budgetnet.ops.pointwise import ACTIVATIONS
from budgetnet.ops.registry import BUILTIN
from budgetnet.ops.signature import Parameter, Signature, Vocabulary
from tools import language_examples

__all__ = ["page", "parameter_text", "prelude_table", "primitive_table", "usage"]


# --- primitives ---------------------------------------------------------------------------------------


def primitive_table(vocabulary: Vocabulary) -> str:
    """A markdown table: each primitive as it is called, and its line of help."""
    return _table(
        ("primitive", "meaning"), ((_code(usage(entry)), entry.help) for entry in vocabulary.signatures.values())
    )


def usage(signature: Signature) -> str:
    """How a primitive is called, with all defaults: ``maxpool(kernel=2, stride=auto, padding=0)``."""
    if not signature.parameters:
        return signature.name
    return f"{signature.name}({', '.join(map(parameter_text, signature.parameters))})"


def parameter_text(parameter: Parameter) -> str:
    """One parameter as it is written in a call, with its default if it has one."""
    default = parameter.default
    match default:
        case None:
            return parameter.name
        case bool():
            return f"{parameter.name}={str(default).lower()}"
        case str() if parameter.kind in ("order", "text"):
            return f'{parameter.name}="{default}"'
        case _:
            return f"{parameter.name}={default}"


# --- the prelude --------------------------------------------------------------------------------------


def prelude_table() -> str:
    """A markdown table per section of prelude.grammar: rules as they are called, and what is written above them."""
    rules = prelude().rules
    source = rules[0].source
    assert source is not None
    heads = {rule.span.line: rule for rule in rules}
    sections: list[tuple[str, list[tuple[list[Rule], str]]]] = []
    comment: list[str] = []
    open_row = False  # whether the next rule shares the row of the one before
    for number, line in enumerate(source.text.split("\n"), start=1):
        if line.startswith("# --- "):
            sections.append((line.removeprefix("# --- "), []))
            comment, open_row = [], False
        elif line.startswith("#"):
            comment, open_row = [*([] if open_row else comment), line.removeprefix("#").strip()], False
        elif not line.strip():
            comment, open_row = [], False
        elif number in heads and open_row:
            sections[-1][1][-1][0].append(heads[number])
        elif number in heads:
            sections[-1][1].append(([heads[number]], " ".join(comment)))
            comment, open_row = [], True
    return "\n".join(
        f"### {title[0].upper()}{_linked(title[1:])}\n\n"
        + _table(("rules", "what they are"), ((_calls(entry), _linked(text)) for entry, text in rows))
        for title, rows in sections
    )


def _calls(rules: list[Rule]) -> str:
    return "<br>".join(_code(_head(rule)) for rule in rules)


def _head(rule: Rule) -> str:
    """A rule as it is called, with its defaults."""
    parameters = [
        parameter.name if parameter.default is None else f"{parameter.name}={value_text(parameter.default)}"
        for parameter in rule.parameters
    ]
    return f"{rule.name}({', '.join(parameters)})" if parameters else rule.name


def _linked(text: str) -> str:
    """The text with links to the papers that it names."""
    text = re.sub(r"arXiv (\d{4}\.\d{5})", r"[arXiv \1](https://arxiv.org/abs/\1)", text)
    return re.sub(r"(github\.com/[\w./-]+)", r"[\1](https://\1)", text)


def _conventions() -> str:
    """What prelude.grammar says about all of its rules."""
    source = prelude().rules[0].source
    assert source is not None
    head, _, _ = source.text.partition("\n\n")
    words = " ".join(line.removeprefix("#").strip() for line in head.split("\n"))
    return textwrap.fill(words[words.index("In all rules,") :], 120)


# --- the page -----------------------------------------------------------------------------------------


def page() -> str:
    """The whole page, as markdown."""
    return "\n".join(_sections())


def _sections() -> Iterator[str]:
    yield f"""\
# The language of grammars and networks

<!-- Written by `python -m tools.language_reference > docs/language.md`; change the sources, not this page. -->

A grammar is plain text: rules of the form `name = …` or `name(parameters) = …`. The network is what the rule `network`
derives, or the first rule if none has that name. A rule ends where the next begins; it may span lines, and `#` begins a
comment. A grammar with something left to choose is a search space; with nothing left to choose it is a network, and
both are read and printed by the same code.

{_block(language_examples.FLAGSHIP)}
One multiply-add counts as one FLOP wherever a number of FLOPs is shown.

## Parts

`a` and `b` stand for any parts. The examples may follow a `conv(3, 16)`.
"""
    yield _constructs(language_examples.CONSTRUCTS)
    yield f"""\
Rules may have parameters and call each other and themselves. A value is drawn once where a rule is called and is the
same wherever the rule names it. Recursion is bounded by a depth limit, and only alternatives that can still end are on
offer near it.

{_block(language_examples.SHARING)}
A parameter may be a part: the rule calls it, with or without arguments, and its caller passes a rule's name, or a
choice of names. Like a number it is drawn once, with all that its rule decides, and is the same wherever it is named,
on inputs of any width, with weights of its own each time. So what its rule decides must not depend on the width.

{_block(language_examples.PASSING)}
## Values

Values stand in the arguments of calls, in the defaults of parameters and in the bounds of repetitions. Whatever is
chosen is chosen anew at each place and each repetition; what is to be the same in two places is a rule's parameter.
"""
    yield _constructs(language_examples.VALUES)
    yield """\
Numbers are whole (`16`) or fractions (`0.05`, `1e-6`); words such as `relu` stand for themselves, texts are in double
quotes. `|` binds loosest, then ranges, then `+` and `-`, then `*`, `/` and `//`. The ends and the step of a range are
numbers, names or values in brackets: `(c*2)..64`.

## Primitives

With their defaults; what has no default must be given. Arguments are given by position or by name.
"""
    yield primitive_table(Vocabulary(BUILTIN))
    yield f"""\
- Activations: {_words(ACTIVATIONS)}. Norms: {_words(NORMS)}.
- `order` says how convolution, norm, activation and dropout follow each other, for example
  `order="norm act conv"`; what is left out of it must be switched off (`dropout=0`, `norm=none`, `act=none`).
- Kernels, strides, dilations and paddings are one number, or height and width: `conv(1x7, 16)`, `stride=2x1`.
- `padding=same` keeps the image's size at stride 1; with an even kernel the extra position is below and on the right.
  `bias=auto` means a bias where there is no norm.
- A study file may change defaults for all of its grammar, `defaults: {{conv: {{act: silu}}}}`, and bring primitives of
  its own, `plugins: my_blocks.py`.

## The prelude

Rules that ship with the package, written in the language itself. Rules in a row share what is said about them.

{_block(language_examples.IMPORTS)}
Rules of other files are imported by the file's name, relative to the importing file:
`from "blocks.grammar" import cell`. Imported rules bring along the rules that they call.

{_conventions()}
"""
    yield prelude_table()
    yield """\
## Names of decisions

Every decision has a name that is made of the names in the text, is the same in every derivation, and stands in records,
figures and the dashboard. It is the path of calls, with `[0]`, `[1]` … for the repetitions around a part, and then what
is chosen there:
"""
    yield _table(("name", "what is chosen"), (
        ("`kind`", "one of alternatives"),
        ("`block.count`", "how often `block` is repeated (`repeat.count` for a group)"),
        ("`block.times`", "a choice inside the bounds of a repetition, as in `block{1|3}`"),
        ("`block.used`", "whether an optional part is there (`part.used` for a group)"),
        ("`conv.kernel`", "a value in an argument of a call (`op.kind.value` where a rule's parameter is called kind)"),
        ("`c.default`", "a value in the default of a rule's parameter"),
        ("`model.p.kind`", "what is chosen in a part that the rule `model` was passed as `p`, wherever it stands"),
    ))  # fmt: skip
    yield f"""\
The second of equal names in a rule gets `#2`, the third `#3`. One network of

{_block(language_examples.NAMES)}
is derived by

{_block(language_examples.DECISIONS)}
## Errors

Every error names file, line and column, shows the line, and says the rule that was broken and what came instead, with
the nearest legal name where there is one. Errors about shapes also say where in the network they arise.
"""
    for text in language_examples.MISTAKES:
        yield _block(_error(text))
    yield """\
## Limits

A text beyond a limit gives an error as any other.
"""
    yield _table(("limit", "of"), (
        (f"{lexer.LONGEST_TEXT:,}", "characters in one text"),
        (f"{lexer.MOST_TOKENS:,}", "words and signs in one text"),
        (f"{lexer.MOST_RULES:,}", "rules in one text"),
        (f"{lexer.LONGEST_WORD}", "letters in one name, or in one text in quotes"),
        (f"{lexer.NESTING}", "brackets inside brackets"),
        (f"{parser.DEPTH}", "parts inside parts of one rule"),
        (f"{values.MOST_REPEATS}", "repetitions"),
        (f"{values.MOST_OPTIONS:,}", "options in one place, and values in a range"),
        (f"{lexer.LARGEST_NUMBER:,}", "the largest number"),
        (f"{language_examples.LIMIT_DEPTH}", "calls of recursive rules inside each other"),
        (f"{language_examples.LIMIT_LAYERS:,}", "layers in one network"),
        (f"{language_examples.LIMIT_NESTING}", "skips, branches, graphs and shared parts nested in one network"),
    ))  # fmt: skip


def _constructs(constructs: Iterable[language_examples.Construct]) -> str:
    return _table(
        ("written", "meaning", "example"),
        ((_code(entry.form), entry.meaning, _code(entry.example)) for entry in constructs),
    )


def _words(words: Iterable[str]) -> str:
    return ", ".join(map(_code, words))


def _error(text: str) -> str:
    """What is said about a text."""
    try:
        load_grammar(text, name="my.grammar")
    except LanguageError as error:
        return f"{error}\n"
    raise AssertionError(f"this text was to be wrong:\n{text}")


def _block(text: str) -> str:
    return f"```\n{text}```\n"


def _code(text: str) -> str:
    return f"`{text}`"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A markdown table; a bar inside a cell is escaped."""
    lines = [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in (head, *rows)]
    return "\n".join([lines[0], "|---" * len(head) + "|", *lines[1:], ""])


if __name__ == "__main__":
    sys.stdout.write(page())
