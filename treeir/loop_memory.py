"""Memory of the loop dialect: constant tables, scratch memory, loads and stores."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import (
    ArrayAttr,
    FlatSymbolRefAttrConstr,
    IntegerAttr,
    StringAttr,
    SymbolNameConstraint,
    SymbolRefAttr,
    i64,
)
from xdsl.ir import Attribute, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    irdl_op_definition,
    operand_def,
    opt_prop_def,
    prop_def,
    result_def,
    traits_def,
    var_operand_def,
)
from xdsl.traits import MemoryReadEffect, MemoryWriteEffect, Pure, SymbolOpInterface, SymbolTable
from xdsl.utils.exceptions import VerifyException

from treec.treeir.blob import BlobAttr
from treec.treeir.loop_types import BufferType, RecordType, Scope, byte_size, initialise, is_vector, scalar_of


@irdl_op_definition
class TableOp(IRDLOperation):
    """A constant table of the artifact: a 1-D blob, seen as elements of ``type``'s element type."""

    name = "loop.table"
    sym_name = prop_def(SymbolNameConstraint())
    data = prop_def(BlobAttr)
    type = prop_def(BufferType)
    traits = traits_def(SymbolOpInterface())
    assembly_format = "$sym_name $data `:` $type attr-dict"

    def __init__(self, name: str, data: BlobAttr, element: Attribute) -> None:
        super().__init__(
            properties={
                "sym_name": StringAttr(name),
                "data": data,
                "type": BufferType.of(element, 1, Scope.CONSTANT),
            }
        )

    def verify_(self) -> None:
        array = self.data.array
        if array.ndim != 1:
            raise VerifyException("a table's data has one dimension")
        if array.dtype.itemsize != byte_size(self.type.element):
            raise VerifyException(
                f"elements of the data have {array.dtype.itemsize} bytes, {self.type.element} has "
                f"{byte_size(self.type.element)}"
            )
        if self.type.scope.data is not Scope.CONSTANT:
            raise VerifyException("a table lives in constant scope")


@irdl_op_definition
class GetTableOp(IRDLOperation):
    """The buffer of a table."""

    name = "loop.get_table"
    table = prop_def(FlatSymbolRefAttrConstr)
    result = result_def(BufferType)
    traits = traits_def(Pure())
    assembly_format = "$table attr-dict `:` type($result)"

    def __init__(self, table: TableOp | str, type_: BufferType | None = None) -> None:
        name = table if isinstance(table, str) else table.sym_name.data
        if type_ is None:
            if isinstance(table, str):
                raise ValueError("a table given by name needs its type")
            type_ = table.type
        super().__init__(properties={"table": SymbolRefAttr(name)}, result_types=[type_])

    def verify_(self) -> None:
        stage = self.parent_op()
        while stage is not None and not stage.has_trait(SymbolOpInterface):
            stage = stage.parent_op()
        if stage is None or (module := stage.parent_op()) is None:
            return
        table = SymbolTable.lookup_symbol(module, self.table)
        if not isinstance(table, TableOp):
            raise VerifyException(f"there is no table {self.table}")
        if table.type != self.result.type:
            raise VerifyException(f"the table {self.table} is {table.type}, not {self.result.type}")


@irdl_op_definition
class AllocOp(IRDLOperation):
    """Scratch memory of this call, of a fixed shape; its content is undefined."""

    name = "loop.alloc"
    shape = prop_def(ArrayAttr[IntegerAttr])
    result = result_def(BufferType)
    assembly_format = "$shape attr-dict `:` type($result)"

    def __init__(self, shape: Sequence[int], element: Attribute, scope: Scope = Scope.WORKSPACE) -> None:
        super().__init__(
            properties={"shape": ArrayAttr([IntegerAttr(n, i64) for n in shape])},
            result_types=[BufferType.of(element, len(shape), scope)],
        )

    @property
    def extents(self) -> tuple[int, ...]:
        return tuple(n.value.data for n in self.shape)

    def verify_(self) -> None:
        type_ = self.result.type
        if type_.rank.data != len(self.shape):
            raise VerifyException("one extent per dimension is needed")
        if type_.scope.data in (Scope.GLOBAL, Scope.CONSTANT):
            raise VerifyException(f"can't allocate in {type_.scope.data.value} scope")


def _verify_access(buffer: SSAValue, indices: Sequence[SSAValue], field: StringAttr | None, value: SSAValue) -> None:
    type_ = buffer.type
    if not isinstance(type_, BufferType):
        raise VerifyException("expected a buffer")
    if len(indices) != type_.rank.data:
        raise VerifyException(f"{len(indices)} indices into a buffer of rank {type_.rank.data}")
    element = type_.element
    if isinstance(element, RecordType):
        if field is None:
            raise VerifyException("a record is read one field at a time")
        try:
            element, _ = element.field(field.data)
        except KeyError:
            raise VerifyException(f"the record has no field {field.data!r}") from None
    elif field is not None:
        raise VerifyException("only records have fields")
    if is_vector(value.type) and isinstance(type_.element, RecordType) and value.type != element:
        raise VerifyException("fields of neighbouring records are not read as vectors")
    if value.type != element and scalar_of(value.type) != element:
        raise VerifyException(f"the buffer holds {element}, not {value.type}")


@irdl_op_definition
class LoadOp(IRDLOperation):
    """One element, or a vector of neighbours along the last dimension; of a record, one field."""

    name = "loop.load"
    buffer = operand_def(BufferType)
    indices = var_operand_def(i64)
    field = opt_prop_def(StringAttr)
    result = result_def()
    traits = traits_def(MemoryReadEffect())
    assembly_format = "$buffer `[` $indices `]` ($field^)? attr-dict `:` type($buffer) `->` type($result)"

    def __init__(
        self, buffer: SSAValue, indices: Sequence[SSAValue], type_: Attribute | None = None, field: str | None = None
    ) -> None:
        if type_ is None and isinstance(buffer.type, BufferType):
            element = buffer.type.element
            type_ = element.field(field)[0] if isinstance(element, RecordType) and field else element
        if type_ is None:
            raise ValueError("a field of a record must be named")
        initialise(self, [buffer, *indices], {} if field is None else {"field": StringAttr(field)}, type_)

    def verify_(self) -> None:
        _verify_access(self.buffer, self.indices, self.field, self.result)


@irdl_op_definition
class StoreOp(IRDLOperation):
    """Store one element, or a vector of neighbours along the last dimension."""

    name = "loop.store"
    value = operand_def()
    buffer = operand_def(BufferType)
    indices = var_operand_def(i64)
    traits = traits_def(MemoryWriteEffect())
    assembly_format = "$value `,` $buffer `[` $indices `]` attr-dict `:` type($value) `,` type($buffer)"

    def __init__(self, value: SSAValue, buffer: SSAValue, indices: Sequence[SSAValue]) -> None:
        initialise(self, [value, buffer, *indices], {})

    def verify_(self) -> None:
        _verify_access(self.buffer, self.indices, None, self.value)
        if isinstance(self.buffer.type, BufferType) and self.buffer.type.scope.data is Scope.CONSTANT:
            raise VerifyException("a constant table can't be written")
