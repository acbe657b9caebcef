"""The schedules that `bench.walks` times are whole, and use every word of the language that a walk can."""

from __future__ import annotations

from bench.walks import ALONE, OTHERS, SCHEDULES, TOGETHER
from treec.schedule.library import preset
from treec.schedule.schedule import Schedule


def parsed(name: str) -> Schedule:
    lines = SCHEDULES[name]
    return preset(lines) if isinstance(lines, str) else Schedule.from_text("\n".join(lines))


def test_every_schedule_is_whole() -> None:
    assert all(len(parsed(name)) > 1 for name in SCHEDULES if SCHEDULES[name])
    assert len({str(parsed(name)) for name in ALONE}) == len(ALONE)
    assert not set(ALONE) & set(TOGETHER)
    assert OTHERS["default"] == []


def test_each_transformation_is_timed_by_itself() -> None:
    used = {d.keyword for name in ALONE for d in parsed(name)}
    assert used >= {
        "split",
        "order",
        "fission",
        "specialize",
        "unroll",
        "vectorize",
        "layout",
        "cache rows",
        "rank features",
    }
    assert used >= {
        "pad trees",
        "swap children",
        "reorder trees",
        "tile nodes",
        "share predicates",
        "share leaves",
        "prefetch rows",
        "reduce",
    }
