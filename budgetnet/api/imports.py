"""Networks that others wrote, from Python: a torch module becomes a network of the language."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from budgetnet.errors import RequestError

if TYPE_CHECKING:
    from torch import nn

    from budgetnet.convert.imported import ImportedNetwork

__all__ = ["import_network"]


def import_network(
    source: nn.Module | str,
    *,
    input: Sequence[int] = (3, 32, 32),  # noqa: A002 - the key of a network file
    classes: int | None = None,
    name: str | None = None,
    trust: bool = False,
    check: bool = True,
) -> ImportedNetwork:
    """Turn a torch module of known layers into a network of the language, with equal counts and equal scores.

    The module is followed by ``torch.export`` in eval mode. Blocks that occur several times become rules, named after
    their classes. Loads torch.

    Args:
        source: a module; or ``torchvision:NAME``; or ``MODEL.py:Class``, called without arguments or with those of
            ``MODEL.py:Class(depth=20)``.
        input: ``(channels, height, width)`` of one image.
        classes: number of classes; the module's own if None.
        name: of the network; that of the class if None.
        trust: run the Python file that *source* names.
        check: count the module with fvcore, and compare its scores with the network's at equal random weights.

    Returns:
        The network; its ``text`` with rules, its ``weights`` as a ``state_dict`` for what `build` makes of it, and the
        ``comparison``. Weights that are drawn here come from seed 0.

    Raises:
        RequestError: the language has no words for some of the module (each is named with its place and the nearest
            construct), or the file is not trusted.

    >>> import budgetnet as bn
    >>> from torch import nn
    >>> module = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10))
    >>> found = bn.import_network(module, input=(3, 8, 8))
    >>> print(found.text.strip())
    network = conv(3, 8, padding=0, norm=none) gap linear(classes)
    >>> found.comparison.holds
    True
    """
    from budgetnet.api.networks import image_sides
    from budgetnet.convert.imported import convert_module
    from budgetnet.convert.source import NamedModule, named_module

    shape = image_sides(input)
    if classes is not None and (isinstance(classes, bool) or not isinstance(classes, int) or classes < 1):
        raise RequestError(f"classes must be a whole number of at least 1, but got {classes!r}; write e.g. classes=10")
    if isinstance(source, str):
        found = named_module(source, classes=classes, trust=trust)
    else:
        kind = type(source).__name__
        found = NamedModule(source, kind.lower(), f"the module {kind}")
    return convert_module(
        found.module, shape=shape, classes=classes, name=name or found.name, origin=found.origin, check=check
    )
