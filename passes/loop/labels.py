"""Code for every `LabelRule`: one row's outputs to the indices of its classes, in place, as numbers of their dtype."""

from __future__ import annotations

from itertools import accumulate

from xdsl.ir import SSAValue

from treec.frontends.base import LabelRule, Outputs
from treec.passes.loop.builder import LoopBuilder
from treec.treeir.loop_types import CompareKind

RAW_RULES = {LabelRule.RAW_AT_LEAST_ZERO: CompareKind.OGE, LabelRule.RAW_ABOVE_ZERO: CompareKind.OGT}
"""Rules that ask raw outputs; all others ask responses."""


def emit_labels(b: LoopBuilder, outputs: Outputs, out: SSAValue, row: SSAValue, n_columns: int) -> None:
    """Replace the first columns of ``out[row, :]``, one for each of the model's outputs. Each has a column at least, so
    that what a label replaces has been read."""
    if outputs.label is not LabelRule.ARGMAX:
        for column in range(n_columns):
            _above(b, outputs.label, out, row, b.constant(column))
        return
    ends = list(accumulate(outputs.groups or (n_columns,)))
    for output, (begin, end) in enumerate(zip([0, *ends], ends, strict=False)):
        _first_largest(b, out, row, (begin, end), b.constant(output))


def _above(b: LoopBuilder, rule: LabelRule, out: SSAValue, row: SSAValue, column: SSAValue) -> None:
    value = b.load(out, row, column)
    limit = 0.0 if rule in RAW_RULES else 0.5
    above = b.compare(RAW_RULES.get(rule, CompareKind.OGT), value, b.constant(limit, value.type))
    b.store(b.select(above, b.constant(1.0, value.type), b.constant(0.0, value.type)), out, row, column)


def _first_largest(b: LoopBuilder, out: SSAValue, row: SSAValue, group: tuple[int, int], output: SSAValue) -> None:
    """As numpy's argmax: a NaN is larger than any number."""
    begin = b.constant(group[0])

    def larger(t: LoopBuilder, column: SSAValue, carried: list[SSAValue]) -> list[SSAValue]:
        best, at = carried
        value = t.load(out, row, column)
        not_number = t.both(t.compare(CompareKind.UNO, value, value), t.compare(CompareKind.OEQ, best, best))
        take = t.either(t.compare(CompareKind.OGT, value, best), not_number)
        return [t.select(take, value, best), t.select(take, t.sub(column, begin), at)]

    first = b.load(out, row, begin)
    _, at = b.for_(b.constant(group[0] + 1), b.constant(group[1]), larger, initial=[first, b.constant(0)])
    b.store(b.sitofp(at, first.type), out, row, output)
