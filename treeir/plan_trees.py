"""Trees as the plan dialect holds them: tables of packed records."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import DictionaryAttr, FlatSymbolRefAttrConstr, IntAttr, SymbolNameConstraint
from xdsl.ir import Attribute, ParametrizedAttribute
from xdsl.irdl import (
    irdl_attr_definition,
    irdl_op_definition,
    opt_prop_def,
    prop_def,
    traits_def,
)
from xdsl.parser import AttrParser
from xdsl.printer import Printer
from xdsl.traits import SymbolOpInterface, SymbolTable
from xdsl.utils.exceptions import VerifyException

from treec.treeir.blob import BlobAttr
from treec.treeir.forest_checks import expect, expect_cover, require
from treec.treeir.printing import NamedTablesOp
from treec.treeir.ranks import RanksOp


@irdl_attr_definition
class BitFieldAttr(ParametrizedAttribute):
    """``#plan.bits<3 at 20 plus 1>``: an unsigned number of 3 bits, from bit 20 of a node's word on, plus 1. With 0 bits it
    is a constant."""

    name = "plan.bits"
    width: IntAttr
    shift: IntAttr
    base: IntAttr

    @staticmethod
    def of(width: int, shift: int, base: int) -> BitFieldAttr:
        return BitFieldAttr(IntAttr(width), IntAttr(shift), IntAttr(base))

    def verify(self) -> None:
        if self.width.data < 0 or self.shift.data < 0 or self.width.data + self.shift.data > 64:
            raise VerifyException("a bit field lies within a word of 64 bits")

    def print_parameters(self, printer: Printer) -> None:
        with printer.in_angle_brackets():
            printer.print_string(f"{self.width.data} at {self.shift.data} plus {self.base.data}")

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> Sequence[Attribute]:
        with parser.in_angle_brackets():
            width = parser.parse_integer()
            parser.parse_keyword("at")
            shift = parser.parse_integer()
            parser.parse_keyword("plus")
            return (IntAttr(width), IntAttr(shift), IntAttr(parser.parse_integer()))


class TreesOp(NamedTablesOp, ABC):
    """The trees of a model as tables in memory, in the form that one family of walks reads. What a walk, its interpreter
    and a layout need to know of a form is found by the op's class."""

    @property
    @abstractmethod
    def n_trees(self) -> int:
        """How many trees there are."""

    @property
    def threshold_dtype(self) -> np.dtype[Any] | None:
        """What values are compared in; None where ranks or bits are asked instead."""
        return None


