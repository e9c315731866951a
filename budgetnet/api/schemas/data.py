"""Schema of the facts about a data set."""

from __future__ import annotations

from budgetnet.api.schemas.shapes import listed, mapping, optional, structure, text, whole_number

__all__ = ["DATA", "DATA_IDENTITY"]

_ANYTHING: dict[str, object] = {}

DATA = structure(
    "the images, before anything is trained on them",
    name=text("name of the data set, or its folder"),
    shape=listed(whole_number(), "channels, height and width"),
    classes=listed(text(), "class names"),
    train=listed(whole_number(), "images of each class, those for validation included"),
    validation=optional(listed(whole_number(), "images of each class that are held out; null where none are")),
    test=listed(whole_number(), "test images of each class; they are counted, not looked at"),
    constant=structure("images with a single colour", train=whole_number(), test=whole_number()),
    conversion=optional(mapping(_ANYTHING, "how files became pixels; null for a published set in its own format")),
    notes=listed(text(), "statements about the files, among them what was not taken"),
    warnings=listed(text(), "what may make scores misleading"),
)

_PART = structure(
    digest=text("SHA-256 of shape, pixels and labels: the same on every machine"),
    images=listed(whole_number(), "images of each class"),
    constant=whole_number("images with a single colour"),
)

DATA_IDENTITY = structure(
    "the images that everything was trained and tested on; only with the same ones a record goes on",
    classes=listed(text(), "class names"),
    conversion=optional(mapping(_ANYTHING, "how files became pixels; null for a published set in its own format")),
    train=_PART,
    test=_PART,
)
