"""Schedules written in Python."""

from __future__ import annotations

import copy

import pytest

from treec.errors import ScheduleError
from treec.schedule.builder import ScheduleBuilder
from treec.schedule.directives import DIRECTIVES, ParallelLoop
from treec.schedule.schedule import Schedule

TEXT = """\
target cpu level=x86-64-v3
share predicates
share leaves
layout packed align=8
split row into=(block, row) by=64
order block, tree, row
walk with=scalar
parallel block
"""


def test_the_builder_has_the_names_of_the_text() -> None:
    schedule = (
        Schedule.build()
        .target("cpu", level="x86-64-v3")
        .share("predicates")
        .share_leaves()
        .layout("packed", align=8)
        .split("row", into=("block", "row"), by=64)
        .order("block", "tree", "row")
        .walk(with_="scalar")
        .parallel("block")
        .done()
    )
    assert schedule == Schedule.from_text(TEXT)


def test_every_directive_is_a_method_with_its_docstring() -> None:
    builder = Schedule.build()
    for keyword, cls in DIRECTIVES.items():
        name = keyword.replace(" ", "_")
        assert name in dir(builder)
        assert getattr(builder, name).__doc__ == cls.__doc__


def test_a_builder_never_changes() -> None:
    common = Schedule.build().layout("packed")
    one, two = common.order("tree", "row"), common.order("row", "tree")
    assert len(common.walk(with_="scalar").done()) == 2
    assert one.walk(with_="scalar").done() != two.walk(with_="scalar").done()
    assert isinstance(copy.deepcopy(one), ScheduleBuilder)


def test_mistakes_are_errors_at_once() -> None:
    build = Schedule.build()
    mistakes = [
        (lambda: build.splt("row"), "unknown directive `splt`", "did you mean `split`?"),
        (lambda: build.share("leafs"), "unknown directive `share_leafs`", "did you mean `share_leaves`?"),
        (lambda: build.target(), "unknown directive `target`", "did you mean"),
        (lambda: build.walk(), "`walk` needs `with`", "write `walk with=scalar"),
        (lambda: build.walk(strategy="scalar"), "`walk` has no argument `strategy`", "write `walk with=scalar"),
        (lambda: build.walk(with_="scaler"), "`with` must be one of scalar", "did you mean `scalar`?"),
        (
            lambda: build.parallel("a", "b"),
            "too many unnamed arguments: 2 instead of 1 (in `parallel`)",
            "write `parallel LOOP`",
        ),
        (lambda: build.parallel("a", loop="b"), "`loop` is given twice", "keep one"),
        (lambda: build.order(), "`order` needs `loops`", "write `order LOOP"),
        (lambda: build.order(3), "`loops` must be a loop name, not `3`", "letters"),
        (lambda: build.parallel("row").done(), "the schedule has no `walk`", "add `walk with=scalar"),
        (lambda: build.parallel("tree").done(), "loop `tree` runs over trees", "choose a loop over rows: row"),
    ]
    for act, reason, fix in mistakes:
        with pytest.raises(ScheduleError) as caught:
            act()
        assert reason in caught.value.message
        assert fix in (caught.value.fix or "")


def test_an_error_of_a_later_directive_mentions_the_text_of_the_earlier_one() -> None:
    build = Schedule.build().parallel("row").split("row", into=("a", "b"), by=2)
    with pytest.raises(ScheduleError, match=r"is parallel \(`parallel row`\) \(in `split row into=\(a, b\) by=2`\)"):
        build.done()


def test_a_builder_answers_hasattr_as_other_objects_do() -> None:
    build = Schedule.build()
    assert hasattr(build, "split")
    assert not hasattr(build, "splt")
    assert not hasattr(build, "_repr_html_")


def test_directives_can_be_written_without_the_builder() -> None:
    with pytest.raises(ScheduleError, match="the schedule has no `walk`"):
        Schedule((ParallelLoop("row"),)).check()
