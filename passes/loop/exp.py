"""Functions with the bits of the C library, for devices whose own have others. ``expf``: see `treec.passes.algo.exp`."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.dialects.builtin import f32, f64, i64
from xdsl.ir import SSAValue

from treec.passes.algo import exp
from treec.passes.loop.builder import LoopBuilder
from treec.passes.loop.device_math import emit_exp, emit_log1p
from treec.passes.loop.tables import Tables
from treec.treeir.loop_types import BinaryKind, CastKind, CompareKind


@dataclass(frozen=True)
class DeviceMath:
    """By steps that every device rounds alike."""

    tables: Tables

    def exp(self, b: LoopBuilder, x: SSAValue) -> SSAValue:
        return emit_exp(b, self.tables, x) if x.type == f64 else self._expf(b, x)

    def log1p(self, b: LoopBuilder, x: SSAValue) -> SSAValue:
        """Of ``x`` that is at least 0 or NaN, in f64, which alone has links with it."""
        return emit_log1p(b, x)

    def _expf(self, b: LoopBuilder, x: SSAValue) -> SSAValue:
        z = b.mul(b.cast(CastKind.FPEXT, x, f64), b.constant(exp.SCALE, f64))
        shift = b.constant(exp.ROUND, f64)
        shifted = b.add(z, shift)
        bits = b.cast(CastKind.BITCAST, shifted, i64)
        r = b.sub(z, b.sub(shifted, shift))
        step = b.load(b.table(self.tables.of("exp_powers", exp.power_table())), b.both(bits, exp.STEPS - 1))
        step = b.binary(BinaryKind.ADD, step, b.binary(BinaryKind.SHL, bits, exp.TABLE_SHIFT))
        high = b.add(b.mul(b.constant(exp.CUBIC, f64), r), b.constant(exp.SQUARE, f64))
        low = b.add(b.mul(b.constant(exp.LINEAR, f64), r), b.constant(1.0, f64))
        power = b.mul(b.add(b.mul(high, b.mul(r, r)), low), b.cast(CastKind.BITCAST, step, f64))
        made = b.cast(CastKind.FPTRUNC, power, f32)
        above = b.compare(CompareKind.OGT, x, b.constant(exp.HIGHEST, f32))
        below = b.compare(CompareKind.OLT, x, b.constant(exp.LOWEST, f32))
        made = b.select(above, b.constant(float("inf"), f32), made)
        made = b.select(below, b.constant(0.0, f32), made)
        for argument, fused in exp.FUSED.items():
            is_it = b.compare(CompareKind.OEQ, x, b.constant(argument, f32))
            made = b.select(is_it, b.constant(fused, f32), made)
        return made
