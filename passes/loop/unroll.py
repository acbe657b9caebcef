"""Loops whose body is emitted several times."""

from __future__ import annotations

from xdsl.ir import SSAValue

from treec.passes.loop.builder import ForBody, LoopBuilder, Values
from treec.treeir.loop_types import BinaryKind, LoopKind
from treec.treeir.plan import ForOp


def emit_unrolled(
    b: LoopBuilder,
    loop: ForOp,
    bounds: tuple[SSAValue, SSAValue],
    step: int,
    initial: Values,
    body: ForBody,
    *,
    extent: int | None = None,
) -> Values:
    """``loop`` over ``bounds`` in steps of ``step``: groups of as many bodies as it is unrolled by, then a loop over the
    steps that are left. ``extent``: the most steps, where that is known."""
    count = 1 if loop.unroll is None else loop.unroll.value.data

    def run(lower: SSAValue, upper: SSAValue, times: int, values: Values) -> Values:
        def group(t: LoopBuilder, index: SSAValue, carried: Values) -> Values:
            for number in range(times):
                carried = list(body(t, t.add(index, number * step), carried))
            return carried

        label, kind = loop.label.data, loop.kind.data
        if kind is LoopKind.VECTOR:  # its vectors are values in the body
            kind = LoopKind.SERIAL
        along = None if loop.dimension is None else loop.dimension.data
        by = step * times
        return b.for_(lower, upper, group, step=by, initial=values, label=label, kind=kind, dimension=along, extent=extent)

    lower, upper = bounds
    if count == 1:
        return run(lower, upper, 1, initial)
    length = b.sub(upper, lower)
    middle = b.add(lower, b.sub(length, b.binary(BinaryKind.REM, length, step * count)))
    return run(middle, upper, 1, run(lower, middle, count, initial))
