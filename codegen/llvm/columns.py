# pyright: basic, reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false, reportReturnType=false
"""Emission of columns of rows: where a row's values are neighbours, vectors of them change sides by perfect shuffles."""

from __future__ import annotations

from llvmlite import ir

from treec.codegen.llvm.memory import address
from treec.codegen.llvm.shuffles import interleaved
from treec.codegen.llvm.stage import Stage
from treec.codegen.llvm.types import I32, I64, memory_type, value_type
from treec.treeir import loop


def emit_load_columns(stage: Stage, op: loop.LoadColumnsOp) -> None:
    b, place = stage.builder, stage.place(op.buffer)
    type_ = value_type(op.results_[0].type)
    pointer, align = address(stage, place, [op.row, op.column])
    row_stride, stride = (I64(1) if given is None else given for given in place.strides)
    square = _Square(b, pointer, align, row_stride, type_, memory_type(place.element))
    found: list[tuple[list[ir.Value], ir.Block]] = []
    with b.if_else(b.icmp_signed("==", stride, I64(1))) as branches:
        for branch, load in zip(branches, (square.by_rows, lambda: square.by_values(stride)), strict=True):
            with branch:
                found.append((load(), b.block))
    for at, result in enumerate(op.results_):
        column = b.phi(type_)
        for columns, block in found:
            column.add_incoming(columns[at], block)
        stage.values[result] = column


class _Square:
    """As many rows as columns from an address on, as a vector of each column."""

    def __init__(
        self, b: ir.IRBuilder, pointer: ir.Value, align: int, row_stride: ir.Value, type_: ir.VectorType, element: ir.Type
    ) -> None:
        self.b, self.align, self.type, self.element = b, align, type_, element
        self.rows = [self._at(pointer, b.mul(row_stride, I64(row), flags=["nsw"])) for row in range(type_.count)]

    def _at(self, pointer: ir.Value, step: ir.Value) -> ir.Value:
        return self.b.gep(pointer, [step], inbounds=True, source_etype=self.element)

    def by_rows(self) -> list[ir.Value]:
        """Neighbours at once; lane l of row r gets to lane r of column l."""
        columns = [self.b.load(row, align=self.align, typ=self.type) for row in self.rows]
        half = self.type.count // 2
        for _ in range(half.bit_length()):
            columns = [part for at in range(half) for part in interleaved(self.b, columns[at], columns[at + half])]
        return columns

    def by_values(self, stride: ir.Value) -> list[ir.Value]:
        columns: list[ir.Value] = []
        for number in range(self.type.count):
            step = self.b.mul(stride, I64(number), flags=["nsw"])
            column: ir.Value = ir.Constant(self.type, ir.Undefined)
            for lane, row in enumerate(self.rows):
                loaded = self.b.load(self._at(row, step), align=self.align, typ=self.type.element)
                column = self.b.insert_element(column, loaded, I32(lane))
            columns.append(column)
        return columns
