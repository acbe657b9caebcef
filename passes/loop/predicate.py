"""The one place where generated code answers a predicate, for every strategy that looks at values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from xdsl.dialects.builtin import f32, i1, i32, i64
from xdsl.ir import Attribute, SSAValue

from treec.frontends.base import CategoryCast, Missing, Test
from treec.passes.algo.branches import BranchKind
from treec.passes.loop.builder import LoopBuilder
from treec.passes.loop.tables import as_float
from treec.treeir.interp.predicates import ZERO_BOUND
from treec.treeir.loop_types import BinaryKind, CastKind, CompareKind, bit_width, is_vector, scalar_of, vector_like

CATEGORY_LIMIT = float(1 << 24)
"""XGBoost's OutOfRangeCat: categories from here on are invalid."""

_WITH_NAN = {Test.LESS: CompareKind.FULT, Test.LESS_EQUAL: CompareKind.FULE}
_RANK_COMPARES = {Test.LESS_EQUAL: CompareKind.ULE, Test.EQUAL: CompareKind.EQ}
_COMPARES = {Test.LESS: CompareKind.OLT, Test.LESS_EQUAL: CompareKind.OLE, Test.EQUAL: CompareKind.OEQ}


@dataclass(frozen=True)
class PredicateKind:
    """What all predicates of a kind share."""

    test: Test
    missing: Missing
    invalid_left: bool


@dataclass(frozen=True)
class Question:
    """The parts of one predicate at run time: ``value``, ``threshold``: floats; ``missing_left`` i1; ``kind`` an integer,
    a position in the list of kinds. Or the parts of several predicates: vectors, all of as many lanes."""

    value: SSAValue
    threshold: SSAValue
    missing_left: SSAValue
    kind: SSAValue


@dataclass(frozen=True)
class CategorySets:
    """Tables of set words (i32) and of each set's first word, and the forest's cast rule."""

    offset: SSAValue
    words: SSAValue
    cast: CategoryCast


Words = Callable[[LoopBuilder], SSAValue]
"""The table of all sets' words."""
SetTables = Callable[[LoopBuilder], CategorySets]


def emit_predicate(b: LoopBuilder, q: Question, kinds: Sequence[PredicateKind], sets: SetTables) -> SSAValue:
    """i1, in each lane if there are lanes: does the row go left? Code for the kinds that occur, chosen at run time where
    there are several. Values are compared in the dtype of thresholds; where that is the narrower one, so are the rows."""
    q = replace(q, value=as_float(b, q.value, scalar_of(q.threshold.type)))
    if len(kinds) == 1:
        return _answer(b, q, kinds[0], sets)
    numeric = [(at, kind) for at, kind in enumerate(kinds) if kind.test is not Test.IN_SET]
    categorical = [(at, kind) for at, kind in enumerate(kinds) if kind.test is Test.IN_SET]
    if not categorical:
        return _choose(b, q, numeric, sets)
    if not numeric:
        return _choose(b, q, categorical, sets)
    is_set = _one_of(b, q.kind, [at for at, _ in categorical])

    def with_sets(t: LoopBuilder) -> list[SSAValue]:
        if not is_vector(is_set.type):
            return [_choose(t, q, categorical, sets)]
        # Lanes whose test is a compare look something up as well: in set 0.
        asked = replace(q, threshold=t.select(is_set, q.threshold, t.constant(0.0, q.threshold.type)))
        return [t.select(is_set, _choose(t, asked, categorical, sets), _choose(t, q, numeric, sets))]

    return b.if_(b.any_lane(is_set), [is_set.type], with_sets, lambda e: [_choose(e, q, numeric, sets)])[0]


@dataclass(frozen=True)
class RankQuestion:
    """A predicate about a rank at run time, all i64: ``operand`` is a rank or the number of a set, ``kind`` a position in
    the list of tests."""

    rank: SSAValue
    operand: SSAValue
    kind: SSAValue


