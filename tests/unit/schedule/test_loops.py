"""Directives about loops that need more than a name: what they change, and what is refused, where."""

from __future__ import annotations

import pytest

from treec.errors import ScheduleError
from treec.schedule.directives import CacheRows, FuseLoops, UnrollLoop, VectorizeLoop, Walk
from treec.schedule.schedule import Schedule

HEAD = "layout packed\nsplit row into=(block, row) by=64\n"
TAIL = "walk with=scalar\n"
ORDER = "order block, tree, row\n"


def scope(middle: str) -> tuple[str, dict[str, str]]:
    found = Schedule.from_text(HEAD + middle + TAIL).scope()
    return str(found), found.inside


def test_directives_of_loops_are_plain_data() -> None:
    text = HEAD + "fuse block, row into=row\nunroll tree by=4\nunroll row by=2\ncache rows at=row layout=column\n" + TAIL
    schedule = Schedule.from_text(text)
    assert schedule.directives[2:6] == (
        FuseLoops(("block", "row"), into="row"),
        UnrollLoop("tree", by=4),
        UnrollLoop("row", by=2),
        CacheRows("row", layout="column"),
    )
    assert Schedule.from_json(schedule.to_json()) == schedule
    assert Schedule.from_text(schedule.to_text()) == schedule


def test_fuse_takes_back_a_split() -> None:
    assert scope("fuse block, row into=row\n") == ("row, tree", {})
    assert scope("fuse block, row into=rows\nsplit rows into=(a, b) by=2\n") == ("a, b, tree", {"b": "a"})


def test_fuse_keeps_what_is_around_and_inside() -> None:
    split = "split row into=(row, inner) by=4\n"
    assert scope(split + "fuse block, row into=wide\n") == ("wide, inner, tree", {"inner": "wide"})
    assert scope(split + "fuse row, inner into=all\n") == ("block, all, tree", {"all": "block"})


@pytest.mark.parametrize(
    ("line", "column", "reason", "fix"),
    [
        ("fuse row, block into=x", 6, "loop `block` is the outer one", "write `block, row`"),
        ("fuse tree, row into=x", 12, "`row` does not run over one step of `tree`", "what a `split` has made"),
        ("fuse block, row, tree into=x", 1, "two loops are fused, not 3", "the outer and the inner one"),
        ("fuse block, row into=tree", 22, "there is already a loop `tree`", "choose another name"),
        ("fuse block, rows into=x", 13, "there is no loop `rows`", "did you mean `row`?"),
        ("unroll rows by=2", 8, "there is no loop `rows`", "did you mean `row`?"),
        ("unroll row by=0", 15, "must be a whole number from 1 to 2147483647, or full", "unroll LOOP by=N|full"),
        ("unroll tree by=full", 16, "runs over as many trees as a call has", "split it"),
        ("vectorize rows", 11, "there is no loop `rows`", "did you mean `row`?"),
        ("vectorize row", 11, "loop `row` is not the innermost; the nest is block, row, tree", "put `row` last by `order`"),
        ("vectorize tree", 11, "loop `tree` runs over trees", "put a loop over rows last by `order`"),
        ("vectorize row by=3", 18, "must be one of 0, 2, 4, 8, 16, 32, 64, not `3`", "vectorize LOOP [by=0|2|4"),
        ("cache rows at=tree", 15, "loop `tree` runs over trees", "choose a loop over rows"),
        ("cache rows at=block layout=rows", 28, "must be one of row, column", "`row`"),
    ],
)
def test_mistakes_have_a_place_a_reason_and_a_fix(line: str, column: int, reason: str, fix: str) -> None:
    with pytest.raises(ScheduleError) as caught:
        Schedule.from_text(HEAD + line + "\n" + TAIL, "a.sched")
    assert caught.value.place == f"a.sched:3:{column}"
    assert reason in caught.value.message
    assert fix in (caught.value.fix or "")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (ORDER + "fuse block, row into=x\n", "loop `tree` stands between `block` and `row`"),
        ("parallel block\nfuse block, row into=x\n", "loop `block` is parallel"),
        (ORDER + "cache rows at=row\n", "loop `row` is inside of `tree`"),
        ("unroll row by=2\nunroll row by=4\n", "loop `row` is already unrolled"),
        ("unroll row by=full\nsplit tree into=(a, b) by=2\n", "`split` changes the loop nest, which is finished at line 3"),
        (ORDER + "vectorize tree\n", "and loop `tree` runs over trees"),
        (ORDER + "vectorize row\nvectorize row\n", "`vectorize` is already given by line 4"),
        (ORDER + "vectorize row\n" + ORDER, "`order` changes the loop nest, which is finished at line 4"),
        (ORDER + "vectorize row\n", "loop `row` takes its rows in vectors (line 4), and this walk does not"),
        (ORDER + "walk with=lanes\n", "lanes are steps of a vector loop, and loop `row` takes its rows one by one"),
        (ORDER + TAIL + "vectorize row\n", "the walk is chosen already (line 4)"),
        ("cache rows at=block\n" + ORDER, "`order` changes the loop nest, which is finished at line 3"),
    ],
)
def test_what_does_not_fit_the_nest_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ScheduleError) as caught:
        Schedule.from_text(HEAD + text + TAIL)
    assert reason in caught.value.message


def test_a_vector_loop_is_plain_data() -> None:
    schedule = Schedule.from_text(HEAD + ORDER + "vectorize row by=4\nwalk with=lanes\n")
    assert schedule.directives[3:] == (VectorizeLoop("row", by=4), Walk("lanes"))
    assert Schedule.from_json(schedule.to_json()) == schedule
    assert VectorizeLoop("row").by == 0
