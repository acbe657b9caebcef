"""`predicates` and `walk with=bitslice`: what they need of each other and of the nest."""

from __future__ import annotations

import pytest

from treec.errors import ScheduleError
from treec.schedule.schedule import Schedule

SPLIT = "split row into=(block, row) by=64\n"
ORDER = "order block, tree, row\n"
RANKED = SPLIT + "rank features at=block to=u8\n"
BITS = RANKED + "predicates at=block\n"
WALK = "walk with=bitslice\n"
SLICE = "walk with=bitslice slice=4\n"


@pytest.mark.parametrize("nest", [ORDER, "split tree into=(some, tree) by=4\norder block, some, tree, row\n"])
def test_a_block_then_trees_then_rows_is_a_nest_for_it(nest: str) -> None:
    assert Schedule.from_text(BITS + nest + WALK + "parallel block\n").check()
    assert Schedule.from_text(BITS + "layout pairs\n" + nest + SLICE[:-1] + " interleave=row:8 peel=2\n").check()


def test_a_slice_on_a_gpu_is_refused() -> None:
    gpu = "target gpu arch=sm_90\n" + BITS + "layout pairs\n" + ORDER + "bind block grid.x\nbind row block.x\n" + SLICE
    with pytest.raises(ScheduleError, match="a bitslice is of whole trees"):
        Schedule.from_text(gpu).check()


@pytest.mark.parametrize(
    ("text", "line", "reason", "fix"),
    [
        (SPLIT + "predicates at=block\n" + ORDER + WALK, 2, "asked about ranks", "rank features at=block"),
        (SPLIT + "rank features at=row to=u8\npredicates at=block\n" + WALK, 3, "asked about ranks", "at=block"),
        (RANKED + ORDER + WALK, 4, "none are there", "predicates at="),
        (BITS + WALK, 3, "the nest is block, row, tree", "order block, tree, row"),
        (BITS + "order block, row, tree\n" + WALK, 3, "not right outside of the trees", "order block, tree, row"),
        (BITS + ORDER + "layout packed\n" + WALK, 6, "lays trees out itself", "one of the two"),
        (RANKED + "layout packed\npredicates at=block\n" + ORDER + WALK, 4, "ask their predicates", "leave the layout"),
        (BITS + ORDER + "layout packed\nwalk with=scalar\n", 6, "asks predicates itself", "with=bitslice"),
        (BITS + ORDER + "walk with=bitslice interleave=row:4\n", 5, "has no `interleave`", "leave `interleave` out"),
        (BITS + ORDER + "walk with=bitslice peel=1\n", 5, "has no `peel`", "leave"),
        (BITS + ORDER + SLICE, 5, "go on through pairs, and none are there", "layout pairs"),
        (BITS + "layout packed\n" + ORDER + SLICE, 6, "nodes lie as packed", "layout pairs"),
        (BITS + "layout pairs\n" + ORDER + WALK, 6, "lays trees out itself", "one of the two"),
        (RANKED + "layout pairs\npredicates at=block\n" + ORDER + SLICE, 4, "ask their predicates", "leave the layout"),
        (BITS + "layout pairs\n" + ORDER + SLICE[:-1] + " interleave=tree:4\n", 6, "through one tree", "interleave=row:8"),
        (BITS + "layout pairs\n" + ORDER + "walk with=bitslice slice=9\n", 6, "`slice` must be one of 0, 1", ""),
        ("layout packed\nwalk with=scalar slice=2\n", 2, "has no `slice`", "leave"),
        (BITS + ORDER + "vectorize row\n" + WALK, 6, "takes its rows in vectors", "with=lanes"),
        ("layout packed\nwalk with=scalar leaf=path\n", 2, "has no `leaf`", "leave"),
        ("layout packed\nwalk with=scalar word=64\n", 2, "has no `word`", "leave"),
        ("layout packed\nwalk with=scalar multiplex=all\n", 2, "has no `multiplex`", "leave"),
        ("layout packed\nwalk with=scalar trees=2\n", 2, "has no `trees`", "leave"),
        ("layout packed\nwalk with=scalar lookup=bytes\n", 2, "has no `lookup`", "leave"),
        (BITS + "predicates at=block\n" + ORDER + WALK, 4, "already given", "one of the two"),
        (BITS + "split block into=(a, b) by=2\n", 4, "are ranked in each step of loop `block`", "split it first"),
    ],
)
def test_what_does_not_fit_is_refused_at_its_line(text: str, line: int, reason: str, fix: str) -> None:
    with pytest.raises(ScheduleError) as caught:
        Schedule.from_text(text).check()
    error = caught.value
    assert str(error.place).split(":")[-2] == str(line)
    assert reason in error.message
    assert fix in str(error.fix)
