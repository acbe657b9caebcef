"""Stages and kernels of the loop dialect: the functions of an artifact, and what they are for (`treec.codegen.abi`)."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import ArrayAttr, IntegerAttr, StringAttr, SymbolNameConstraint, SymbolRefAttr, i32, i64
from xdsl.ir import Attribute, Block, Region
from xdsl.irdl import IRDLOperation, ParsePropInAttrDict, irdl_op_definition, opt_prop_def, prop_def, region_def, traits_def
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import IsolatedFromAbove, IsTerminator, SymbolOpInterface, SymbolTable
from xdsl.utils.exceptions import VerifyException

from treec.treeir.loop_types import BufferType, Scope


@irdl_op_definition
class ReturnOp(IRDLOperation):
    """Ends a stage successfully."""

    name = "loop.return"
    traits = traits_def(IsTerminator())
    assembly_format = "attr-dict"

    def __init__(self) -> None:
        super().__init__()


@irdl_op_definition
class FuncOp(IRDLOperation):
    """One stage: a function over a range of rows and trees.

    Arguments: ``rows`` (rank 2, global), ``out`` (rank 2, global), ``row_begin``, ``row_end``, ``tree_begin``,
    ``tree_end`` (i64). Workspace comes from ``loop.alloc``. ``axis`` is a `treec.codegen.abi.Axis`; shards of the axis
    should be multiples of ``grain``. ``threads``: of a block, per dimension, where the stage runs on a GPU.
    """

    name = "loop.func"
    sym_name = prop_def(SymbolNameConstraint())
    axis = prop_def(IntegerAttr)
    grain = prop_def(IntegerAttr)
    threads = opt_prop_def(ArrayAttr[IntegerAttr])
    body = region_def("single_block")
    traits = traits_def(SymbolOpInterface(), IsolatedFromAbove())

    def __init__(self, name: str, rows: Attribute, out: Attribute, *, axis: int, grain: int) -> None:
        buffers = [BufferType.of(element, 2, Scope.GLOBAL) for element in (rows, out)]
        super().__init__(
            properties={
                "sym_name": StringAttr(name),
                "axis": IntegerAttr(axis, i32),
                "grain": IntegerAttr(grain, i64),
            },
            regions=[Region(Block(arg_types=[*buffers, i64, i64, i64, i64]))],
        )

    def verify_(self) -> None:
        types = [argument.type for argument in self.body.block.args]
        buffers = [type_ for type_ in types[:2] if isinstance(type_, BufferType)]
        fits = len(types) == 6 and len(buffers) == 2 and all(type_ == i64 for type_ in types[2:])
        if not fits or any(b.rank.data != 2 or b.scope.data is not Scope.GLOBAL for b in buffers):
            raise VerifyException("a stage takes rows, out, row_begin, row_end, tree_begin, tree_end")
        if not isinstance(self.body.block.last_op, ReturnOp):
            raise VerifyException("a stage ends in loop.return")
        if self.threads is not None and (len(self.threads) != 3 or any(n.value.data < 1 for n in self.threads)):
            raise VerifyException("a block has at least one thread in each of three dimensions")
        if self.grain.value.data < 1 or self.axis.value.data not in (0, 1):
            raise VerifyException("a stage needs an axis of 0 or 1 and a grain of at least 1")

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_symbol_name(self.sym_name.data)
        printer.print_string(f" axis {self.axis.value.data} grain {self.grain.value.data} ")
        if self.threads is not None:
            printer.print_string(f"threads {', '.join(str(n.value.data) for n in self.threads)} ")
        printer.print_string("(")
        printer.print_list(self.body.block.args, printer.print_block_argument)
        printer.print_string(") ")
        printer.print_region(self.body, print_entry_block_args=False)
        printer.print_op_attributes(self.attributes)

    @classmethod
    def parse(cls, parser: Parser) -> FuncOp:
        name = parser.parse_symbol_name()
        parser.parse_keyword("axis")
        axis = parser.parse_integer()
        parser.parse_keyword("grain")
        grain = parser.parse_integer()
        threads: list[int] = []
        if parser.parse_optional_keyword("threads"):
            threads = parser.parse_comma_separated_list(Parser.Delimiter.NONE, parser.parse_integer)
        arguments = parser.parse_comma_separated_list(Parser.Delimiter.PAREN, parser.parse_argument)
        region = parser.parse_region(arguments)
        op = cls.create(
            properties={"sym_name": name, "axis": IntegerAttr(axis, i32), "grain": IntegerAttr(grain, i64)},
            regions=[region],
        )
        if threads:
            op.properties["threads"] = threads_attr(threads)
        op.attributes |= parser.parse_optional_attr_dict()
        return op


def threads_attr(threads: Sequence[int]) -> ArrayAttr[IntegerAttr]:
    """Threads of a block, per dimension."""
    return ArrayAttr([IntegerAttr(n, i64) for n in threads])


@irdl_op_definition
class KernelOp(IRDLOperation):
    """A kernel of the artifact: stages run one after the other, each over all its rows.

    ``task`` and ``row_dtype`` are of `treec.codegen.abi`; it serves calls of at most ``rows_max`` rows.
    """

    name = "loop.kernel"
    task = prop_def(IntegerAttr)
    row_dtype = prop_def(IntegerAttr)
    rows_max = prop_def(IntegerAttr)
    stages = prop_def(ArrayAttr[SymbolRefAttr])
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "$stages attr-dict"

    def __init__(self, task: int, row_dtype: int, stages: Sequence[str], rows_max: int = (1 << 63) - 1) -> None:
        super().__init__(
            properties={
                "task": IntegerAttr(task, i32),
                "row_dtype": IntegerAttr(row_dtype, i32),
                "rows_max": IntegerAttr(rows_max, i64),
                "stages": ArrayAttr([SymbolRefAttr(stage) for stage in stages]),
            }
        )

    def verify_(self) -> None:
        module = self.parent_op()
        if module is None or len(self.stages) == 0:
            raise VerifyException("a kernel has at least one stage and stands in a module")
        for stage in self.stages:
            if not isinstance(SymbolTable.lookup_symbol(module, stage), FuncOp):
                raise VerifyException(f"there is no stage {stage}")
