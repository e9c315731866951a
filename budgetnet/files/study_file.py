"""From a study file to a `Study`: every key checked, every complaint with file, line, column and what is legal."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml

from budgetnet.errors import BudgetnetError, StudyError
from budgetnet.files.plugins.plugins import Plugins, load_plugins, read_file
from budgetnet.files.reader import Field, read_yaml
from budgetnet.files.study import (
    Finalists,
    Goal,
    Pruner,
    PrunerKind,
    SamplerName,
    SearchOptions,
    Study,
)
from budgetnet.grammar.load import load
from budgetnet.grammar.syntax import Grammar
from budgetnet.network.budget import Budget
from budgetnet.ops.signature import Scalar as Argument
from budgetnet.ops.signature import Vocabulary, wrong
from budgetnet.training.data.known import DATASETS
from budgetnet.training.data.sources import ImageFolder, Source
from budgetnet.training.recipe.reading import preset, read_value
from budgetnet.training.recipe.recipe import Recipe

__all__ = ["KEYS", "SMALLEST", "parse_study", "read_study"]

SMALLEST = """\
  study: my-first
  dataset: cifar10
  budget: {params: 200k}
  grammar: network = conv(3, 16|32) gap linear(classes)"""
"""A smallest study file, for errors and help."""

BRIEF = Recipe(epochs=6)
"""How trials are trained where the study does not say."""
FULL_EPOCHS = 30
"""Epochs of a finalist where the study does not say (more, if its trials take more)."""

KEYS: dict[str, tuple[str, ...]] = {
    "": (
        "study", "dataset", "budget", "target", "goal", "grammar", "plugins", "defaults", "start_from", "search",
        "training", "validation", "finalists",
    ),
    "dataset": ("images", "size", "channels"),
    "budget": tuple(field.name for field in fields(Budget)),
    "target": ("accuracy",),
    "search": ("sampler", "trials", "workers", "seed", "minutes", "pruner", "stop_at_target"),
    "search.pruner": ("kind", "startup", "warmup", "first", "reduction"),
    "training": ("preset", *(field.name for field in fields(Recipe))),
    "finalists": ("top", "seeds", "preset", *(field.name for field in fields(Recipe))),
}  # fmt: skip
"""Every key of a study file, by the section it belongs to."""

Read = TypeVar("Read")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def read_study(path: Path) -> Study:
    """Read a study file.

    Raises:
        StudyError: the file cannot be read, or something in it is wrong (file, line, column, caret).
        LanguageError: its grammar is wrong, with the place in the file that holds the grammar.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise StudyError(f"there is no study file {path}; check the path") from None
    except UnicodeDecodeError as error:
        raise StudyError(f"{path} is not plain UTF-8 text (byte {error.start}); is it a study file?") from None
    except OSError as error:
        raise StudyError(
            f"{path} cannot be read ({error.strerror}); name a study file, such as studies/digits.yaml"
        ) from None
    return parse_study(text, path)


def parse_study(text: str, path: Path) -> Study:
    """Read a study from text; *path* names it in errors, and what it refers to is looked for beside it.

    Raises:
        StudyError, LanguageError: see `read_study`.
    """
    root = read_yaml(text, name=str(path), legal=KEYS[""], example=SMALLEST)
    name = root.require("study", "study: my-first")
    if _NAME.fullmatch(name.text()) is None:
        raise name.error(
            f"study must be made of letters, digits, '.', '_' and '-' (it names a folder), but got {name.text()!r}"
        )
    dataset = _dataset(root.require("dataset", "dataset: cifar10"), path.parent)
    budget = _budget(root.require("budget", "budget: {params: 200k}"))
    goal = _word(root.get("goal"), Goal, "accuracy")
    plugins = load_plugins(_files(root.get("plugins"), path.parent, read_file))
    vocabulary = _vocabulary(root.get("defaults"), plugins)
    grammar_text, grammar = _grammar(
        root.require("grammar", "grammar: network = conv(3, 16|32) gap linear(classes)"), path, vocabulary
    )
    search = _search(root.get("search"), goal)
    training = _recipe(root.get("training"), BRIEF)
    rungs = search.pruner.problem(training.epochs)
    if rungs:
        raise root.error_at_key("search", rungs)
    target = root.get("target")
    share = target.section(KEYS["target"]).require("accuracy", "target: {accuracy: 85%}").fraction() if target else None
    validation = root.get("validation")
    held_out = validation.fraction() if validation else 0.1
    finalists = _finalists(root.get("finalists"), training)
    start_from = _files(root.get("start_from"), path.parent, _there)
    try:
        return Study(
            name=name.text(),
            path=path,
            dataset=dataset,
            budget=budget,
            target=share,
            goal=goal,
            grammar=grammar,
            grammar_text=grammar_text,
            vocabulary=vocabulary,
            plugins=plugins,
            start_from=start_from,
            search=search,
            training=training,
            validation=held_out,
            finalists=finalists,
        )
    except StudyError as error:  # several keys that do not go together: show the goal, which every such rule is about
        raise root.error_at_key("goal", str(error)) from None


