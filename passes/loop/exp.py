"""``expf`` with the bits of the C library, for devices whose own function has others: see `treec.passes.algo.exp`."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.dialects.builtin import f32, f64, i64
from xdsl.ir import SSAValue

from treec.passes.algo import exp
from treec.passes.loop.builder import LoopBuilder
from treec.passes.loop.links import library_exp
from treec.passes.loop.tables import Tables
from treec.treeir.loop_types import BinaryKind, CastKind, CompareKind


@dataclass(frozen=True)
class DeviceExp:
    """exp of f32 by steps that every device rounds alike; of f64 a device's own."""

    tables: Tables

    def __call__(self, b: LoopBuilder, x: SSAValue) -> SSAValue:
        if x.type != f32:
            return library_exp(b, x)
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
