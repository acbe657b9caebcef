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

    With ``groups`` the axis is one of so many groups of trees, and ``group_begin`` and ``group_end`` (i64) follow. With
    ``lines`` another buffer follows, ``scratch`` (rank 2, global): so many lines of an element for each row of the call,
    for all stages of a kernel.
    """

    name = "loop.func"
    sym_name = prop_def(SymbolNameConstraint())
    axis = prop_def(IntegerAttr)
    grain = prop_def(IntegerAttr)
    threads = opt_prop_def(ArrayAttr[IntegerAttr])
    groups = opt_prop_def(IntegerAttr)
    lines = opt_prop_def(IntegerAttr)
    body = region_def("single_block")
    traits = traits_def(SymbolOpInterface(), IsolatedFromAbove())

    def __init__(
        self,
        name: str,
        rows: Attribute,
        out: Attribute,
        *,
        axis: int,
        grain: int,
        groups: int | None = None,
        scratch: tuple[int, Attribute] | None = None,
    ) -> None:
        types: list[Attribute] = [BufferType.of(element, 2, Scope.GLOBAL) for element in (rows, out)]
        types += [i64] * (4 if groups is None else 6)
        types += [] if scratch is None else [BufferType.of(scratch[1], 2, Scope.GLOBAL)]
        super().__init__(
            properties={
                "sym_name": StringAttr(name),
                "axis": IntegerAttr(axis, i32),
                "grain": IntegerAttr(grain, i64),
                "groups": None if groups is None else IntegerAttr(groups, i64),
                "lines": None if scratch is None else IntegerAttr(scratch[0], i64),
            },
            regions=[Region(Block(arg_types=types))],
        )

    @property
    def argument_names(self) -> tuple[str, ...]:
        """The names of the arguments in the ABI."""
        names = ("rows", "out", "row_begin", "row_end", "tree_begin", "tree_end")
        groups = () if self.groups is None else ("group_begin", "group_end")
        return (*names, *groups, *(() if self.lines is None else ("scratch",)))

    def verify_(self) -> None:
        types, names = [argument.type for argument in self.body.block.args], self.argument_names
        if len(types) != len(names):
            raise VerifyException(f"a stage takes {', '.join(names)}")
        for name, type_ in zip(names, types, strict=True):
            if name not in ("rows", "out", "scratch"):
                fits = type_ == i64
            else:
                fits = isinstance(type_, BufferType) and type_.rank.data == 2 and type_.scope.data is Scope.GLOBAL
            if not fits:
                raise VerifyException(f"a stage takes {', '.join(names)}; {name} can't be of type {type_}")
        if not isinstance(self.body.block.last_op, ReturnOp):
            raise VerifyException("a stage ends in loop.return")
        if self.threads is not None and (len(self.threads) != 3 or any(n.value.data < 1 for n in self.threads)):
            raise VerifyException("a block has at least one thread in each of three dimensions")
        if self.grain.value.data < 1 or self.axis.value.data != (self.groups is not None):
            raise VerifyException("a stage needs an axis of 0, or of 1 with groups, and a grain of at least 1")
        if any(number is not None and number.value.data < 0 for number in (self.groups, self.lines)):
            raise VerifyException("a number of groups or of lines is not negative")

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_symbol_name(self.sym_name.data)
        printer.print_string(f" axis {self.axis.value.data} grain {self.grain.value.data} ")
        if self.threads is not None:
            printer.print_string(f"threads {', '.join(str(n.value.data) for n in self.threads)} ")
        for keyword, number in (("groups", self.groups), ("lines", self.lines)):
            if number is not None:
                printer.print_string(f"{keyword} {number.value.data} ")
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
        numbers = {
            keyword: IntegerAttr(parser.parse_integer(), i64)
            for keyword in ("groups", "lines")
            if parser.parse_optional_keyword(keyword) is not None
        }
        arguments = parser.parse_comma_separated_list(Parser.Delimiter.PAREN, parser.parse_argument)
        region = parser.parse_region(arguments)
        op = cls.create(
            properties={"sym_name": name, "axis": IntegerAttr(axis, i32), "grain": IntegerAttr(grain, i64), **numbers},
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

    ``task`` and ``row_dtype`` are of `treec.codegen.abi`; it serves calls of at most ``rows_max`` rows. ``row_cost``:
    picoseconds that a row takes in a tree, roughly.
    """

    name = "loop.kernel"
    task = prop_def(IntegerAttr)
    row_dtype = prop_def(IntegerAttr)
    rows_max = prop_def(IntegerAttr)
    stages = prop_def(ArrayAttr[SymbolRefAttr])
    row_cost = opt_prop_def(IntegerAttr)
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "$stages attr-dict"

    def __init__(
        self,
        task: int,
        row_dtype: int,
        stages: Sequence[str],
        rows_max: int = (1 << 63) - 1,
        row_cost: int | None = None,
    ) -> None:
        super().__init__(
            properties={
                "task": IntegerAttr(task, i32),
                "row_dtype": IntegerAttr(row_dtype, i32),
                "rows_max": IntegerAttr(rows_max, i64),
                "stages": ArrayAttr([SymbolRefAttr(stage) for stage in stages]),
                "row_cost": None if row_cost is None else IntegerAttr(row_cost, i64),
            }
        )

    def verify_(self) -> None:
        module = self.parent_op()
        if module is None or len(self.stages) == 0:
            raise VerifyException("a kernel has at least one stage and stands in a module")
        if self.row_cost is not None and self.row_cost.value.data < 1:
            raise VerifyException("a row takes some time")
        for stage in self.stages:
            if not isinstance(SymbolTable.lookup_symbol(module, stage), FuncOp):
                raise VerifyException(f"there is no stage {stage}")