def _word(field: Field | None, legal: Any, default: str) -> Any:
    """One of a Literal's words."""
    return field.choice(get_args(legal)) if field else default


def _dataset(field: Field, folder: Path) -> Source:
    if not field.is_mapping:
        name = field.text("the name of a data set, or {images: FOLDER}")
        if name not in DATASETS and field.file(folder, "the name of a data set").is_dir():
            raise field.error(f"a folder of images is written dataset: {{images: {name}}}")
        return field.choice(tuple(DATASETS))
    section = field.section(KEYS["dataset"])
    images = section.require("images", "dataset: {images: photos, size: 32, channels: 3}")
    size, channels = section.get("size"), section.get("channels")
    sides: int | tuple[int, int] | None = None
    if size:
        pair = size.items() if size.is_list else []
        if size.is_list and len(pair) != 2:
            raise size.wrong("a number of pixels, or a pair [height, width]")
        sides = (pair[0].whole(1, 4096), pair[1].whole(1, 4096)) if pair else size.whole(1, 4096)
    if channels and channels.text() not in ("1", "3"):
        raise channels.wrong("1 (grey) or 3 (colour)")
    path = images.file(folder, "a folder").absolute()
    return ImageFolder(path, sides, 1 if channels and channels.text() == "1" else 3)


def _budget(field: Field) -> Budget:
    section = field.section(KEYS["budget"])
    if not list(section):
        raise field.error("a budget bounds at least one thing, for example: budget: {params: 200k}")
    values = {key: section.require(key, "").text("a count such as 200k") for key in section}
    for key in values:
        with _at(section.require(key, "")):
            Budget.from_mapping({key: values[key]})
    return Budget.from_mapping(values)


def _files(field: Field | None, folder: Path, read: Callable[[Path], Read]) -> tuple[Read, ...]:
    """A list of files (or a single one), relative to the study's, each as *read* gives it."""
    if field is None:
        return ()
    found: list[Read] = []
    for entry in field.items() if field.is_list else [field]:
        path = entry.file(folder, "the path of a file")
        with _at(entry):
            found.append(read(path))
    return tuple(found)


def _there(path: Path) -> Path:
    if not path.is_file():
        raise StudyError(f"there is no architecture file {path}; write a path relative to the study file")
    return path


def _vocabulary(field: Field | None, plugins: Plugins) -> Vocabulary:
    """The built-in primitives and the study's, with its own defaults."""
    vocabulary = plugins.vocabulary
    if field is None:
        return vocabulary
    defaults: dict[str, dict[str, Argument]] = {}
    section = field.section(tuple(vocabulary.signatures))
    for primitive in section:
        signature = vocabulary.signatures[primitive]
        names = tuple(parameter.name for parameter in signature.parameters)
        values = section.require(primitive, "").section(names)
        defaults[primitive] = {}
        for name in values:
            parameter = signature.parameter(name)
            assert parameter is not None
            value = values.require(name, "").scalar()
            problem = wrong(parameter, value)
            if problem:
                raise values.require(name, "").error(f"{primitive}: {problem}")
            if parameter.kind == "name" and isinstance(value, bool):
                value = str(value).lower()
            defaults[primitive][name] = float(value) if parameter.kind == "float" else value
    return vocabulary.with_defaults(defaults)


