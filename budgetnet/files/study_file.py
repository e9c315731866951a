"""Reading a study file as a `Study`: every key is checked; errors give file, line, column and the legal values."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from budgetnet.errors import StudyError, nearest
from budgetnet.files.places import near, study_in
from budgetnet.files.plugins.plugins import Plugins, load_plugins, read_file
from budgetnet.files.reader import Field, read_yaml
from budgetnet.files.search_options import FULL_EPOCHS, PrunerKind
from budgetnet.files.study import BRIEF_RECIPE, Finalists, Pruner, SearchOptions, Study, Target
from budgetnet.files.variants import apply_variant, split_variant
from budgetnet.grammar.load import load_grammar
from budgetnet.grammar.syntax import Grammar
from budgetnet.keys.declare import keys_of
from budgetnet.keys.key import Key
from budgetnet.network.budget import Budget
from budgetnet.ops.signature import Scalar, Vocabulary, plain_size, wrong
from budgetnet.training.data.known import DATASETS
from budgetnet.training.data.sources import ImageFolder, ImageSource
from budgetnet.training.recipe.presets import PRESET
from budgetnet.training.recipe.reading import preset
from budgetnet.training.recipe.recipe import Recipe

__all__ = ["KEYS", "SMALLEST", "load_study", "parse_study"]

SMALLEST = """\
  study: my-first
  dataset: cifar10
  budget: {params: 200k}
  grammar: network = conv(3, 16|32) gap linear(classes)"""
"""A minimal study file, for errors and help."""

KEYS: dict[str, Mapping[str, Key]] = {
    "": keys_of(Study),
    "dataset": keys_of(ImageFolder),
    "budget": keys_of(Budget),
    "target": keys_of(Target),
    "search": keys_of(SearchOptions),
    "search.pruner": keys_of(Pruner),
    "training": {PRESET.name: PRESET, **keys_of(Recipe)},
    "finalists": {**keys_of(Finalists), PRESET.name: PRESET, **keys_of(Recipe)},
}
"""Every key of a study file, by the section it belongs to."""

Read = TypeVar("Read")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def load_study(path: Path) -> Study:
    """Read a study file, or a variant of it (`budgetnet.files.variants`).

    Raises:
        StudyError: the file cannot be read, or something in it is wrong (file, line, column, caret).
        LanguageError: its grammar is wrong, with the place in the file that holds the grammar.
    """
    asked, (path, variant) = path, split_variant(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise StudyError(f"there is no study file {path}{near(path) or '; check the path'}") from None
    except UnicodeDecodeError as error:
        raise StudyError(f"{path} is not plain UTF-8 text (byte {error.start}); is it a study file?") from None
    except IsADirectoryError:
        raise StudyError(f"a study must be a file, but {path} is a folder{study_in(path)}") from None
    except OSError as error:
        raise StudyError(
            f"{path} cannot be read ({error.strerror}); name a study file, such as studies/quickstart.yaml"
        ) from None
    return apply_variant(parse_study(text, path), variant, asked)


def parse_study(text: str, path: Path) -> Study:
    """Read a study from text; *path* names it in errors, and what it refers to is looked for beside it.

    Raises:
        StudyError, LanguageError: see `read_study`.
    """
    root = read_yaml(
        text,
        name=str(path),
        what="a study",
        legal=KEYS[""],
        example=SMALLEST,
        alien=("format", f"{path} is a network file, but a study file is needed; try budgetnet show {path}"),
    )
    folder = path.parent
    plugins = load_plugins(_files(root.get("plugins"), folder, read_file))
    vocabulary = _vocabulary(root.get("defaults"), plugins)
    training = _recipe(root.get("training"), BRIEF_RECIPE)
    values = root.values(
        KEYS[""],
        study=_name,
        dataset=partial(_dataset, folder=folder),
        budget=_budgets,
        target=lambda field: field.section(KEYS["target"]).values(KEYS["target"])["accuracy"],
        grammar=partial(_grammar, path=path, vocabulary=vocabulary),
        defaults=lambda _: vocabulary,
        plugins=lambda _: plugins,
        start_from=partial(_files, folder=folder, read=_there),
        search=lambda field: field.section(KEYS["search"]).values(KEYS["search"], pruner=_pruner),
        training=lambda _: training,
        finalists=partial(_finalists, training=training),
    )
    text, grammar = values.pop("grammar")
    values["budget"], *tighter = values["budget"]
    options = values.pop("search", {})
    # Early stopping by accuracy would remove small networks, and tells the model less than it costs.
    plain = values.get("goal", "accuracy") == "accuracy" and options.get("sampler", SearchOptions().sampler) != "model"
    search = SearchOptions(**{"pruner": Pruner(kind="halving" if plain else "none"), **options})
    finalists = values.pop("finalists", None) or Finalists(training=_full(training))
    values |= {"vocabulary": vocabulary, "training": training, "search": search, "finalists": finalists}
    with root.blamed():
        return Study(path=path, grammar=grammar, grammar_text=text, tighter=tuple(tighter), **values)


def _name(field: Field) -> str:
    declared = KEYS[""]["study"]
    name: str = field.value(declared)
    if _NAME.fullmatch(name) is None:
        with field.blamed():
            raise declared.bad(name)
    return name


def _dataset(field: Field, folder: Path) -> ImageSource:
    if not field.is_mapping:
        name = field.text("the name of a data set, or {images: FOLDER}")
        if name not in DATASETS and field.file(folder, "the name of a data set").is_dir():
            raise field.error(f"a folder of images is written dataset: {{images: {name}}}")
        if name not in DATASETS:
            raise field.wrong(f"one of {', '.join(DATASETS)}", nearest(name.lower(), DATASETS))
        return name
    section = field.section(KEYS["dataset"])
    values = section.values(
        KEYS["dataset"], images=lambda images: images.file(folder, "a folder").absolute(), size=_size
    )
    with section.blamed():  # rules about several keys
        return ImageFolder(**values)


def _size(field: Field) -> int | tuple[int, int]:
    declared = KEYS["dataset"]["size"]
    side = replace(declared, own_rule="", example="")
    if not field.is_list:
        return int(field.value(declared))
    sides = field.items()
    if len(sides) != 2:
        raise field.wrong(declared.rule)
    height, width = (int(entry.value(side)) for entry in sides)
    return height, width


def _budgets(field: Field) -> tuple[Budget, ...]:
    """Return a study's budgets, the widest first: several where ``params`` is a list."""
    section = field.section(KEYS["budget"])
    params = section.get("params")
    limits = () if params is None else _limits(params)
    readers = {**dict.fromkeys(section, _bound), "params": lambda _: max(limits)}
    values = section.values(KEYS["budget"], **readers)
    with field.blamed():  # rules about several keys
        whole = Budget(**values)
    if not whole.bounds() and whole.latency is None:
        raise field.error(
            f"budget must bound at least one thing, but {'only states a runtime' if values else 'is empty'}; write for "
            "example budget: {params: 200k}"
        )
    return whole, *(replace(whole, params=limit) for limit in sorted(limits, reverse=True)[1:])


