"""A flow of values as a tree: chains, residuals, branches on slices, and graphs where nothing else says it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, pairwise

from budgetnet.convert.flow import MadeValue, Margins, Mix, ModulePlace, Slice, ValueFlow, Weighing
from budgetnet.convert.pieces import Piece, chained, leaves
from budgetnet.convert.trace import Unsayable
from budgetnet.grammar.graph import Binding, Graph, GraphApply, GraphJoin, GraphName, GraphTerm
from budgetnet.network.nodes import Identity, Shape, Zero
from budgetnet.network.shapes import lowest_terms

__all__ = ["structured"]


def structured(flow: ValueFlow, result: int) -> Piece:
    """Return a flow as one part.

    Raises:
        Unsayable: a slice of channels that no split gives, or margins that no convolution takes.
    """
    return _Structure(flow, result).region(0, result)


class _Structure:
    """Finds the parts between two values, one of which all ways lead through."""

    def __init__(self, flow: ValueFlow, result: int) -> None:
        self._values = flow.values
        self._users = flow.users(result)

    def region(self, entry: int, result: int) -> Piece:
        """Return what leads from one value to another that depends on nothing else."""
        members = self._between(entry, result)
        cuts = _cuts(self._values, entry, members)
        items = [self._step(one, other) for one, other in pairwise(cuts)]
        modules = self._modules(members)
        return chained(items, self._shape(entry), modules)

    # --- one step: from a value to the next that all ways lead through --------------------------------

    def _step(self, entry: int, result: int) -> Piece:
        value = self._values[result]
        if not isinstance(value.made, str):
            return self._leaf(result)
        if not self._apart(entry, result):
            return self._graph(entry, result)
        split = self._split(entry, result)
        if split is not None:
            return split
        branches = [self._branch(entry, end) for end in value.inputs]
        modules = self._modules([*self._between(entry, result)])
        shape = self._shape(entry)
        if value.made == "add" and len(branches) == 2:
            plain = [branch for branch in branches if _is_identity(branch)]
            if len(plain) == 1:
                (body,) = (branch for branch in branches if not _is_identity(branch))
                return Piece("skip", shape, modules, (body,))
            body, project = sorted(branches, key=lambda branch: -_size(branch))
            if not plain and _size(project) <= 2 < _size(body) + 1 and _size(body) > _size(project):
                return Piece("skip", shape, modules, (body, project))
        return Piece("parallel", shape, modules, tuple(branches), join=value.made)

    def _leaf(self, at: int) -> Piece:
        value = self._values[at]
        (entry,) = value.inputs
        shape = self._shape(entry)
        made = value.made
        if isinstance(made, Slice):
            total = self._values[entry].shape[0]
            if total % made.size or made.start % made.size:
                raise Unsayable(
                    f"channels {made.start} to {made.start + made.size} of {total}, used beside others; nearest: "
                    "split(…) of equal slices"
                )
            parts = total // made.size
            picked = tuple(
                Piece(
                    "leaf",
                    (made.size, *shape[1:]),
                    value.modules,
                    operation=Identity() if part == made.start // made.size else Zero(),
                )
                for part in range(parts)
            )
            return Piece("split", shape, value.modules, picked, join="add")
        if isinstance(made, Margins):
            raise Unsayable("zeros around an image that no convolution takes in; nearest: padding=… of a convolution")
        if isinstance(made, Mix | Weighing):
            raise Unsayable("attention needs a linear layer right behind it that projects back; nearest: attention")
        assert made is not None
        assert not isinstance(made, str)
        return Piece("leaf", shape, value.modules, operation=made, weights=value.weights, operator=value.operator)

    def _branch(self, entry: int, end: int) -> Piece:
        if entry == end:
            return Piece("leaf", self._shape(entry), (), operation=Identity())
        return self.region(entry, end)

    def _apart(self, entry: int, result: int) -> bool:
        """Return whether the ways to a join's parts have nothing in common but their entry."""
        inside = [set(self._between(entry, end)) for end in self._values[result].inputs]
        return all(not (one & other) for one, other in combinations(inside, 2))

    def _split(self, entry: int, result: int) -> Piece | None:
        """Return branches on slices of all channels; None if they are something else."""
        value = self._values[result]
        found: list[tuple[Slice, int]] = []
        for end in value.inputs:
            firsts = [at for at in self._between(entry, end) if entry in self._values[at].inputs]
            made = self._values[firsts[0]].made if len(firsts) == 1 else None
            if not isinstance(made, Slice):
                return None
            found.append((made, firsts[0]))
        at = 0
        for part, _ in found:
            if part.start != at:
                return None
            at += part.size
        if at != self._values[entry].shape[0] or len(found) < 2:
            return None
        branches = tuple(self._branch(first, end) for (_, first), end in zip(found, value.inputs, strict=True))
        shares = lowest_terms([part.size for part, _ in found])
        modules = self._modules(self._between(entry, result))
        assert isinstance(value.made, str)
        return Piece("split", self._shape(entry), modules, branches, join=value.made, shares=shares)

    # --- graphs -------------------------------------------------------------------------------------

    def _graph(self, entry: int, result: int) -> Piece:
        members = self._between(entry, result)
        names = {entry: "x"}
        uses: dict[int, int] = {}
        origin: dict[int, int | None] = {}
        waiting = [result]
        while waiting:  # which values are told of, and from which value each is made by one part
            at = waiting.pop()
            if at in origin:
                continue
            origin[at] = self._origin(entry, at, members) if at != result else None
            start = origin[at]
            needed = (start,) if start is not None else self._values[at].inputs
            if start is None and not isinstance(self._values[at].made, str):
                origin[at] = needed[0]
            for each in needed:
                named = start is not None or not isinstance(self._values[at].made, str)
                uses[each] = uses.get(each, 0) + (2 if named else 1)  # what a part is applied to needs a name
                if each != entry:
                    waiting.append(each)
        bindings: list[Binding[Piece]] = []

        def term(at: int, *, whole: bool = False) -> GraphTerm[Piece]:
            if at in names and not whole:
                return GraphName(names[at])
            start = origin[at]
            if start is not None:
                return GraphApply(self.region(start, at), (names[start],))
            value = self._values[at]
            assert isinstance(value.made, str)
            return GraphJoin(value.made, tuple(term(each) for each in value.inputs))

        for at in sorted(origin):
            if at != result and uses[at] > 1:
                made = term(at, whole=True)
                names[at] = f"h{len(names)}"
                bindings.append(Binding(names[at], made))
        graph = Graph(("x",), tuple(bindings), term(result, whole=True))
        return Piece("graph", self._shape(entry), self._modules(members), graph=graph)

    def _origin(self, entry: int, at: int, members: Sequence[int]) -> int | None:
        """Return the earliest value from which one part leads to *at* that nothing else needs the inside of."""
        best: int | None = None
        for start in (entry, *members):
            if start >= at:
                break
            if (start, at) == (entry, members[-1]):
                continue
            inside = self._within(start, at)
            if inside is None:
                continue
            closed = all(user in inside for each in inside if each != at for user in self._users[each])
            if closed:
                best = start
                break
        return best

    # --- members ------------------------------------------------------------------------------------

    def _between(self, entry: int, result: int) -> list[int]:
        """Return what leads from one value to another that depends on nothing else, the latter included."""
        found = self._within(entry, result)
        assert found is not None
        return found

    def _within(self, entry: int, result: int) -> list[int] | None:
        """Return what leads from one value to another, the latter included; None if it needs something else."""
        found: set[int] = set()
        waiting = [result] if result != entry else []
        while waiting:
            at = waiting.pop()
            if at in found:
                continue
            if at < entry or not self._values[at].inputs:
                return None
            found.add(at)
            waiting.extend(each for each in self._values[at].inputs if each != entry)
        return sorted(found)

    def _modules(self, members: Sequence[int]) -> tuple[ModulePlace, ...]:
        stacks = [self._values[at].modules for at in members]
        if not stacks:
            return ()
        common: list[ModulePlace] = []
        for places in zip(*stacks, strict=False):
            if len(set(places)) > 1:
                break
            common.append(places[0])
        return tuple(common)

    def _shape(self, at: int) -> Shape:
        return self._values[at].shape


def _cuts(values: Sequence[MadeValue], entry: int, members: Sequence[int]) -> list[int]:
    """Return the values that all ways from *entry* to the last member lead through, both included."""
    reach = max((at for at in members if entry in values[at].inputs), default=entry)
    last_use = {entry: reach}
    for at in members:
        for each in values[at].inputs:
            last_use[each] = max(last_use.get(each, 0), at)
    cuts = [entry]
    furthest = last_use[entry]
    for at in members:
        if at >= furthest:
            cuts.append(at)
        furthest = max(furthest, last_use.get(at, at))
    return cuts


def _is_identity(part: Piece) -> bool:
    return part.kind == "leaf" and isinstance(part.operation, Identity)


def _size(part: Piece) -> int:
    return sum(1 for _ in leaves(part))
