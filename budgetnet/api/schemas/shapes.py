"""Building blocks of JSON Schemas (draft 2020-12): every value with its meaning, in words that the docs print."""

from __future__ import annotations

from typing import Any

__all__ = [
    "Schema",
    "either",
    "flag",
    "listed",
    "mapping",
    "number",
    "optional",
    "share",
    "structure",
    "text",
    "whole_number",
    "word",
]

Schema = dict[str, Any]
"""A JSON Schema."""


def text(about: str = "") -> Schema:
    """Return the schema of a text."""
    return _typed("string", about)


def whole_number(about: str = "") -> Schema:
    """Return the schema of a whole number."""
    return _typed("integer", about)


def number(about: str = "") -> Schema:
    """Return the schema of a number."""
    return _typed("number", about)


def share(about: str = "") -> Schema:
    """Return the schema of a fraction from 0 to 1."""
    return {**_typed("number", about), "minimum": 0, "maximum": 1}


def flag(about: str = "") -> Schema:
    """Return the schema of true or false."""
    return _typed("boolean", about)


def word(about: str, *words: str) -> Schema:
    """Return the schema of one of some words."""
    return {"enum": list(words), "description": about}


def listed(items: Schema, about: str = "") -> Schema:
    """Return the schema of a list."""
    return {"type": "array", "items": items, **({"description": about} if about else {})}


def mapping(values: Schema, about: str = "") -> Schema:
    """Return the schema of an object whose names are data, such as reasons or decisions."""
    return {"type": "object", "additionalProperties": values, **({"description": about} if about else {})}


def structure(about: str = "", /, *, maybe: dict[str, Schema] | None = None, **fields: Schema) -> Schema:
    """Return the schema of an object with known names.

    Args:
        about: its meaning.
        maybe: values that are not always there.
        fields: values that are always there; a trailing underscore, for names that Python reserves, is dropped.
    """
    always = {name.rstrip("_"): schema for name, schema in fields.items()}
    return {
        "type": "object",
        "properties": always | (maybe or {}),
        "required": list(always),
        "additionalProperties": False,
        **({"description": about} if about else {}),
    }


def optional(schema: Schema) -> Schema:
    """Return the schema of a value that may be null."""
    about = schema.get("description", "")
    return {"anyOf": [schema, {"type": "null"}], **({"description": about} if about else {})}


def either(about: str, *schemas: Schema) -> Schema:
    """Return the schema of a value that has one of several forms."""
    return {"anyOf": list(schemas), "description": about}


def _typed(kind: str, about: str) -> Schema:
    return {"type": kind, **({"description": about} if about else {})}
