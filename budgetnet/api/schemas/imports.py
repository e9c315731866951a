"""The schema of an imported network."""

from __future__ import annotations

from budgetnet.api.schemas.shapes import flag, listed, mapping, number, optional, structure, text, whole_number, word

__all__ = ["IMPORTED"]

IMPORTED = structure(
    "A torch module as a network.",
    name=text(),
    origin=text("the module"),
    input=listed(whole_number(), "channels, height and width"),
    classes=whole_number(),
    text=text("the network's rules, in budgetnet's language"),
    file=text("the network file"),
    files=mapping(text(), "files written, by what they hold: network, weights, study"),
    notes=listed(text(), "what is left out, in words"),
    comparison=optional(
        structure(
            "the network beside the module; null without a check",
            params=whole_number("of the network, by the closed form and numel"),
            module_params=whole_number("of the module: those that its scores depend on"),
            flops=whole_number("of the network, by the closed form and fvcore"),
            module_flops=whole_number("of the module, by fvcore"),
            counted_elsewhere=mapping(whole_number(), "FLOPs that fvcore counts in one of them alone, by reason"),
            difference=optional(
                number("largest difference of scores at equal weights, relative to the largest; null if not finite")
            ),
            dtype=word("type that scores were computed in", "float64", "float32"),
            holds=flag("true if parameters, FLOPs and scores are equal"),
        )
    ),
)
