"""Directives for GPUs: what they say, and what is refused, where."""

from __future__ import annotations

import pytest

from treec.errors import ScheduleError
from treec.schedule.directives import BindLoop, CacheRows, TargetCpu, TargetGpu
from treec.schedule.schedule import Schedule

HEAD = "target gpu arch=sm_80 input=f32\nlayout packed\nsplit row into=(block, thread) by=64\n"
BIND = "bind block grid.x\nbind thread block.x\n"
LANES = "split tree into=(round, lane) by=8\n"
PARTS = "split tree into=(part, tree) by=8\n"
WALK = "walk with=scalar\n"


def test_directives_for_gpus_are_plain_data() -> None:
    schedule = Schedule.from_text(HEAD + BIND + "cache rows at=block in=shared\n" + WALK)
    assert schedule.gpu == TargetGpu("sm_80", input="f32")
    assert schedule.directives[3:6] == (
        BindLoop("block", "grid.x"),
        BindLoop("thread", "block.x"),
        CacheRows("block", memory="shared"),
    )
    assert Schedule.from_json(schedule.to_json()) == schedule
    assert Schedule.from_text(schedule.to_text()) == schedule


def test_a_schedule_is_for_a_cpu_unless_it_says_otherwise() -> None:
    schedule = Schedule.from_text("layout packed\n" + WALK)
    assert schedule.gpu is None
    assert schedule.target == TargetCpu()


def test_the_memory_of_a_copy_is_not_written_out_where_it_is_a_cpus() -> None:
    """So the digests of older schedules stay."""
    assert CacheRows("row").canonical() == "cache rows at=row layout=row"