def emit_ranked_predicate(b: LoopBuilder, q: RankQuestion, tests: Sequence[Test], sets: SetTables) -> SSAValue:
    """i1: does a row with this rank go left? Ranks know of missing and invalid values already."""
    plain = [(at, test) for at, test in enumerate(tests) if test is not Test.IN_SET]
    if not plain:
        return _holds(b, q.rank, q.operand, sets(b))
    result = b.compare(_RANK_COMPARES[plain[0][1]], q.rank, q.operand)
    for at, test in plain[1:]:
        answer = b.compare(_RANK_COMPARES[test], q.rank, q.operand)
        result = b.select(b.compare(CompareKind.EQ, q.kind, at), answer, result)
    if len(plain) == len(tests):
        return result
    is_set = b.compare(CompareKind.EQ, q.kind, list(tests).index(Test.IN_SET))

    def with_sets(t: LoopBuilder) -> list[SSAValue]:
        if not is_vector(is_set.type):
            return [_holds(t, q.rank, q.operand, sets(t))]
        number = t.select(is_set, q.operand, t.constant(0, q.operand.type))  # others look something up as well: in set 0
        return [t.select(is_set, _holds(t, q.rank, number, sets(t)), result)]

    return b.if_(b.any_lane(is_set), [is_set.type], with_sets, lambda _: [result])[0]


def _one_of(b: LoopBuilder, kind: SSAValue, positions: Sequence[int]) -> SSAValue:
    result = b.compare(CompareKind.EQ, kind, positions[0])
    for position in positions[1:]:
        result = b.either(result, b.compare(CompareKind.EQ, kind, position))
    return result


def _choose(b: LoopBuilder, q: Question, kinds: Sequence[tuple[int, PredicateKind]], sets: SetTables) -> SSAValue:
    """Answers of cheap kinds are all computed, then selected: no branch to mispredict."""
    result = _answer(b, q, kinds[0][1], sets)
    for at, kind in kinds[1:]:
        result = b.select(b.compare(CompareKind.EQ, q.kind, at), _answer(b, q, kind, sets), result)
    return result


def _answer(b: LoopBuilder, q: Question, kind: PredicateKind, sets: SetTables) -> SSAValue:
    if kind.test is Test.IN_SET:
        tested = _in_set(b, q, kind, sets(b))
        return _with_missing(b, q, kind, tested)
    value = q.value
    if kind.missing is Missing.NONE:
        is_nan = b.compare(CompareKind.UNO, value, value)
        value = b.select(is_nan, b.constant(0.0, value.type), value)
    return _with_missing(b, q, kind, b.compare(_COMPARES[kind.test], value, q.threshold))


def _with_missing(b: LoopBuilder, q: Question, kind: PredicateKind, tested: SSAValue) -> SSAValue:
    if kind.missing is Missing.NONE:
        return tested
    # A threshold is never NaN, nor is a set's number as a float; beside the test of the value, this is the same compare.
    missing = b.compare(CompareKind.UNO, q.threshold, q.value)
    if kind.missing is Missing.ZERO_OR_NAN:
        return b.select(emit_is_missing(b, q.value, kind.missing), q.missing_left, tested)
    if kind.test is Test.IN_SET:
        return b.select(missing, q.missing_left, tested)
    # An ordered compare is false on NaN, so the missing way only has to be added.
    return b.either(tested, b.both(missing, q.missing_left))


def emit_branch(
    b: LoopBuilder, kind: BranchKind, value: SSAValue, numbers: Sequence[SSAValue], words: Words, cast: CategoryCast
) -> SSAValue:
    """i1: does the row take the true way of a node of this kind? ``numbers``: its threshold, or the mask of its set (i64),
    or the first and the end of its set's words (i64)."""
    if kind.test is Test.IN_SET:
        answer = _branch_in_set(b, kind, value, numbers, words, cast)
    elif kind.test is Test.EQUAL:
        answer = b.compare(CompareKind.OEQ, value, numbers[0])
        answer = b.either(answer, b.compare(CompareKind.UNO, value, value)) if kind.nan_left else answer
    else:
        answer = b.compare((_WITH_NAN if kind.nan_left else _COMPARES)[kind.test], value, numbers[0])
    if not kind.zero:
        return answer
    zero = _is_zero(b, value)
    return b.either(answer, zero) if kind.nan_left else b.both(answer, _not(b, zero))


def _branch_in_set(
    b: LoopBuilder, kind: BranchKind, value: SSAValue, numbers: Sequence[SSAValue], words: Words, cast: CategoryCast
) -> SSAValue:
    valid, code = emit_category(b, value, cast)
    if kind.mask:
        known = b.both(valid, b.compare(CompareKind.ULT, code, 64))
        bit = b.both(b.binary(BinaryKind.SHR, numbers[0], b.both(code, 63)), 1)
        found = b.both(known, b.compare(CompareKind.NE, bit, 0))
    else:
        at = b.add(numbers[0], b.binary(BinaryKind.SHR, code, 5))
        known = b.both(valid, b.compare(CompareKind.ULT, at, numbers[1]))
        found = _look_up(b, words(b), known, at, code)
    if kind.invalid_left:
        found = b.either(found, _not(b, valid))
    if kind.nan_left == kind.invalid_left:  # NaN is one of the invalid values
        return found
    nan = b.compare(CompareKind.UNO, value, value)
    return b.either(found, nan) if kind.nan_left else b.both(found, _not(b, nan))


