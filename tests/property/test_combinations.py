"""Every word of the language meets every kind of forest, in machine code; see `tests.property.combinations`."""

from __future__ import annotations

import os

import pytest

from tests.property.combinations import Quota, language, levels, run, words_in, words_of
from treec.schedule.directives import DIRECTIVES, TargetCpu
from treec.schedule.schedule import Schedule

CASES, QUOTA = 200, 2


@pytest.mark.skipif(os.uname().machine not in ("x86_64", "aarch64"), reason="treec makes code for x86-64 and aarch64")
def test_every_word_meets_every_kind_of_forest() -> None:
    result = run(CASES, QUOTA)
    assert result.cases == CASES
    assert result.failures == []
    assert result.quota.lacking() == []


def test_the_words_of_a_schedule_are_those_it_uses() -> None:
    kernel = "kernel when rows <= 4 {\nlayout packed align=8\nwalk with=scalar interleave=tree:4\n}\n"
    plan = "rank features at=a to=u8\nlayout pairs\norder a, tree, b\nwalk with=scalar peel=2\nunroll b by=full\n"
    words = words_in(Schedule.from_text("split row into=(a, b) by=2\norder a, b, tree\n" + kernel + plan))
    assert {"split", "order", "kernel", "rank features to=u8", "unroll by=full", "layout align="} <= words
    assert {"layout packed", "layout pairs", "walk with=scalar", "walk interleave=tree", "walk peel="} <= words
    assert words.isdisjoint({"layout array", "walk with=lanes", "walk interleave=row", "parallel"})


def test_a_word_that_no_schedule_draws_is_lacking() -> None:
    quota = Quota(1, ["walk", "teleport"])
    for number in range(5):
        quota.next_case(number, 0)
    assert quota.cases["walk"] == 5
    assert "`teleport` met forests with missing 0 times" in quota.lacking()


def test_the_words_come_from_the_table_of_directives() -> None:
    words = set(language())
    assert words >= set(DIRECTIVES) - {"target gpu", "bind", "cache nodes"}
    assert {"walk with=bitslice", "layout array", "unroll by=full", "walk interleave=row", "walk peel="} <= words
    assert {f"target cpu level={level}" for level in levels()} <= words_of(TargetCpu)
