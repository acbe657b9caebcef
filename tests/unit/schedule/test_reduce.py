"""The directive `reduce`: what it is, what it needs, and that all kernels add alike."""

from __future__ import annotations

import pytest

from treec.errors import ScheduleError
from treec.schedule.directives import ReduceLoop
from treec.schedule.schedule import Schedule

HEAD = "float reassociate\nlayout packed\n"
SPLIT = "split tree into=(group, tree) by=8\n"
WALK = "walk with=scalar\n"
REDUCE = "reduce group in=vector\n"
SMALL = "kernel when rows <= 8 {{\n{}walk with=scalar\n}}\n"


def test_it_is_plain_data() -> None:
    schedule = Schedule.from_text(HEAD + SPLIT + "order group, row, tree\n" + REDUCE + WALK + "parallel group\n")
    assert schedule.scope().find(ReduceLoop) == ReduceLoop("group", "vector")
    assert Schedule.from_json(schedule.to_json()) == schedule
    built = Schedule.build().float("reassociate").layout("packed").split("tree", into=("group", "tree"), by=8)
    built = built.order("group", "row", "tree").reduce("group", in_="vector").walk(with_="scalar").parallel("group")
    assert built.done() == schedule


@pytest.mark.parametrize(
    ("text", "place", "reason", "fix"),
    [
        ("layout packed\n" + SPLIT + REDUCE + WALK, "3:1", "sums are exact", "float reassociate"),
        ("float exact\n" + SPLIT + REDUCE + WALK, "3:1", "sums are exact", "float reassociate"),
        (HEAD + "reduce tree in=vector\n" + WALK, "3:8", "is one tree", "split tree into=(group, tree)"),
        (HEAD + "reduce row in=vector\n" + WALK, "3:8", "does not run over all trees", "name `tree`"),
        (HEAD + SPLIT + "reduce tree in=vector\n" + WALK, "4:8", "does not run over all trees", "name `group`"),
        (HEAD + SPLIT + "reduce group in=atomic\n" + WALK, "4:17", "atomic additions have no order", "in=staged"),
        (HEAD + SPLIT + REDUCE + REDUCE + WALK, "5:1", "already given", "keep one"),
        (HEAD + SPLIT + REDUCE + "split group into=(a, b) by=2\n" + WALK, "5:7", "is reduced", "reduce one of the new"),
        (HEAD + SPLIT + "order group, row, tree\n" + WALK + "parallel group\n", "6:10", "tree order", "reduce group in="),
        (HEAD + SPLIT + REDUCE + WALK + "parallel group\n", "6:10", "is not the outermost", "put `group` first"),
        ("target gpu\n" + HEAD + SPLIT + REDUCE, "5:17", "is for a cpu", "write in=shared"),
    ],
)
def test_what_does_not_apply_is_refused_at_its_place(text: str, place: str, reason: str, fix: str) -> None:
    with pytest.raises(ScheduleError) as caught:
        Schedule.from_text(text)
    assert reason in caught.value.message
    assert fix in (caught.value.fix or "")
    assert (caught.value.place or "").endswith(place)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (HEAD + SMALL.format(SPLIT + REDUCE) + WALK, ("groups of 8 trees", "no groups")),
        (HEAD + SMALL.format("") + SPLIT + REDUCE + WALK, ("no groups", "groups of 8 trees")),
        (HEAD + SPLIT + SMALL.format(REDUCE) + "reduce group in=staged\n" + WALK, ("up vector", "up staged")),
        (
            HEAD + SMALL.format(SPLIT + REDUCE) + "split tree into=(group, tree) by=9\n" + REDUCE + WALK,
            ("groups of 8 trees", "groups of 9 trees"),
        ),
        (HEAD + SPLIT + SMALL.format("fission group\n" + REDUCE) + REDUCE + WALK, ("in parts of equal depth", "8 trees,")),
    ],
)
def test_kernels_that_add_otherwise_are_refused(text: str, says: tuple[str, str]) -> None:
    with pytest.raises(ScheduleError, match="would depend on the number of rows") as caught:
        Schedule.from_text(text)
    assert all(part in caught.value.message for part in says)
    assert caught.value.place


def test_kernels_may_reach_the_same_groups_in_other_ways() -> None:
    other = "split tree into=(few, tree) by=4\nsplit few into=(group, few) by=2\nspecialize group\n"
    Schedule.from_text(HEAD + SMALL.format(other + REDUCE) + SPLIT + REDUCE + WALK)