@pytest.mark.parametrize(
    ("text", "reason", "fix"),
    [
        ("target cpu\n" + HEAD + BIND + WALK, "the target is a CPU already (line 1)", "keep one of the two"),
        (
            HEAD + BIND + WALK + "parallel block\n",
            "`parallel` is for a cpu, and the target is a gpu (line 1)",
            "leave it out",
        ),
        (HEAD + BIND + "parallel block\n", "`parallel` is for a cpu", "leave it out"),
        ("layout packed\nbind row grid.x\n", "`bind` is for a gpu, and the target is a cpu (the default)", "leave it out"),
        (HEAD + BIND + "cache rows at=block\n", "rows are copied to workspace, and the target is a gpu", "write in=shared"),
        ("cache rows at=row in=shared\n", "rows are copied to shared, and the target is a cpu", "write in=workspace"),
        (HEAD + BIND + "walk with=lanes\n", "`walk with=lanes` is vector code", "write with=scalar"),
        ("target gpu\nlayout sparse\n", "kernels for GPUs do not walk nodes that lie as sparse", "write `layout packed`"),
        (HEAD + "bind tree block.y\n", "not over the single trees of each step", "split tree into=(round, lane)"),
        (
            HEAD + LANES + BIND + "bind lane block.y\n" + WALK,
            "nothing says how their leaf values meet",
            "reduce lane in=shared",
        ),
        (HEAD + "cache nodes at=block in=shared\n", "the loops that blocks share are none", "bind one loop"),
        (HEAD + BIND + "cache nodes at=thread in=shared\n", "the loops that blocks share are `block`", "copy at that"),
        (
            HEAD.replace("layout packed", "layout reorg") + BIND + "cache nodes at=block in=shared\n",
            "only packed nodes are copied",
            "put `layout packed` above",
        ),
        ("layout packed\ncache nodes at=row in=shared\n", "`cache nodes` is for a gpu", "leave it out"),
        (HEAD + LANES + "reduce lane in=shared\n", "no threads share the trees of loop `lane`", "bind lane block.x"),
        (HEAD + LANES + "bind lane block.y\nreduce lane in=staged\n", "no blocks share the groups", "or write in=shared"),
        (HEAD + LANES + "bind lane block.y\nreduce lane in=atomic\n", "and sums are exact", "`float reassociate`"),
        (HEAD + LANES + "bind lane block.y\nreduce lane in=shuffle\n", "those of block.y are no neighbours", "to block.x"),
        (
            HEAD + LANES.replace("8", "64") + "bind lane block.x\nreduce lane in=shuffle\n",
            "64 threads share the trees of a row; a warp has 32",
            "a power of two up to 32",
        ),
        (
            HEAD + LANES.replace("8", "12") + "bind lane block.x\nreduce lane in=shuffle\n",
            "12 threads share the trees of a row",
            "or write in=shared",
        ),
        ("float reassociate\nreduce tree in=shared\n", "is for a gpu", "write in=staged"),
        (
            HEAD + "split tree into=(a, b) by=8\nsplit b into=(c, d) by=2\n" + BIND + "bind d block.y\n",
            "not over the single trees of each step",
            "bind `lane`",
        ),
        (
            "target gpu\nsplit row into=(block, row) by=8\n" + LANES + "order block, round, row, lane\nbind block grid.x\n"
            "bind lane block.x\nreduce lane in=shared\nlayout packed\n" + WALK,
            "loop `lane` is not right inside of `round`",
            "put `lane` behind `round`",
        ),
        (HEAD + WALK, "no loop is shared among blocks of the GPU", "write e.g."),
        (HEAD + "bind block grid.x\n" + WALK, "no loop is shared among threads of the GPU", "write e.g."),
        (HEAD + "bind tree grid.x\n", "loop `tree` runs over trees", "choose a loop over rows: block or thread"),
        (HEAD + PARTS + BIND + "bind part grid.y\n" + WALK, "is inside of `block`", "put `part` first by `order`"),
        (
            HEAD + PARTS + "order part, block, thread, tree\n" + BIND + "bind part grid.y\n" + WALK,
            "nothing says how their leaf values meet",
            "add `reduce part in=staged`",
        ),
        (
            HEAD + PARTS + "split part into=(a, b) by=2\n" + BIND + "bind b grid.y\n",
            "loop `b` is inside of one step of `a`, and blocks share all groups",
            "bind `a`",
        ),
        (HEAD + PARTS + BIND + "reduce part in=staged\n", "no blocks share the groups of trees of loop `part`", "grid.y"),
        (HEAD + PARTS + BIND + "reduce part in=vector\n", "is for a cpu", "write in=shared"),
        (HEAD + "bind block block.x\n", "loop `block` runs over as many rows as a call has", "split it"),
        (HEAD + BIND + "bind thread block.y\n", "loop `thread` is bound already (line 5)", "keep one of the two"),
        (HEAD + "bind block grid.x\nbind thread grid.x\n", "`grid.x` is bound already (line 4)", "keep one of the two"),
        (
            HEAD + BIND + "order tree, block, thread\n" + WALK,
            "loop `block` is inside of `tree`",
            "put `block` before `tree`",
        ),
        (HEAD + BIND + "split thread into=(a, b) by=2\n", "loop `thread` is bound to block.x (line 5)", "bind"),
        (
            HEAD + "split thread into=(a, b) by=2\nbind a grid.x\nbind b block.x\n" + WALK,
            "inside of `block`, which they do not",
            "put `a`",
        ),
    ],
)
def test_refused_with_a_reason_and_a_fix(text: str, reason: str, fix: str) -> None:
    with pytest.raises(ScheduleError) as caught:
        Schedule.from_text(text)
    assert reason in caught.value.message
    assert caught.value.fix is not None
    assert fix in caught.value.fix
    assert caught.value.place is not None


def test_only_atomic_sums_do_not_repeat() -> None:
    nest = (
        "order block, thread, round, lane\nbind block grid.x\nbind thread block.y\nbind lane block.x\nreduce lane in={}\n"
    )
    text = HEAD.replace("layout", "float reassociate\nlayout") + LANES + nest + WALK
    assert Schedule.from_text(text.format("shuffle")).repeats
    assert not Schedule.from_text(text.format("atomic")).repeats
    inside = "target gpu\nfloat reassociate\nlayout packed\nsplit row into=(block, thread) by=64\n" + LANES
    small = f"kernel when rows <= 8 {{{{\n{nest}{WALK}}}}}\n{nest}{WALK}"
    assert not Schedule.from_text(inside + small.format("atomic", "atomic")).repeats
    with pytest.raises(ScheduleError, match="8 partial sums in any order"):
        Schedule.from_text(inside + small.format("atomic", "shuffle"))


def test_kernels_have_the_same_groups_where_sums_are_of_groups() -> None:
    nest = "order part, block, thread, tree\nbind part grid.y\n" + BIND + "reduce part in=staged\n" + WALK
    head = "target gpu\n{}layout packed\nsplit row into=(block, thread) by=64\n"
    small = "kernel when rows <= 8 {\nsplit tree into=(part, tree) by=9\n" + nest + "}\n" + PARTS + nest
    assert Schedule.from_text(head.format("") + small).repeats  # exact sums are of no groups
    with pytest.raises(ScheduleError, match="groups of 9 trees"):
        Schedule.from_text(head.format("float reassociate\n") + small)
