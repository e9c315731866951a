"""The reference page of study files, made from the declarations of their keys so that it cannot go stale.

python -m tools.study_reference > docs/study-file.md
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable, Mapping

from budgetnet.files.search_options import FULL_EPOCHS, Finalists, Pruner
from budgetnet.files.study import BRIEF_RECIPE
from budgetnet.files.study_file import KEYS, SMALLEST
from budgetnet.keys.declare import keys_of
from budgetnet.keys.key import Key
from budgetnet.numbers import BYTE_UNITS, UNITS
from budgetnet.training.data.known import DATASETS

__all__ = ["page"]

_NUMBERS = (
    ("`200k`, `0.2M`, `2e5`, `200000`, `200_000`", "two hundred thousand"),
    ("`80%`, `0.8`, `8e-1`", "eight tenths"),
    ("`64KiB`, `65.536kB`, `65536`", "65,536 bytes, where bytes are meant"),
    ("`5ms`, `0.005s`, `5000us`", "five thousandths of a second, where a time is meant; its unit must be there"),
)


def page() -> str:
    """The page, in Markdown."""
    return "\n".join(_parts())


def _parts() -> Iterable[str]:
    smallest = inspect.cleandoc(SMALLEST)
    yield f"""\
# Study files

<!-- Written by `python -m tools.study_reference > docs/study-file.md`; change the declarations, not this page. -->

A study file says in YAML what to search for. Four keys are enough:

```yaml
{smallest}
```

Everything else has a default. A misspelt key, or a value that its key does not allow, is an error with file, line and
column. Editors complete and check study files that begin with
`# yaml-language-server: $schema=PATH/study.schema.json`; the file is in the package, in `budgetnet/files`.

## Numbers

Numbers are written alike in study files, network files and options of the command line.

{_table(("written", "meaning"), _NUMBERS)}
Units are {_words(UNITS)}, in either case; where bytes are meant, {_words(BYTE_UNITS)}
too. Inside braces, YAML takes a comma for the end of a value, so write `{{params: 200k}}` or `{{params: 200_000}}`, not
`{{params: 200,000}}`.

## All keys

{_keys(KEYS[""])}
## dataset

A known data set is written by its name: {_words(DATASETS)}.
A folder of images is written with these keys, for example `dataset: {{images: photos, size: 32}}`.

{_keys(KEYS["dataset"])}
## budget

A network fits if it is above none of the bounds; at least one must be given. One multiply-add counts as one FLOP.

{_keys(KEYS["budget"])}
## target

{_keys(KEYS["target"])}
## search

{_keys(KEYS["search"])}
## search.pruner

{inspect.getdoc(Pruner)} Where only the kind is given, `pruner: none` will do.

{_keys(KEYS["search.pruner"])}
## training

How each trial is trained: briefly. Without `epochs` there are {BRIEF_RECIPE.epochs}; a preset brings its own.

{_keys(KEYS["training"], {"epochs": f"{BRIEF_RECIPE.epochs}"})}
## finalists

{inspect.getdoc(Finalists)}

{_keys(keys_of(Finalists))}
All keys of [training](#training) may be given as well. What is left out is as in `training`, except that there are at
least {FULL_EPOCHS} epochs."""
    yield ""


def _keys(declared: Mapping[str, Key], defaults: Mapping[str, str] | None = None) -> str:
    """A table of keys; *defaults* replaces defaults of keys that depend on the section."""
    return _table(
        ("key", "values", "unit", "default", "meaning", "example"),
        (
            (
                f"`{name}`",
                _values(entry),
                _unit(entry),
                "required" if entry.required else (defaults or {}).get(name, entry.shown_default),
                entry.help,
                f"`{name}: {entry.shown_example}`" if entry.shown_example else "–",
            )
            for name, entry in declared.items()
        ),
    )


def _unit(entry: Key) -> str:
    """The unit of a number, or that it has none; a dash for what is no number."""
    if entry.kind == "share":
        return entry.unit or "fraction, or %"
    return entry.unit or ("no unit" if entry.kind in ("whole", "number") else "–")


def _values(entry: Key) -> str:
    """The legal values in few words."""
    match entry.kind:
        case "word":
            return _words(map(str, entry.words))
        case "flag":
            return "`true`, `false`"
        case "section":
            return "see below"
        case "own" if not entry.own_rule:
            return "see meaning"
        case _:
            return entry.rule.removesuffix(", such as 85% or 0.85")


def _words(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A Markdown table; a bar inside a cell is escaped."""
    lines = [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in (head, *rows)]
    return "\n".join([lines[0], "|---" * len(head) + "|", *lines[1:], ""])


if __name__ == "__main__":
    sys.stdout.write(page())
