"""The page docs/json.md: every command's `--json`, from the one declaration of the schemas.

python -m tools.json_reference > docs/json.md
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from budgetnet.api.schemas.commands import command_schemas

__all__ = ["page"]

HEAD = """\
# JSON

Every command that has results takes `--json` and prints one JSON document to stdout; messages go to stderr. Each
document names its schema and version in the key `schema`, such as `budgetnet-show/1`. Within a version keys are added,
and none changes its meaning or goes. Accuracies and shares are fractions, one multiply-add is one FLOP, and times are
ISO 8601.

`budgetnet search STUDY --json`, and `worker` likewise, also prints one line of JSON per event to stderr while it
searches (`budgetnet-event/1`), and its results to stdout at the end:

```sh
budgetnet search studies/my.yaml --json > results.json 2> events.jsonl
```

From Python, `budgetnet.api.schemas.commands.command_schema("list")` returns a command's JSON Schema (draft 2020-12).
This page is written from these schemas by `python -m tools.json_reference`.
"""


def page() -> str:
    """Return the whole page."""
    lines = [HEAD]
    for name, schema in command_schemas().items():
        command = {"train-brief": "train --brief", "event": "search --json: events"}.get(name, name)
        lines += [f"## {command}", "", schema.get("description", ""), "", "| key | type | meaning |", "|---|---|---|"]
        lines += [f"| {' | '.join(row)} |" for row in _rows(schema, "")]
        lines.append("")
    return "\n".join(lines)


def _rows(schema: dict[str, Any], path: str) -> Iterator[tuple[str, str, str]]:
    always = schema.get("required", ())
    for name, value in schema["properties"].items():
        kind, inner = _kind(value)
        place = f"{path}{name}"
        about = value.get("description", "") or inner.get("description", "")
        if "const" in value:
            about = about or f"`{value['const']}`"
        often = "" if name in always else "; not always there"
        yield f"`{place}`", kind + often, about.replace("|", "\\|")
        # Trainings are described where they stand alone; a trial or a finalist would repeat them.
        if "properties" in inner and path.count(".") < 2 and name not in ("runs", "full_trainings", "result"):
            yield from _rows(inner, f"{place}{'[]' if kind.startswith('list') else ''}.")


def _kind(schema: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return a value's type in words, and the schema of what it holds."""
    if "const" in schema:
        return "text", schema
    if "enum" in schema:
        return " or ".join(f"`{word}`" for word in schema["enum"]), schema
    if "anyOf" in schema:
        kinds = [_kind(one) for one in schema["anyOf"]]
        return " or ".join(kind for kind, _ in kinds), kinds[0][1]
    match schema.get("type"):
        case "array":
            kind, inner = _kind(schema["items"])
            return f"list of {kind}", inner
        case "object":
            if "properties" in schema:
                return "object", schema
            return f"object of {_kind(schema['additionalProperties'])[0]}", schema
        case "number":
            return ("fraction" if "maximum" in schema else "number"), schema
        case None:
            return "any", schema
        case kind:
            return {"string": "text", "integer": "whole number", "boolean": "flag"}.get(kind, kind), schema


if __name__ == "__main__":
    sys.stdout.write(page())
