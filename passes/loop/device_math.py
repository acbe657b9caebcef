"""``exp`` and ``log1p`` of f64 with the bits of the C library, for devices whose own have others: see
`treec.passes.algo.c_math`. The numbers are there, and the same steps on arrays."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.dialects.builtin import f64, i64
from xdsl.ir import SSAValue

from treec.passes.algo import c_math as c
from treec.passes.loop.builder import LoopBuilder
from treec.passes.loop.tables import Tables
from treec.treeir.loop_types import BinaryKind, CastKind, CompareKind


def _number(b: LoopBuilder, value: float) -> SSAValue:
    return b.constant(value, f64)


def _is(b: LoopBuilder, kind: CompareKind, x: SSAValue, limit: float) -> SSAValue:
    return b.compare(kind, x, _number(b, limit))


def _float_of(b: LoopBuilder, bits: SSAValue) -> SSAValue:
    return b.cast(CastKind.BITCAST, bits, f64)


def _bits_of(b: LoopBuilder, x: SSAValue) -> SSAValue:
    return b.cast(CastKind.BITCAST, x, i64)


def emit_exp(b: LoopBuilder, tables: Tables, x: SSAValue) -> SSAValue:
    shift = _number(b, c.ROUND)
    shifted = b.fma(x, _number(b, c.SCALE), shift)
    bits, k = _bits_of(b, shifted), b.sub(shifted, shift)
    r = b.fma(k, _number(b, c.STEP_LOW), b.fma(k, _number(b, c.STEP_HIGH), x))
    at = b.both(bits, c.STEPS - 1)
    tails, steps = c.power_tables()
    tail = b.load(b.table(tables.of("exp_tails", tails)), at)
    step = b.load(b.table(tables.of("exp_steps", steps)), at)
    step = b.binary(BinaryKind.ADD, step, b.binary(BinaryKind.SHL, bits, c.STEP_SHIFT))
    square = b.mul(r, r)
    low = b.fma(b.fma(r, _number(b, c.CUBIC), _number(b, c.SQUARE)), square, b.add(tail, r))
    part = b.fma(b.mul(square, square), b.fma(r, _number(b, c.FIFTH), _number(b, c.FOURTH)), low)
    return _scaled(b, x, step, part)


def _scaled(b: LoopBuilder, x: SSAValue, step: SSAValue, part: SSAValue) -> SSAValue:
    """``(1 + part)`` times the power that has the bits ``step``; moved to where all on the way is normal, and back."""
    large, small = _is(b, CompareKind.OGE, x, c.FAR), _is(b, CompareKind.OLE, x, -c.FAR)
    moved = b.select(small, b.constant(c.UP << 52), b.constant(0))
    moved = b.select(large, b.constant(-(c.DOWN << 52)), moved)
    power = _float_of(b, b.binary(BinaryKind.ADD, step, moved))
    back = b.select(large, _number(b, 2.0**c.DOWN), _number(b, 1.0))
    made = b.mul(b.fma(power, part, power), back)
    made = b.select(small, _small_power(b, power, part), made)
    made = b.select(_is(b, CompareKind.OGE, x, c.END), _number(b, float("inf")), made)
    return b.select(_is(b, CompareKind.OLE, x, -c.END), _number(b, 0.0), made)


def _small_power(b: LoopBuilder, power: SSAValue, part: SSAValue) -> SSAValue:
    one, more = _number(b, 1.0), b.mul(power, part)
    made = b.add(power, more)
    above = b.add(made, one)
    lost = b.add(b.add(b.sub(one, above), made), b.add(b.sub(power, made), more))
    rounded = b.sub(b.add(lost, above), one)
    kept = b.select(b.compare(CompareKind.OLT, made, one), rounded, made)
    return b.mul(kept, _number(b, 2.0**-c.UP))


@dataclass(frozen=True)
class _Reduced:
    """``1 + x`` as ``2**k * (1 + f)``: k as a float; what rounding ``1 + x`` lost; the mantissa, and whether it is an upper
    one, of which k is one more."""

    k: SSAValue
    f: SSAValue
    lost: SSAValue
    mantissa: SSAValue
    upper: SSAValue


def _reduce(b: LoopBuilder, x: SSAValue) -> _Reduced:
    one = _number(b, 1.0)
    whole = _is(b, CompareKind.OGE, x, c.WHOLE_FROM)
    total = b.select(whole, x, b.add(one, x))
    bits = _bits_of(b, total)
    exponent = b.sub(b.binary(BinaryKind.SHR, bits, 52), b.constant(1023))
    mantissa = b.both(bits, (1 << 52) - 1)
    positive = b.compare(CompareKind.SGT, exponent, 0)
    lost = b.select(positive, b.sub(one, b.sub(total, x)), b.sub(x, b.sub(total, one)))
    lost = b.select(whole, _number(b, 0.0), b.div(lost, total))
    upper = b.compare(CompareKind.UGE, mantissa, c.ROOT)
    k = b.sitofp(b.select(upper, b.add(exponent, 1), exponent), f64)
    head = b.select(upper, b.constant(0x3FE << 52), b.constant(0x3FF << 52))
    return _Reduced(k, b.sub(_float_of(b, b.either(mantissa, head)), one), lost, mantissa, upper)


def emit_log1p(b: LoopBuilder, x: SSAValue) -> SSAValue:
    """Of ``x`` that is at least 0 or NaN."""
    direct, made = _is(b, CompareKind.OLT, x, c.DIRECT_BELOW), _reduce(b, x)
    f = b.select(direct, x, made.f)
    half = b.mul(b.mul(_number(b, 0.5), f), f)
    low = b.fma(made.k, _number(b, c.LN2_LOW), made.lost)
    s = b.div(f, b.add(_number(b, 2.0), f))
    series = b.mul(s, b.add(_series(b, b.mul(s, s)), half))
    near_two = b.compare(CompareKind.UGE, made.mantissa, c.NEAR_TWO)
    near = b.select(made.upper, near_two, b.compare(CompareKind.ULT, made.mantissa, c.NEAR_ONE))
    short = b.sub(b.mul(half, b.fma(_number(b, -c.TWO_THIRDS), f, _number(b, 1.0))), low)
    long = b.sub(half, b.add(series, low))
    rest = b.sub(f, b.select(near, short, long))
    result = b.select(direct, b.sub(f, b.sub(half, series)), b.fma(made.k, _number(b, c.LN2_HIGH), rest))
    tiny = b.sub(x, b.mul(_number(b, 0.5), b.mul(x, x)))
    result = b.select(_is(b, CompareKind.OLT, x, c.HALF_SQUARE_BELOW), tiny, result)
    return b.select(_is(b, CompareKind.OLT, x, float("inf")), result, x)


def _series(b: LoopBuilder, z: SSAValue) -> SSAValue:
    numbers = [_number(b, number) for number in c.SERIES]
    square = b.mul(z, z)
    fourth = b.mul(square, square)
    total = b.fma(z, numbers[0], b.mul(square, b.fma(z, numbers[2], numbers[1])))
    total = b.fma(fourth, b.fma(z, numbers[4], numbers[3]), total)
    return b.fma(b.mul(square, fourth), b.fma(z, numbers[6], numbers[5]), total)
