"""Kernel blocks: what is common, what is a kernel's own, and what is refused, where."""

from __future__ import annotations

import json

import pytest

from treec.errors import ScheduleError
from treec.schedule.directives import Layout, OrderLoops, ParallelLoop, TargetCpu, Walk
from treec.schedule.kernel import KernelWhen
from treec.schedule.schedule import Schedule

TEXT = """\
target cpu level=native input=any
layout packed predicates=inline align=4
kernel when rows <= 8 {
  walk with=scalar interleave=tree:4
}
kernel when rows <= 64 {
  order tree, row
  walk with=scalar
}
split row into=(block, row) by=64
order block, tree, row
walk with=scalar
parallel block
"""
SMALL = KernelWhen(8, (Walk("scalar", interleave="tree:4"),))
WALK = "walk with=scalar\n"
BLOCK = f"kernel when rows <= 8 {{\n{WALK}}}\n"


def test_a_block_is_plain_data() -> None:
    schedule = Schedule.from_text(TEXT)
    assert schedule.directives[:3] == (TargetCpu(), Layout("packed"), SMALL)
    assert schedule.to_text() == TEXT
    assert Schedule.from_json(schedule.to_json()) == schedule


def test_braces_and_marks_need_no_spaces() -> None:
    assert Schedule.from_text(TEXT.replace(" <= 8 {", "<=8{ # small")) == Schedule.from_text(TEXT)


def test_a_block_can_be_built_from_python() -> None:
    small = Schedule.build().walk(with_="scalar", interleave="tree:4")
    medium = Schedule.build().order("tree", "row").walk(with_="scalar")
    head = Schedule.build().target("cpu").layout("packed").kernel(8, small).kernel(64, plan=medium)
    tail = head.split("row", into=("block", "row"), by=64).order("block", "tree", "row").walk(with_="scalar")
    assert tail.parallel("block").done() == Schedule.from_text(TEXT)


def test_each_kernel_goes_on_from_the_common_part() -> None:
    scopes = Schedule.from_text(TEXT).scopes()
    assert {name: list(scope.loops) for name, scope in scopes.items()} == {
        "rows_8": ["row", "tree"],
        "rows_64": ["tree", "row"],
        "main": ["block", "tree", "row"],
    }
    assert scopes["rows_8"].find(Layout) is not None
    assert scopes["rows_8"].find(ParallelLoop) is None
    assert scopes["rows_64"].find(OrderLoops) == OrderLoops(("tree", "row"))


def test_splits_above_the_first_block_are_for_all_kernels() -> None:
    text = "layout packed\nsplit row into=(block, row) by=4\n" + BLOCK + "order block, tree, row\n" + WALK
    scopes = Schedule.from_text(text).scopes()
    assert list(scopes["rows_8"].loops) == ["block", "row", "tree"]


@pytest.mark.parametrize(
    ("text", "place", "reason", "fix"),
    [
        ("kernel when rows <= 8 {\n" + WALK, "2:23", "`{` is not closed", "write `}`"),
        ("kernel when rows <= 8 {\n" + BLOCK, "3:1", "a kernel can't stand inside a kernel", "write `}`"),
        ("}\n", "2:1", "`}` closes no kernel", "remove"),
        ("kernel when rows <= 8\n", "2:22", "`{` is missing before the end", "kernel when rows <= N {"),
        ("kernel rows <= 8 {\n", "2:8", "`when` is missing before `rows`", "kernel when rows <= N {"),
        ("kernel when rows < 8 {\n", "2:18", "unexpected character '<'", "remove"),
        ("kernel when rows <= 0 {\n", "2:21", "must be a whole number from 1", "kernel when rows"),
        ("kernel when rows <= few {\n", "2:21", "must be a whole number from 1", "kernel when rows"),
        ("kernel when rows <= 8 { " + WALK, "2:25", "`walk` does not belong here", "lines of their own"),
        (BLOCK[:-1] + " " + WALK, "4:3", "`walk` does not belong here", "line of its own"),
        ("kernel when rows <= 8 {\n}\n" + WALK, "2:1", "the kernel is empty", "between the braces"),
        (BLOCK + BLOCK + WALK, "5:1", "there is a kernel for 8 rows already: line 2", "keep one"),
        (BLOCK + BLOCK.replace("8", "4") + WALK, "5:1", "already served by the kernel for up to 8", "smallest first"),
        (BLOCK + "order tree, row\n" + BLOCK.replace("8", "9"), "6:1", "`order tree, row` stands", "below the last"),
        (BLOCK, "4:1", "the plan for all other calls, below the kernels, has no `walk`", "add `walk"),
        ("kernel when rows <= 8 {\norder row, tree\n  }\n" + WALK, "4:3", "the kernel has no `walk`", "add `walk"),
        (BLOCK.replace(WALK, "share leaves\n" + WALK), "3:1", "the trees, which all kernels share", "above the first"),
        (BLOCK.replace(WALK, "target cpu\n" + WALK), "3:1", "the target, which all kernels share", "above the first"),
        (BLOCK + "share leaves\n" + WALK, "5:1", "comes before everything about loops", "move it above line 1"),
        (WALK + BLOCK.replace(WALK, "order row, tree\n"), "4:1", "finished at line 2", "move that line below the kernels"),
        (WALK + BLOCK, "4:1", "`walk` is already given by line 2", "below the kernels"),
        (BLOCK.replace(WALK, WALK + "order row, tree\n"), "4:1", "finished at line 3", "move it above `walk"),
        (BLOCK.replace("kernel", "kernal"), "2:1", "unknown directive `kernal`", "did you mean `kernel`?"),
    ],
)  # fmt: skip
def test_mistakes_have_a_place_a_reason_and_a_fix(text: str, place: str, reason: str, fix: str) -> None:
    with pytest.raises(ScheduleError) as caught:
        Schedule.from_text("layout packed\n" + text, "a.sched")
    assert caught.value.place == f"a.sched:{place}"
    assert reason in caught.value.message
    assert fix in (caught.value.fix or "")


def test_kernels_do_not_nest_in_data_either() -> None:
    nested = KernelWhen(8, (KernelWhen(4, SMALL.directives), *SMALL.directives))
    with pytest.raises(ScheduleError, match="inside a kernel"):
        Schedule((Layout("packed"), nested, Walk("scalar"))).check()


def test_json_of_a_block_is_strict() -> None:
    plain = json.loads(Schedule.from_text(TEXT).to_json())
    plain["directives"][2]["directives"][0]["with"] = "scaler"
    with pytest.raises(ScheduleError) as caught:
        Schedule.from_json(json.dumps(plain), "a.json")
    assert caught.value.place == "a.json: directive 3.1"
    del plain["directives"][2]["directives"]
    with pytest.raises(ScheduleError, match="must be a list"):
        Schedule.from_json(json.dumps(plain))
