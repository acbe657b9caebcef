"""The IR before and after in docs/schedule.md is what the passes do today."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.excerpts import EXAMPLES, excerpt, rewrite
from treec.schedule.directives import DIRECTIVES
from treec.schedule.reference import excerpt_marks
from treec.schedule.reference import rewrite as rewrite_reference

PAGE = Path(__file__).resolve().parents[2] / "docs" / "schedule.md"


def test_every_directive_has_an_example() -> None:
    assert set(EXAMPLES) == set(DIRECTIVES)


@pytest.mark.parametrize("keyword", EXAMPLES)
def test_an_excerpt_is_up_to_date(keyword: str) -> None:
    """Renew it by ``python -m tests.docs.excerpts docs/schedule.md``."""
    begin, end = excerpt_marks(keyword)
    assert PAGE.read_text(encoding="utf-8").partition(begin)[2].partition(end)[0].strip() == excerpt(keyword)


def test_an_excerpt_shows_what_changed() -> None:
    assert excerpt("unroll").splitlines()[1:] == [
        "// before",
        "plan.kernel @main of @model rows 9223372036854775807 {",
        '  plan.for serial "row" row step 1 {',
        '    plan.for serial "tree" tree step 1 {',
        "      plan.walk {trees = @trees}",
        "// after unroll tree by=4",
        "plan.kernel @main of @model rows 9223372036854775807 {",
        '  plan.for serial "row" row step 1 {',
        '    plan.for serial "tree" tree step 1 unroll 4 {',
        "      plan.walk {trees = @trees}",
        "```",
    ]
    assert "inverted = [" in excerpt("swap children")


def test_the_reference_keeps_the_excerpts() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert rewrite_reference(page) == page
    begin, end = excerpt_marks("order")
    cut = page.partition(begin)[0] + begin + end + page.partition(end)[2]
    assert rewrite(cut) == page
