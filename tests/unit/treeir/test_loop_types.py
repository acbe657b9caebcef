"""What types of the loop dialect are refused; they are checked as they are made, not by an op's verifier."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from xdsl.dialects.builtin import ArrayAttr, IntAttr, StringAttr, f32, i1, i32
from xdsl.ir import Attribute
from xdsl.utils.exceptions import VerifyException

from treec.treeir.loop_types import BufferType, RecordType, Scope


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: BufferType.of(f32, 0, Scope.WORKSPACE), "a buffer has at least one dimension"),
        (lambda: BufferType.of(i1, 1, Scope.WORKSPACE), "i1 can't be the element of a buffer"),
        (lambda: RecordType.of(8, [("a", f32, 0), ("a", f32, 4)]), "two fields of a record have the same name"),
        (lambda: RecordType.of(8, [("a", f32, 5)]), "field f32 at 5 is outside of the record's 8 bytes"),
        (lambda: RecordType.of(8, [("a", i32, -1)]), "field i32 at -1 is outside of the record's 8 bytes"),
        (lambda: RecordType.of(8, [("a", i1, 0)]), "i1 can't be the element of a buffer"),
        (
            lambda: RecordType(IntAttr(8), ArrayAttr([StringAttr("a")]), ArrayAttr([]), ArrayAttr([])),
            "a name, a type and an offset per field",
        ),
    ],
)
def test_a_type_that_makes_no_sense_is_refused(make: Callable[[], Attribute], message: str) -> None:
    with pytest.raises(VerifyException, match=message):
        make()
