"""Random valid schedules go through text, JSON and Python unchanged; random text is a schedule or a clean error."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from treec.errors import ScheduleError
from treec.schedule.base import Directive, Stage
from treec.schedule.builder import ScheduleBuilder
from treec.schedule.directives import (
    CPU_LEVELS,
    DIRECTIVES,
    CacheRows,
    FloatPolicy,
    Layout,
    OrderLoops,
    ParallelLoop,
    ReorderTrees,
    ShareLeaves,
    SharePredicates,
    SplitLoop,
    TargetCpu,
    UnrollLoop,
    VectorizeLoop,
    Walk,
)
from treec.schedule.kernel import KernelWhen
from treec.schedule.parse import parse_directives
from treec.schedule.schedule import Schedule

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    """A valid schedule, with up to two kernel blocks."""
    plain = draw(plans())
    above = [d for d in plain if d.stage is not Stage.PLAN]
    below = [d for d in plain if d.stage is Stage.PLAN]
    kernels: list[KernelWhen] = []
    for rows in sorted(draw(st.sets(st.integers(1, 2**31 - 1), max_size=2))):
        kernels.append(KernelWhen(rows, tuple(d for d in draw(plans()) if d.stage is Stage.PLAN)))
    if any(isinstance(d, ReorderTrees) for d in above):
        kernels = [replace(kernel, directives=rows_first(kernel.directives)) for kernel in kernels]
    return Schedule((*above, *kernels, *below)).check()


def rows_first(plan: tuple[Directive, ...]) -> tuple[Directive, ...]:
    """The plan, or a plain one where its outermost loop runs over trees."""
    outermost = next(iter(Schedule(plan).scope().loops.values()))
    return plan if outermost == "row" else (Layout("packed"), Walk("scalar"))


@st.composite
def plans(draw: st.DrawFn) -> Schedule:
    """A valid schedule without kernel blocks and with up to four splits, each part there or not."""
    found: list[Directive] = []
    if draw(st.booleans()):
        found.append(TargetCpu(level=draw(st.sampled_from(CPU_LEVELS)), input=draw(st.sampled_from(("f32", "f64", "any")))))
    if draw(st.booleans()):
        found.append(FloatPolicy(draw(st.sampled_from(("exact", "reassociate")))))
    found.extend(draw(st.permutations([SharePredicates(), ShareLeaves()]))[: draw(st.integers(0, 2))])
    reorder = ReorderTrees(draw(st.sampled_from(("depth", "size", "similarity"))))
    found.append(
        Layout("packed", predicates=draw(st.sampled_from(("inline", "table"))), align=draw(st.sampled_from((1, 4, 8))))
    )
    nest = ["row", "tree"]
    for _ in range(draw(st.integers(0, 4))):
        if draw(st.booleans()):
            found.append(draw_split(draw, nest))
        else:
            nest = draw(orders(found, nest))
            found.append(OrderLoops(tuple(nest)))
    neighbours = st.sampled_from(("none", "row:1", "row:8", "tree:64"))
    together, peel, unroll = draw(neighbours), draw(st.integers(0, 9)), draw(st.sampled_from(("none", "full")))
    walk = Walk("scalar", together, peel, unroll)
    loops = Schedule((*found, walk)).scope().loops
    if next(iter(loops.values())) == "row" and draw(st.booleans()):
        found.insert(next(at for at, d in enumerate(found) if isinstance(d, Layout)), reorder)
    innermost = next(reversed(loops))
    if loops[innermost] == "row" and draw(st.booleans()):
        found.append(VectorizeLoop(innermost, by=draw(st.sampled_from((0, 2, 64)))))
        walk = Walk("lanes", together, peel, unroll)
    tail: list[Directive] = [walk]
    for loop in draw(st.lists(st.sampled_from(nest), max_size=2, unique=True)):
        tail.append(UnrollLoop(loop, by=draw(st.integers(1, 2**31 - 1))))
    if Schedule((*found, *tail)).scope().loops[nest[0]] == "row" and draw(st.booleans()):
        tail.insert(0, CacheRows(nest[0], layout=draw(st.sampled_from(("row", "column")))))
    if Schedule((*found, *tail)).scope().loops[nest[0]] == "row" and draw(st.booleans()):
        tail.insert(draw(st.integers(0, 1)), ParallelLoop(nest[0]))
    return Schedule((*found, *tail))


def draw_split(draw: st.DrawFn, nest: list[str]) -> SplitLoop:
    """A split of a loop of ``nest``, which is changed."""
    old = draw(st.sampled_from(nest))
    fresh = NAMES.filter(lambda name: name not in {*nest, "row", "tree"})
    into = draw(st.lists(fresh, min_size=2, max_size=2, unique=True))
    if draw(st.booleans()):
        into[draw(st.integers(0, 1))] = old
    at = nest.index(old)
    nest[at : at + 1] = into
    return SplitLoop(old, into=(into[0], into[1]), by=draw(st.integers(1, 2**31 - 1)))


def orders(found: list[Directive], nest: list[str]) -> st.SearchStrategy[list[str]]:
    """Permutations that keep each inner loop of a split inside its outer one."""
    inside = Schedule((*found, Walk("scalar"))).scope().inside

    def legal(order: list[str]) -> bool:
        return all(order.index(outer) < order.index(inner) for inner, outer in inside.items())

    return st.permutations(nest).map(lambda order: list(order) if legal(list(order)) else list(nest))


@given(schedules())
def test_a_schedule_comes_back_from_its_text(schedule: Schedule) -> None:
    again = Schedule.from_text(schedule.to_text())
    assert again == schedule
    assert again.to_text() == schedule.to_text()
    assert again.digest() == schedule.digest()


@given(schedules())
def test_a_schedule_comes_back_from_its_json(schedule: Schedule) -> None:
    again = Schedule.from_json(schedule.to_json())
    assert again == schedule
    assert again.to_json() == schedule.to_json()


@given(schedules())
def test_a_schedule_can_be_built_from_python(schedule: Schedule) -> None:
    assert built(schedule).done() == schedule


def built(directives: Iterable[Directive]) -> ScheduleBuilder:
    builder = Schedule.build()
    for d in directives:
        if isinstance(d, KernelWhen):
            builder = builder.kernel(d.rows, built(d.directives))
            continue
        named: dict[str, Any] = {a.python_name: getattr(d, a.field) for a in d.arguments() if not a.positional}
        unnamed: list[Any] = []
        for a in d.arguments():
            if a.positional:
                value = getattr(d, a.field)
                unnamed += value if isinstance(value, tuple) else [value]
        builder = getattr(builder, d.keyword.replace(" ", "_"))(*unnamed, **named)
    return builder


@given(schedules(), st.data())
def test_spaces_comments_and_line_ends_mean_nothing(schedule: Schedule, data: st.DataObject) -> None:
    space = st.sampled_from(("", " ", "\t", "   "))
    end = st.sampled_from(("\n", "\r\n", " # é, (x=1\n", "\n\n#\r\n"))
    text = ""
    for line in schedule.to_text().splitlines():
        for mark in ("<=", "{") if "kernel" in line else "=(),":
            line = line.replace(mark, data.draw(space) + mark + data.draw(space))
        text += data.draw(space) + line + data.draw(end)
    assert Schedule.from_text(text) == schedule


@given(schedules())
def test_places_point_at_the_words_of_the_text(schedule: Schedule) -> None:
    lines = schedule.to_text().splitlines()
    parsed = parse_directives(schedule.to_text())
    blocks = [d for d in parsed if isinstance(d, KernelWhen)]
    for d in (*parsed, *(inner for block in blocks for inner in block.directives)):
        assert d.place is not None
        written = [a for a in d.arguments() if not (a.quiet and getattr(d, a.field) == a.default)]
        for a in written:
            value: Any = getattr(d, a.field)
            words = cast("tuple[Any, ...]", value) if isinstance(value, tuple) else (value,)
            for item, word in enumerate(words):
                at = d.place.at(a.spelled, item)
                assert lines[at.line - 1][at.column - 1 :].startswith(str(word))


def read(text: str) -> Schedule | ScheduleError:
    try:
        return Schedule.from_text(text, "any.sched")
    except ScheduleError as error:
        return error


WORDS = [
    *DIRECTIVES,
    "row",
    "tree",
    "block",
    "into",
    "by",
    "with",
    "level",
    "=",
    "(",
    ")",
    ",",
    "#",
    "\n",
    "\r",
    "8",
    "-1",
    "é",
]


@given(st.one_of(st.text(), st.lists(st.sampled_from(WORDS)).map(" ".join)))
def test_any_text_is_a_schedule_or_an_error_with_a_place(text: str) -> None:
    outcome = read(text)
    if isinstance(outcome, ScheduleError):
        assert (outcome.place or "").startswith("any.sched")
        assert outcome.fix
    else:
        assert Schedule.from_text(outcome.to_text()) == outcome