def _not(b: LoopBuilder, answer: SSAValue) -> SSAValue:
    return b.binary(BinaryKind.XOR, answer, 1)


def emit_is_missing(b: LoopBuilder, value: SSAValue, what: Missing) -> SSAValue:
    """i1: is it NaN, or with `Missing.ZERO_OR_NAN` as good as zero?"""
    nan = b.compare(CompareKind.UNO, value, value)
    if what is not Missing.ZERO_OR_NAN:
        return nan
    return b.either(nan, _is_zero(b, value))


def _is_zero(b: LoopBuilder, value: SSAValue) -> SSAValue:
    """i1: is it as good as zero?"""
    bound, below = b.constant(float(ZERO_BOUND), value.type), b.constant(-float(ZERO_BOUND), value.type)
    return b.both(b.compare(CompareKind.OLE, value, bound), b.compare(CompareKind.OGE, value, below))


def _in_set(b: LoopBuilder, q: Question, kind: PredicateKind, sets: CategorySets) -> SSAValue:
    """NaN that is not missing counts as 0.0 (`Missing.NONE`); what the cast rejects goes the invalid way."""
    value = q.value
    if kind.missing is Missing.NONE:
        value = b.select(b.compare(CompareKind.UNO, value, value), b.constant(0.0, value.type), value)
    valid, code = emit_category(b, value, sets.cast)
    found = _holds(b, code, _set_number(b, q.threshold, code.type), sets, valid)
    if not kind.invalid_left:
        return found
    return b.select(valid, found, b.constant(1, valid.type))


def _holds(
    b: LoopBuilder, code: SSAValue, set_number: SSAValue, sets: CategorySets, valid: SSAValue | None = None
) -> SSAValue:
    """i1: is the code valid, and in the set of that number?"""
    first = b.load_index(sets.offset, set_number)
    end = b.load_index(sets.offset, b.add(set_number, 1))
    at = b.add(first, b.binary(BinaryKind.SHR, code, 5))
    known = b.compare(CompareKind.ULT, at, end)
    if valid is not None:
        known = b.both(valid, known)
    return _look_up(b, sets.words, known, at, code)


def _set_number(b: LoopBuilder, threshold: SSAValue, type_: Attribute) -> SSAValue:
    bits = b.cast(CastKind.BITCAST, threshold, vector_like(type_, i32 if scalar_of(threshold.type) == f32 else i64))
    wider = bit_width(type_) - bit_width(bits.type)
    return bits if wider == 0 else b.cast(CastKind.SEXT if wider > 0 else CastKind.TRUNC, bits, type_)


def _look_up(b: LoopBuilder, words: SSAValue, known: SSAValue, at: SSAValue, code: SSAValue) -> SSAValue:
    """The category's bit in word ``at``; false where it is not ``known`` to have one."""

    def bit(t: LoopBuilder, position: SSAValue) -> SSAValue:
        word = t.load_index(words, position)
        return t.compare(CompareKind.NE, t.both(t.binary(BinaryKind.SHR, word, t.both(code, 31)), 1), 0)

    if is_vector(known.type):
        return b.both(known, bit(b, b.select(known, at, b.constant(0, at.type))))
    return b.if_(known, [i1], lambda t: [bit(t, at)], lambda e: [e.constant(0, i1)])[0]


def emit_category(b: LoopBuilder, value: SSAValue, cast: CategoryCast) -> tuple[SSAValue, SSAValue]:
    """(is the value a category?, its code, in range only if it is: i64, or i32 in lanes)."""
    if cast is CategoryCast.NON_NEGATIVE:
        low = b.compare(CompareKind.OGE, value, b.constant(0.0, value.type))
        high = b.compare(CompareKind.OLT, value, b.constant(CATEGORY_LIMIT, value.type))
    else:
        low = b.compare(CompareKind.OGT, value, b.constant(-1.0, value.type))
        high = b.compare(CompareKind.OLT, value, b.constant(float(1 << 31), value.type))
    integer = i32 if is_vector(value.type) else i64  # categories are below 2**31
    code = b.cast(CastKind.FPTOSI, value, vector_like(value.type, integer))
    return b.both(low, high), code