@irdl_op_definition
class PackedTreesOp(TreesOp):
    """Trees as records, one per node, in preorder: see `treec.passes.algo.packed` for the meaning of each table.

    ``fields``, ``predicate_fields``: name → `BitFieldAttr` of the record's word. ``kinds`` i64 [n, 3]: test, missing kind
    and way of invalid values that predicates of a kind share. With ``ranks``, predicates are asked about the views of
    ranked rows: a field ``threshold`` is their operand, and kinds differ in their test only.
    """

    name = "plan.packed_trees"
    sym_name = prop_def(SymbolNameConstraint())
    nodes = prop_def(BlobAttr)
    fields = prop_def(DictionaryAttr)
    node_base = prop_def(BlobAttr)
    kinds = prop_def(BlobAttr)
    predicates = opt_prop_def(BlobAttr)
    predicate_fields = opt_prop_def(DictionaryAttr)
    set_offset = prop_def(BlobAttr)
    set_words = prop_def(BlobAttr)
    leaf_row = opt_prop_def(BlobAttr)
    leaf_id = opt_prop_def(BlobAttr)
    column = opt_prop_def(BlobAttr)
    ranks = opt_prop_def(FlatSymbolRefAttrConstr)
    traits = traits_def(SymbolOpInterface())

    @property
    def n_trees(self) -> int:
        return len(self.node_base.array) - 1

    @property
    def threshold_dtype(self) -> np.dtype[Any] | None:
        asked = self.nodes if self.predicates is None else self.predicates
        return asked.array.dtype["threshold"] if self.ranks is None else None

    def verify_(self) -> None:
        n, trees = len(self.nodes.array), self.n_trees
        expect_cover("node_base", self.node_base, n)
        require(self.kinds.array.ndim == 2 and self.kinds.array.shape[1] == 3, "kinds has three columns")
        require((self.predicates is None) == (self.predicate_fields is None), "predicates and predicate_fields go together")
        inverted = {"inverted"} & set(self.fields.data)  # only where some node is
        question, threshold = (_QUESTION, True) if self.ranks is None else (_RANKED_QUESTION, False)
        if self.predicates is not None and self.predicate_fields is not None:
            verify_records("nodes", self.nodes, self.fields, {"step", "predicate", *inverted}, threshold=False)
            verify_records("predicates", self.predicates, self.predicate_fields, question, threshold=threshold)
        else:
            verify_records("nodes", self.nodes, self.fields, {"step", *question, *inverted}, threshold=threshold)
        expect_cover("set_offset", self.set_offset, len(self.set_words.array))
        expect("leaf_row", self.leaf_row, _UNSIGNED, n + trees)
        expect("leaf_id", self.leaf_id, _UNSIGNED, n + trees)
        expect("column", self.column, _UNSIGNED, trees)
        self._verify_ranks()

    def _verify_ranks(self) -> None:
        module = self.parent_op()
        if self.ranks is None or module is None:
            return
        found = isinstance(SymbolTable.lookup_symbol(module, self.ranks), RanksOp)
        require(found, f"there are no ranks {self.ranks}")
        require(not self.kinds.array[:, 1:].any(), "predicates on ranks know nothing of missing or invalid values")


_QUESTION = {"feature", "kind", "missing_left"}
_RANKED_QUESTION = {"feature", "kind", "threshold"}
_UNSIGNED = (np.uint8, np.uint16, np.uint32, np.uint64)


def verify_records(what: str, records: BlobAttr, fields: DictionaryAttr, wanted: set[str], *, threshold: bool) -> None:
    """Records have a threshold if one is due, and a word that holds the wanted fields and no others."""
    if set(fields.data) != wanted:
        raise VerifyException(
            f"{what}: expected the fields {', '.join(sorted(wanted))}, got {', '.join(sorted(fields.data))}"
        )
    names = records.array.dtype.names or ()
    words = [name for name in names if name.startswith("word")]
    if [*names] != [*(["threshold"] if threshold else []), *words] or not words:
        raise VerifyException(f"{what}: a record of {', '.join(names)} is not {'a threshold and ' * threshold}a word")
    bits = 8 * sum(records.array.dtype[name].itemsize for name in words)
    for name, field in fields.data.items():
        if not isinstance(field, BitFieldAttr) or field.width.data + field.shift.data > bits:
            raise VerifyException(f"{what}: field {name} does not fit the record's word of {bits} bits")


def decode(records: BlobAttr, fields: DictionaryAttr) -> dict[str, NDArray[np.int64]]:
    """The bit fields of all records: name → i64 [n]."""
    table = records.array
    word = np.zeros(len(table), np.uint64)
    shift = 0
    for name in table.dtype.names or ():
        if name.startswith("word"):
            word |= table[name].astype(np.uint64) << np.uint64(shift)
            shift += 8 * table.dtype[name].itemsize
    return {name: _bits(word, field) for name, field in fields.data.items() if isinstance(field, BitFieldAttr)}


def _bits(word: NDArray[np.uint64], field: BitFieldAttr) -> NDArray[np.int64]:
    if field.width.data == 0:
        return np.full(len(word), field.base.data, np.int64)
    mask = np.uint64((1 << field.width.data) - 1)
    return ((word >> np.uint64(field.shift.data)) & mask).astype(np.int64) + field.base.data
