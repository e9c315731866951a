"""The primitives as a table for readers, made from the vocabulary so that it cannot go stale."""

from __future__ import annotations

from budgetnet.language.vocabulary import Parameter, Signature, Vocabulary

__all__ = ["parameter_text", "primitive_table", "usage"]


def primitive_table(vocabulary: Vocabulary) -> str:
    """A markdown table: each primitive as it is called, and its line of help."""
    rows = ["| primitive | meaning |", "|---|---|"]
    rows += [f"| `{usage(entry)}` | {entry.help} |" for entry in vocabulary.signatures.values()]
    return "\n".join(rows) + "\n"


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
        case str() if parameter.kind == "order":
            return f'{parameter.name}="{default}"'
        case _:
            return f"{parameter.name}={default}"
