"""Imports: rules from the prelude that ships with the package or from other files, with all rules they call."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

from budgetnet.errors import LanguageError, nearest
from budgetnet.grammar.given import GivenParts, given_parts, passed_parts
from budgetnet.grammar.parser import parse_grammar
from budgetnet.grammar.source import Source, Span
from budgetnet.grammar.syntax import Call, Grammar, Import, Rule
from budgetnet.grammar.walk import walk

__all__ = ["PRELUDE", "prelude", "resolve"]

PRELUDE = "prelude"
"""Name from which the package's own rules are imported."""
_LONGEST_CHAIN = 20


@cache
def prelude() -> Grammar:
    """Return the rules that ship with the package, unchecked and unlabelled."""
    text = Path(__file__).with_name("prelude.grammar").read_text(encoding="utf-8")
    return parse_grammar(text, name="prelude.grammar")


def resolve(grammar: Grammar, folder: Path | None, *, chain: tuple[Path, ...] = ()) -> Grammar:
    """Append the imported rules, and the rules that those call, and return a grammar without imports.

    Args:
        grammar: as parsed.
        folder: the folder of imported files; None forbids importing files.
        chain: the files whose imports are being resolved, outermost first.

    Raises:
        LanguageError: a missing file or name, circular imports, or a rule's name used twice.
    """
    if not grammar.imports:
        return grammar
    source = grammar.rules[0].source or Source("")
    rules = {rule.name: rule for rule in grammar.rules}
    imported: dict[str, Rule] = {}
    for entry in grammar.imports:
        library = _library(source, entry, folder, chain)
        offered = {rule.name: rule for rule in library.rules}
        given = given_parts(library)
        spans = entry.name_spans or (entry.span,) * len(entry.names)
        for name, span in zip(entry.names, spans, strict=True):
            if name not in offered:
                hint = nearest(name, offered) or f"; it has {', '.join(offered)}"
                raise source.error(span, f"{entry.source!r} has no rule {name!r}{hint}")
            for rule in _needed(name, offered, given):
                known = rules.get(rule.name) or imported.get(rule.name)
                if known is None:
                    imported[rule.name] = rule
                elif (known.source, known.span) != (rule.source, rule.span):
                    raise _clash(source, span, name, rule, known)
    return replace(grammar, rules=(*grammar.rules, *imported.values()), imports=())


def _needed(name: str, offered: dict[str, Rule], given: GivenParts) -> list[Rule]:
    """Return the rule of that name and every rule that it calls or passes, in the order of the calls."""
    found: dict[str, Rule] = {}
    todo = [name]
    while todo:
        rule = offered.get(todo.pop())
        if rule is not None and rule.name not in found:
            found[rule.name] = rule
            called = [node.name for node in walk(rule.body) if isinstance(node, Call)]
            todo.extend(reversed([*called, *passed_parts(rule.body, offered, given)]))
    return list(found.values())


def _clash(source: Source, span: Span, name: str, rule: Rule, known: Rule) -> LanguageError:
    what = f"{rule.name!r}" if rule.name == name else f"{rule.name!r}, which {name!r} needs,"
    where = known.source.name if known.source is not None else "this text"
    return source.error(span, f"the imported rule {what} has the name of another rule in {where}; rename that one")


def _library(source: Source, entry: Import, folder: Path | None, chain: tuple[Path, ...]) -> Grammar:
    if entry.source == PRELUDE:
        return prelude()
    if folder is None:
        raise source.error(entry.span, f"a text outside a file can import only from {PRELUDE}; write it to a file")
    path = folder / entry.source
    try:
        if not path.is_file():  # a device might never end
            raise OSError
        resolved, text = path.resolve(), path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise source.error(entry.span, f"{str(path)!r} is not UTF-8 text") from None
    except OSError:
        there = sorted(other.name for other in path.parent.glob("*.grammar")) if path.parent.is_dir() else []
        hint = nearest(path.name, there) or (f"; there are {', '.join(there)}" if there else "")
        raise source.error(entry.span, f"no readable file {str(path)!r}{hint}") from None
    if resolved in chain or len(chain) >= _LONGEST_CHAIN:
        names = " → ".join(part.name for part in (*chain, resolved))
        raise source.error(entry.span, f"circular imports: {names}; move the common rules to a third file")
    return resolve(parse_grammar(text, name=str(path)), path.parent, chain=(*chain, resolved))
