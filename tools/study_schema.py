"""The JSON Schema of study files, for editors that complete and check them while they are written.

    python -m tools.study_schema > budgetnet/files/study.schema.json

It has the keys of the tables that study files are read by, and their words and types. That keys go together, that a
grammar is legal and that numbers suit a recipe is left to `budgetnet.files.study_file.read_study`.
"""

from __future__ import annotations

import ast
import inspect
import json
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any, assert_never, get_args, get_type_hints

from budgetnet.files.study import Finalists, Goal, Pruner, PrunerKind, SamplerName, SearchOptions, Study
from budgetnet.files.study_file import BRIEF, FULL_EPOCHS, KEYS
from budgetnet.network.budget import Budget
from budgetnet.ops.registry import BUILTIN
from budgetnet.ops.signature import Parameter, Signature
from budgetnet.training.data.known import DATASETS
from budgetnet.training.recipe.presets import RECIPES
from budgetnet.training.recipe.recipe import Recipe

__all__ = ["FILE", "build", "text"]

FILE = Path(__file__).parents[1] / "budgetnet" / "files" / "study.schema.json"
"""Ships with the package. Editors take it from a study's first line: ``# yaml-language-server: $schema=PATH``."""

Schema = dict[str, Any]

_DIGITS = r"[0-9][0-9_,]*(\.[0-9]+)?"
_SHARE: Schema = {
    "anyOf": [
        {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
        {"type": "string", "pattern": rf"^\s*{_DIGITS}\s*%\s*$"},
    ]
}


def text() -> str:
    """The schema as it ships."""
    return json.dumps(build(), indent=1, ensure_ascii=False) + "\n"


def build() -> Schema:
    """Make the schema (draft 7 of JSON Schema, which editors know best)."""
    about = _described(Study)
    root = _section(
        "",
        {
            "study": {
                "description": "The study's name, and that of the folder of its runs.",
                "type": ["string", "number"],
                "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$",
            },
            "dataset": {
                "description": "A known data set, or a folder of images.",
                "anyOf": [{"enum": list(DATASETS)}, _images()],
            },
            "budget": {
                "description": inspect.getdoc(Budget),
                **_section("budget", {bound: _amount(bound) for bound in KEYS["budget"]}),
                "minProperties": 1,
            },
            "target": {
                "description": "What is good enough.",
                **_section("target", {"accuracy": {"description": about["target"], **_SHARE}}, "accuracy"),
            },
            "goal": {
                "description": "accuracy: the highest that fits. smallest: the fewest parameters that reach the "
                "target. pareto: both at once.",
                "enum": list(get_args(Goal)),
                "default": "accuracy",
            },
            "grammar": {
                "description": "The rules of the search space, or the path of a file that holds them.",
                "type": "string",
                "minLength": 1,
            },
            "plugins": {
                "description": "Python files that define own primitives, relative to this one; reading the study runs "
                "them.",
                **_files(),
            },
            "defaults": {
                "description": "Arguments of primitives where the grammar does not give them.",
                "type": "object",
                "additionalProperties": {"type": "object"},
                "properties": {signature.name: _defaults(signature) for signature in BUILTIN.values()},
            },
            "start_from": {"description": about["start_from"], **_files()},
            "search": _search(),
            "training": {"description": about["training"], **_section("training", _recipe(BRIEF.epochs))},
            "validation": {"description": about["validation"], **_SHARE, "default": 0.1},
            "finalists": _finalists(),
        },
        *("study", "dataset", "budget", "grammar"),
    )
    # Only plug-ins bring primitives that nobody knows beforehand.
    known = {"properties": {"defaults": {"propertyNames": {"enum": list(BUILTIN)}}}}
    root |= {"if": {"not": {"required": ["plugins"]}}, "then": known}
    return {"$schema": "http://json-schema.org/draft-07/schema#", "title": "A study of budgetnet", **root}


def _section(section: str, properties: Schema, *required: str) -> Schema:
    """A mapping with exactly the keys that the reader knows, in its order."""
    assert properties.keys() == set(KEYS[section]), f"keys of {section or 'a study'}"
    ordered = {key: properties[key] for key in KEYS[section]}
    some = {"required": list(required)} if required else {}
    return {"type": "object", "additionalProperties": False, "properties": ordered, **some}


# --- values -------------------------------------------------------------------------------------------


def _whole(low: int, high: int | None = None) -> Schema:
    """A whole number, or one such as 2k."""
    bounds = {"minimum": low} if high is None else {"minimum": low, "maximum": high}
    return {"anyOf": [{"type": "integer", **bounds}, {"type": "string", "pattern": rf"^\s*{_DIGITS}\s*[kKmMgG]\s*$"}]}


def _real(**bounds: float) -> Schema:
    """A number; YAML's older readers take 1e-5 for a text."""
    return {"anyOf": [{"type": "number", **bounds}, {"type": "string", "pattern": r"^[0-9.]+[eE][+-]?[0-9]+$"}]}


def _amount(bound: str) -> Schema:
    """An upper bound such as 200k, or 256 KiB for memory."""
    units = "([kKmMgG]?[bB]?|[kKmMgG][iI][bB])" if bound == "peak_activation_bytes" else "[kKmMgGtT]?"
    return {
        "description": _described(Budget)[bound],
        "anyOf": [
            {"type": "number", "exclusiveMinimum": 0},
            {"type": "string", "pattern": rf"^\s*{_DIGITS}([eE][+-]?[0-9]+)?\s*{units}\s*$"},
        ],
    }


def _images() -> Schema:
    pixels = _whole(1, 4096)
    return _section(
        "dataset",
        {
            "images": {"description": "A folder with one folder of images per class.", "type": "string"},
            "size": {
                "description": "Side in pixels, or [height, width], that images are brought to.",
                "anyOf": [pixels, {"type": "array", "items": pixels, "minItems": 2, "maxItems": 2}],
            },
            "channels": {"description": "1 (grey) or 3 (colour).", "enum": [1, 3]},
        },
        "images",
    )


def _files() -> Schema:
    name = {"type": "string", "minLength": 1}
    return {"anyOf": [name, {"type": "array", "items": name}]}


def _defaults(signature: Signature) -> Schema:
    """The parameters of one primitive."""
    return {
        "description": signature.help,
        "type": "object",
        "additionalProperties": False,
        "properties": {parameter.name: _argument(parameter) for parameter in signature.parameters},
    }


def _argument(parameter: Parameter) -> Schema:
    bounds: Schema = {}
    if parameter.low is not None:
        bounds["minimum"] = parameter.low
    if parameter.high is not None:
        bounds["maximum"] = parameter.high
    match parameter.kind:
        case "int":
            number = {"type": "integer", **bounds}
            return {"anyOf": [number, {"enum": list(parameter.names)}]} if parameter.names else number
        case "float":
            return _real(**bounds)
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


# --- searching and training ---------------------------------------------------------------------------


def _search() -> Schema:
    about, pruner = _described(SearchOptions), _described(Pruner)
    usual, usually = SearchOptions(), Pruner()
    kinds = {"enum": list(get_args(PrunerKind)), "default": usually.kind}
    pruners = _section(
        "search.pruner",
        {
            "kind": {"description": pruner["kind"], **kinds},
            "startup": {"description": pruner["startup"], **_whole(0), "default": usually.startup},
            "warmup": {"description": pruner["warmup"], **_whole(0), "default": usually.warmup},
            "first": {"description": pruner["first"].replace("None", "Left out"), **_whole(1)},
            "reduction": {"description": pruner["reduction"], **_whole(2), "default": usually.reduction},
        },
    )
    section = _section(
        "search",
        {
            "sampler": {"enum": list(get_args(SamplerName)), "default": usual.sampler},
            "trials": {"description": about["trials"], **_whole(1), "default": usual.trials},
            "workers": {
                "description": about["workers"].replace("None", "auto"),
                "anyOf": [{"const": "auto"}, _whole(1, 1024)],
                "default": "auto",
            },
            "seed": {"description": about["seed"], **_whole(0, 2**31 - 1), "default": usual.seed},
            "minutes": {"description": about["minutes"], **_real(exclusiveMinimum=0)},
            "pruner": {"description": inspect.getdoc(Pruner), "anyOf": [kinds, pruners]},
            "stop_at_target": {"description": about["stop_at_target"], "type": "boolean", "default": False},
        },
    )
    return {"description": inspect.getdoc(SearchOptions), **section}


def _finalists() -> Schema:
    about, usual = _described(Finalists), Finalists()
    own = {
        "top": {"description": about["top"], **_whole(0, 100), "default": usual.top},
        "seeds": {"description": about["seeds"], **_whole(1, 100), "default": usual.seeds},
    }
    return {"description": inspect.getdoc(Finalists), **_section("finalists", {**own, **_recipe(FULL_EPOCHS)})}


def _recipe(epochs: int) -> Schema:
    """The fields of a recipe; *epochs* where the study does not say."""
    about, hints = _described(Recipe), get_type_hints(Recipe)
    properties: Schema = {"preset": {"description": "Where to start from.", "enum": list(RECIPES)}}
    for field in fields(Recipe):
        hint, default = hints[field.name], epochs if field.name == "epochs" else field.default
        if get_args(hint):
            schema: Schema = {"enum": list(get_args(hint))}
        elif hint is bool:
            schema = {"type": "boolean"}
        else:
            schema = {"type": "integer"} if hint is int else _real()
        properties[field.name] = {"description": about[field.name], **schema, "default": default}
    return properties


def _described(kind: type) -> dict[str, str]:
    """The docstrings under a dataclass' fields, on one line each."""
    (definition,) = ast.parse(inspect.getsource(kind)).body
    assert isinstance(definition, ast.ClassDef)
    found: dict[str, str] = {}
    for field, after in zip(definition.body, definition.body[1:], strict=False):
        match field, after:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(doc))):
                found[name] = " ".join(doc.replace("`", "").split())
            case _:
                pass
    return found


if __name__ == "__main__":
    sys.stdout.write(text())
