"""The JSON Schema of study files, for editors that complete and check them while they are written.

    python -m tools.study_schema > budgetnet/files/study.schema.json

It follows from the declarations of the keys. That keys go together and that a grammar is legal is left to
`budgetnet.files.study_file.load_study`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, assert_never

from budgetnet.files.search_options import FULL_EPOCHS
from budgetnet.files.study import BRIEF_RECIPE
from budgetnet.files.study_file import KEYS
from budgetnet.keys.key import Key
from budgetnet.numbers import BYTE_UNITS, TIME_UNITS, UNITS
from budgetnet.ops.registry import BUILTIN
from budgetnet.ops.signature import Parameter, Signature
from budgetnet.training.data.known import DATASETS

__all__ = ["FILE", "build", "text"]

FILE = Path(__file__).parents[1] / "budgetnet" / "files" / "study.schema.json"
"""Ships with the package. Editors take it from a study's first line: ``# yaml-language-server: $schema=PATH``."""

Schema = dict[str, Any]

_DIGITS = r"[+-]?([0-9][0-9_,]*(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?"
_EPOCHS = {"training": BRIEF_RECIPE.epochs, "finalists": FULL_EPOCHS}
"""Epochs where the study does not say, which depend on the section."""


def text() -> str:
    """The schema as it ships."""
    return json.dumps(build(), indent=1, ensure_ascii=False) + "\n"


def build() -> Schema:
    """Make the schema (draft 7 of JSON Schema, which editors know best)."""
    # Only plug-ins bring primitives that nobody knows beforehand.
    known = {"properties": {"defaults": {"propertyNames": {"enum": list(BUILTIN)}}}}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A study of budgetnet",
        **_section(""),
        "if": {"not": {"required": ["plugins"]}},
        "then": known,
    }


def _section(path: str) -> Schema:
    """A mapping with exactly the keys that the reader knows, in its order."""
    keys = KEYS[path]
    required = [name for name, declared in keys.items() if declared.required]
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {name: _key(f"{path}.{name}".lstrip("."), declared) for name, declared in keys.items()},
        **({"required": required} if required else {}),
    }


def _key(path: str, declared: Key) -> Schema:
    """One key: its meaning, its values and its default."""
    schema: Schema = {"description": declared.help, **_value(path, declared)}
    default = _EPOCHS.get(path.removesuffix(".epochs"), declared.default)
    usual = isinstance(default, bool | int | float | str) and not declared.left_out
    return {**schema, "default": default} if usual else schema


def _value(path: str, declared: Key) -> Schema:
    match path:
        case "study":
            return {"type": ["string", "number"], "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"}
        case "dataset":
            return {"anyOf": [{"enum": list(DATASETS)}, _section(path)]}
        case "dataset.size":
            pixels = _kind(declared)
            return {"anyOf": [pixels, {"type": "array", "items": pixels, "minItems": 2, "maxItems": 2}]}
        case "budget":
            return {**_section(path), "minProperties": 1}
        case "budget.params":
            return {"anyOf": [*(limit := _kind(declared))["anyOf"], {"type": "array", "items": limit, "minItems": 1}]}
        case "defaults":
            properties = {signature.name: _defaults(signature) for signature in BUILTIN.values()}
            return {"type": "object", "additionalProperties": {"type": "object"}, "properties": properties}
        case "search.pruner":
            return {"anyOf": [_kind(KEYS[path]["kind"]), _section(path)]}
        case _ if path in KEYS:
            return _section(path)
        case _:
            return _kind(declared)


def _kind(declared: Key) -> Schema:
    """The values of a key, by its kind alone."""
    name: Schema = {"type": "string", "minLength": 1}
    match declared.kind:
        case "whole" | "bytes" | "number" | "share":
            number = _number(declared)
            return {"anyOf": [{"const": "auto"}, *number["anyOf"]]} if declared.auto else number
        case "time":
            return {"type": "string", "pattern": rf"^\s*{_DIGITS}\s*({'|'.join(TIME_UNITS)})\s*$"}
        case "flag":
            return {"type": "boolean"}
        case "word":
            return {"enum": list(declared.words)}
        case "paths":
            return {"anyOf": [name, {"type": "array", "items": name}]}
        case "text" | "path" | "own" | "section":
            return name
        case _:
            assert_never(declared.kind)


def _number(declared: Key) -> Schema:
    """A number in bounds, or a text such as 2k; older readers of YAML take 1e-5 for a text, too."""
    whole = declared.kind in ("whole", "bytes")
    bounds = {
        "minimum": declared.low,
        "exclusiveMinimum": declared.above,
        "maximum": declared.high,
        "exclusiveMaximum": declared.below,
    }
    units = [*UNITS, *(BYTE_UNITS if declared.kind == "bytes" else ())]
    behind = "|".join(["%", *("".join(f"[{letter.lower()}{letter.upper()}]" for letter in unit) for unit in units)])
    return {
        "anyOf": [
            {"type": "integer" if whole else "number", **{k: v for k, v in bounds.items() if v is not None}},
            {"type": "string", "pattern": rf"^\s*{_DIGITS}\s*({behind})?\s*$"},
        ]
    }


# --- primitives ---------------------------------------------------------------------------------------


def _defaults(signature: Signature) -> Schema:
    """The parameters of one primitive."""
    return {
        "description": signature.help,
        "type": "object",
        "additionalProperties": False,
        "properties": {parameter.name: _argument(parameter) for parameter in signature.parameters},
    }


def _argument(parameter: Parameter) -> Schema:
    match parameter.kind:
        case "int":
            number = _number(Key(kind="whole", help="", low=parameter.low, high=parameter.high))
            return {"anyOf": [*number["anyOf"], {"enum": list(parameter.names)}]} if parameter.names else number
        case "size":
            number = _number(Key(kind="whole", help="", low=parameter.low, high=parameter.high))
            sides: Schema = {"type": "string", "pattern": r"^[0-9]+x[0-9]+$"}
            words: list[Schema] = [{"enum": list(parameter.names)}] if parameter.names else []
            return {"anyOf": [*number["anyOf"], sides, *words]}
        case "float":
            return _number(Key(kind="number", help="", low=parameter.low, high=parameter.high))
        case "bool":
            return {"type": "boolean"}
        case "name":
            truths = [word == "true" for word in parameter.names if word in ("true", "false")]
            return {"enum": [*parameter.names, *truths]}
        case "text":
            return {"type": "string"}
        case "order":
            return {"type": "string", "pattern": r"^\s*(conv|norm|act|drop)(\s+(conv|norm|act|drop))*\s*$"}
        case _:
            assert_never(parameter.kind)


if __name__ == "__main__":
    sys.stdout.write(text())