def _grammar(field: Field, path: Path, vocabulary: Vocabulary) -> tuple[str, Grammar]:
    text = field.text("the rules of a grammar, or the path of a file that holds them")
    node = field.node
    assert isinstance(node, yaml.ScalarNode)
    if "=" not in text and "\n" not in text.strip():
        file = field.file(path.parent, "the rules of a grammar, or the path of a file that holds them")
        try:
            if file.exists() and not file.is_file():  # a folder, or a device, which might never end
                raise OSError(0, "not a file")
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "not plain UTF-8 text"
            raise field.error(
                f"the grammar file {file} cannot be read ({reason}); write a path relative to the study file, or the "
                "rules themselves: grammar: |"
            ) from None
        return text, load(text, name=str(file), vocabulary=vocabulary, folder=file.parent)
    lines = field.document.source.text.splitlines()
    start, end = node.start_mark.line, node.end_mark.line
    if node.style == "|":
        first_line = start + 2
        indent = _indent(text, lines[start + 1 :])
    elif start == end:
        first_line, indent = start + 1, node.start_mark.column + (node.style is not None)
    else:
        raise field.error("a grammar of several lines is written as a block: 'grammar: |', then the rules, indented")
    return text, load(
        text, name=str(path), first_line=first_line, indent=indent, vocabulary=vocabulary, folder=path.parent
    )


def _indent(text: str, lines: list[str]) -> int:
    """How many columns stand before a block's text in the file."""
    for written, line in zip(text.splitlines(), lines, strict=False):
        if written.strip():
            return len(line) - len(written)
    return 0


def _search(field: Field | None, goal: Goal) -> SearchOptions:
    # Stopping early by accuracy would remove small networks, so other goals go without unless told otherwise.
    pruner = Pruner() if goal == "accuracy" else Pruner(kind="none")
    if field is None:
        return SearchOptions(pruner=pruner)
    section = field.section(KEYS["search"])
    defaults = SearchOptions()
    workers, minutes = section.get("workers"), section.get("minutes")
    trials, seed, stop = section.get("trials"), section.get("seed"), section.get("stop_at_target")
    chosen = section.get("pruner")
    return SearchOptions(
        sampler=_word(section.get("sampler"), SamplerName, defaults.sampler),
        trials=trials.whole(1) if trials else defaults.trials,
        workers=None if workers is None or workers.text("auto or a number") == "auto" else workers.whole(1, 1024),
        seed=seed.whole(0, 2**31 - 1) if seed else 0,
        minutes=minutes.number(0) if minutes else None,
        pruner=_pruner(chosen) if chosen else pruner,
        stop_at_target=stop.flag() if stop else False,
    )


def _pruner(field: Field) -> Pruner:
    if not field.is_mapping:
        return Pruner(kind=_word(field, PrunerKind, Pruner().kind))
    section = field.section(KEYS["search.pruner"])
    startup, warmup = section.get("startup"), section.get("warmup")
    first, reduction = section.get("first"), section.get("reduction")
    return Pruner(
        kind=_word(section.get("kind"), PrunerKind, "median" if startup or warmup else Pruner().kind),
        startup=startup.whole(0) if startup else Pruner().startup,
        warmup=warmup.whole(0) if warmup else Pruner().warmup,
        first=first.whole(1) if first else Pruner().first,
        reduction=reduction.whole(2) if reduction else Pruner().reduction,
    )


def _recipe(field: Field | None, base: Recipe, skip: tuple[str, ...] = ()) -> Recipe:
    """A recipe from a section that may hold other keys (*skip*), starting from *base* or the section's preset."""
    if field is None:
        return base
    section = field.section(KEYS[field.path])
    values: dict[str, Any] = {}
    for key in section:
        if key not in skip:
            value = section.require(key, "")
            with _at(value):
                if key == "preset":
                    base = preset(value.scalar())
                else:
                    values[key] = read_value(key, value.scalar())
    with _at(field):  # what only the whole can break: two fields that do not go together
        return replace(base, **values)


def _finalists(field: Field | None, training: Recipe) -> Finalists:
    base = replace(training, epochs=max(FULL_EPOCHS, training.epochs))
    if field is None:
        return Finalists(training=base)
    section = field.section(KEYS["finalists"])
    top, seeds = section.get("top"), section.get("seeds")
    return Finalists(
        top=top.whole(0, 100) if top else Finalists().top,
        seeds=seeds.whole(1, 100) if seeds else Finalists().seeds,
        training=_recipe(field, base, skip=("top", "seeds")),
    )


@contextmanager
def _at(field: Field) -> Iterator[None]:
    """Give errors of the rooms below the place of the value they are about."""
    try:
        yield
    except BudgetnetError as error:
        raise field.error(str(error)) from None