def _bound(field: Field) -> int | float:
    declared = KEYS["budget"][field.path.rpartition(".")[2]]
    if field.is_list:
        raise field.wrong(declared.rule, "; of the bounds, only budget.params takes a list")
    found: int | float = field.value(declared)
    return found


def _limits(field: Field) -> list[int]:
    """Return the numbers of parameters that a study's budgets allow, as written."""
    if not field.is_list:
        return [int(_bound(field))]
    declared = KEYS["budget"]["params"]
    found: list[int] = []
    for entry in field.items():
        limit = int(entry.value(declared))
        if limit in found:
            raise entry.error(f"{field.path} must name each number once, but got {limit:,} twice; keep one")
        found.append(limit)
    if not found:
        raise field.error(f"{field.path} must hold at least one number, but is empty; write for example [100k, 200k]")
    return found


def _files(field: Field | None, folder: Path, read: Callable[[Path], Read]) -> tuple[Read, ...]:
    """Return a list of files (or a single one), relative to the study's folder, each read by *read*."""
    if field is None:
        return ()
    found: list[Read] = []
    for entry in field.items() if field.is_list else [field]:
        path = entry.file(folder, "the path of a file")
        with entry.blamed():
            found.append(read(path))
    return tuple(found)


def _there(path: Path) -> Path:
    if not path.is_file():
        raise StudyError(f"there is no network file {path}; write a path relative to the study file")
    return path


def _vocabulary(field: Field | None, plugins: Plugins) -> Vocabulary:
    """Return the built-in and the custom primitives, with the study's defaults."""
    vocabulary = plugins.vocabulary
    if field is None:
        return vocabulary
    defaults: dict[str, dict[str, Scalar]] = {}
    section = field.section(tuple(vocabulary.signatures))
    for primitive in section:
        signature = vocabulary.signatures[primitive]
        names = tuple(parameter.name for parameter in signature.parameters)
        values = section.require(primitive).section(names)
        defaults[primitive] = {}
        for name in values:
            parameter = signature.parameter(name)
            assert parameter is not None
            value = values.require(name).argument(numeric=parameter.kind in ("int", "size", "float"))
            problem = wrong(parameter, value)
            if problem:
                raise values.require(name).error(f"{primitive}: {problem}")
            if parameter.kind == "name" and isinstance(value, bool):
                value = str(value).lower()
            defaults[primitive][name] = float(value) if parameter.kind == "float" else plain_size(value)
    return vocabulary.with_defaults(defaults)


def _grammar(field: Field, path: Path, vocabulary: Vocabulary) -> tuple[str, Grammar]:
    wanted = "the rules of a grammar, or the path of a file that holds them"
    text = field.text(wanted)
    if "=" not in text and "\n" not in text.strip():
        file = field.file(path.parent, wanted)
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
        return text, load_grammar(text, name=str(file), vocabulary=vocabulary, folder=file.parent)
    if not field.is_block:
        raise field.error("a grammar of several lines is written as a block: 'grammar: |', then the rules, indented")
    text, first_line, indent = field.block()
    return text, load_grammar(
        text, name=str(path), first_line=first_line, indent=indent, vocabulary=vocabulary, folder=path.parent
    )


def _pruner(field: Field) -> Pruner:
    declared = KEYS["search.pruner"]
    if not field.is_mapping:
        return Pruner(kind=field.value(declared["kind"]))
    section = field.section(declared)
    usual: PrunerKind = "median" if "startup" in section or "warmup" in section else "halving"
    return Pruner(**{"kind": usual, **section.values(declared)})


def _recipe(field: Field | None, base: Recipe) -> Recipe:
    """Return a recipe from a section, which may have other keys, starting from *base* or the section's preset."""
    if field is None:
        return base
    section = field.section(KEYS[field.path])
    named = section.get(PRESET.name)
    start = base if named is None else preset(named.value(PRESET))
    with section.blamed():  # rules about several keys
        return replace(start, **section.values(keys_of(Recipe)))


def _finalists(field: Field, training: Recipe) -> Finalists:
    section = field.section(KEYS["finalists"])
    return Finalists(**section.values(keys_of(Finalists)), training=_recipe(field, _full(training)))


def _full(training: Recipe) -> Recipe:
    """Return the default recipe of finalists: the trials' recipe with more epochs."""
    return replace(training, epochs=max(FULL_EPOCHS, training.epochs))
