"""Derivation of skips, branches and graphs."""

from __future__ import annotations

from dataclasses import replace

from budgetnet.derivation.frames import BodyFrame, CloseSkip, GraphFrame, JoinSkip, NextBranch, Scope
from budgetnet.derivation.listeners import Listener
from budgetnet.derivation.state import Rulebook, State, shape_error, shapes_text
from budgetnet.derivation.values import fail, value_of, whole
from budgetnet.errors import ShapeError
from budgetnet.grammar import syntax
from budgetnet.network.dag import Apply, settle
from budgetnet.network.nodes import Shape
from budgetnet.network.shapes import describe_shape, joined_shape, lowest_terms, projection, slice_shapes
from budgetnet.text import counted

__all__ = ["close_skip", "enter_branches", "enter_graph", "enter_skip", "go_on_graph", "join_skip", "next_branch"]


def enter_skip(book: Rulebook, state: State, skip: syntax.SkipExpression, scope: Scope, listener: Listener) -> State:
    """Start a skip's body."""
    if len(state.shapes) != 1:
        raise shape_error(state, scope, skip.span, f"skip takes one input, but got {shapes_text(state.shapes)}")
    if book.asks_entry(skip):
        scope = replace(scope, entry=state.shapes[0][0])
    close = CloseSkip(skip, scope, state.shapes)
    after = book.enter(state, scope, skip.span, BodyFrame(skip.body, scope), close, state.shapes)
    listener.begin()
    return after


def close_skip(book: Rulebook, state: State, frame: CloseSkip, listener: Listener) -> State:
    """Continue after a skip's body: put the projection that the text or the shapes require on the shortcut."""
    skip, scope = frame.skip, frame.scope
    (entry,), (after,) = frame.entry, state.shapes
    if not isinstance(skip.project, str):
        listener.end()
        listener.begin()
        inside, behind = BodyFrame(skip.project, scope), JoinSkip(skip, scope, state.shapes)
        return book.replace(state, inside, behind)._replace(shapes=frame.entry)
    if entry != after and skip.project == "none":
        differ = f"the shortcut has {describe_shape(entry)}, the body gives {describe_shape(after)}"
        raise shape_error(state, scope, skip.span, f"skip(project=none) needs equal shapes; {differ}")
    try:
        node = None if entry == after or skip.project == "none" else projection(entry, after, skip.project)
    except ShapeError as error:
        raise shape_error(state, scope, skip.span, str(error)) from None
    listener.end()
    if node is not None:
        listener.begin()
        listener.leaf(node, entry, state.factor)
        listener.end()
    listener.skip(projected=node is not None)
    return book.leave(state, state.shapes)


def join_skip(book: Rulebook, state: State, frame: JoinSkip, listener: Listener) -> State:
    """Close a skip after its projection."""
    if state.shapes != frame.body:
        raise shape_error(
            state,
            frame.scope,
            frame.skip.span,
            f"the projection gives {shapes_text(state.shapes)}, the body {shapes_text(frame.body)}; they are added",
        )
    listener.end()
    listener.skip(projected=True)
    return book.leave(state, state.shapes)


def enter_branches(
    book: Rulebook,
    state: State,
    owner: syntax.ParallelExpression | syntax.SplitExpression,
    scope: Scope,
    listener: Listener,
) -> State:
    """Start the first branch."""
    if len(state.shapes) != 1:
        name = "parallel" if isinstance(owner, syntax.ParallelExpression) else "split"
        raise shape_error(state, scope, owner.span, f"{name} takes one input, but got {shapes_text(state.shapes)}")
    (entry,) = state.shapes
    later: tuple[Shape, ...] = ()
    shares: tuple[int, ...] = ()
    if isinstance(owner, syntax.SplitExpression):
        shares = _shares(book, state, owner, scope)
        try:
            entry, *others = slice_shapes(entry, len(owner.branches), shares)
        except ShapeError as error:
            raise shape_error(state, scope, owner.span, str(error)) from None
        later = tuple(others) if shares else ()
    first, behind = BodyFrame(owner.branches[0], scope), NextBranch(owner, scope, entry, (), later, shares)
    after = book.enter(state, scope, owner.span, first, behind, (entry,))
    listener.begin()
    return after


def next_branch(book: Rulebook, state: State, frame: NextBranch, listener: Listener) -> State:
    """Continue after a branch: start the next one, or join them all."""
    listener.end()
    owner, scope = frame.owner, frame.scope
    finished = (*frame.finished, state.shapes[0])
    if len(finished) < len(owner.branches):
        listener.begin()
        branch, behind = owner.branches[len(finished)], frame._replace(finished=finished)
        entry = frame.later[len(finished) - 1] if frame.later else frame.entry
        return book.replace(state, BodyFrame(branch, scope), behind)._replace(shapes=(entry,))
    try:
        shape = joined_shape(owner.join, finished)
    except ShapeError as error:
        raise shape_error(state, scope, owner.span, str(error)) from None
    listener.join(owner, frame.shares)
    return book.leave(state, (shape,))


def _shares(book: Rulebook, state: State, split: syntax.SplitExpression, scope: Scope) -> tuple[int, ...]:
    """Return the shares of a split's branches in lowest terms; none if they are equal."""
    shares: list[int] = []
    for value in split.shares:
        share = value_of(value, scope, state.shapes[0][0], book.classes)
        if not whole(share) or share < 1:
            raise fail(scope, value.span, f"a share of split must be a whole number of at least 1, but got {share}")
        shares.append(share)
    return lowest_terms(shares)


def enter_graph(book: Rulebook, state: State, graph: syntax.Graph[syntax.Expression], scope: Scope) -> State:
    """Start a graph."""
    if len(state.shapes) != len(graph.inputs):
        raise shape_error(
            state,
            scope,
            graph.span,
            f"the graph takes {counted(len(graph.inputs), 'input')}, but got {shapes_text(state.shapes)}",
        )
    shapes = tuple(zip(graph.inputs, state.shapes, strict=True))
    return book.replace(state, GraphFrame(graph, scope, 0, shapes))


def go_on_graph(book: Rulebook, state: State, frame: GraphFrame, listener: Listener) -> State:
    """Run joins up to the next application and start it, or end the graph."""
    graph, scope = frame.graph, frame.scope
    shapes = dict(frame.shapes)
    if frame.target:
        listener.end()
        shapes[frame.target] = state.shapes[0]
        state = state._replace(nesting=state.nesting - 1)
    program = book.program(graph)
    try:
        position = settle(program, frame.position, shapes)
    except ShapeError as error:
        raise shape_error(state, scope, graph.span, str(error)) from None
    if position == len(program):
        listener.graph(graph)
        return book.replace(state)._replace(shapes=(shapes["return"],))
    apply = program[position]
    assert isinstance(apply, Apply)
    inside = BodyFrame(apply.function, scope)
    behind = GraphFrame(graph, scope, position + 1, tuple(shapes.items()), apply.target)
    entry = tuple(shapes[name] for name in apply.inputs)
    after = book.enter(state, scope, apply.function.span, inside, behind, entry)
    listener.begin()
    return after
