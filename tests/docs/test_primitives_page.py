"""docs/treebeard-primitives.md names tests, presets and words of the language that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from treec.schedule.directives import DIRECTIVES
from treec.schedule.library import preset_names

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "treebeard-primitives.md").read_text(encoding="utf-8")
TESTS = sorted(set(re.findall(r"`(tests/[\w/.-]+(?:::\w+)?)`", PAGE)))
PRIMITIVES = (
    *("Tile(", "Split(", "Reorder(", "SpecializeIterations(", "Pipeline(", "Unroll(", "SetTreeWalkUnrollFactor("),
    *("PeelWalk(", "Parallel(", "Cache(", "Simdize(", "VectorReduce(", "AtomicReduce(", "gpuDimension("),
)
"""Of the schedule language there."""


@pytest.mark.parametrize("test", TESTS)
def test_a_test_that_is_named_exists(test: str) -> None:
    file, _, name = test.partition("::")
    text = (ROOT / file).read_text(encoding="utf-8")
    assert not name or f"def {name}(" in text
    assert name or file.endswith(".mlir")


def test_every_primitive_has_a_row_and_every_row_a_test() -> None:
    for primitive in PRIMITIVES:
        assert f"`{primitive}" in PAGE
    for part in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]:
        if "| proved by |" in part:
            rows = [line for line in part.splitlines() if line.startswith("| ")][1:]
            assert rows
            assert all("`tests/" in row for row in rows), part.partition("\n")[0]


def test_presets_are_those_that_exist() -> None:
    canned = PAGE.partition("## Canned schedules")[2].partition("\n## ")[0]
    named = set(re.findall(r"\| `([a-z-]+)` \|$", canned, flags=re.MULTILINE))
    assert len(named) == 8
    assert named <= set(preset_names())


def test_directives_are_those_that_exist() -> None:
    rows = [line.split(" | ")[1] for line in PAGE.splitlines() if line.startswith("| ") and line.count(" | ") >= 2]
    said = [span for row in rows for span in re.findall(r"`([a-z]+(?: [a-z]+)?)[^`]*`", row)]
    keywords = {word for keyword in DIRECTIVES for word in (keyword, keyword.split(" ")[0])}
    assert sum(span in keywords or span.split(" ")[0] in keywords for span in said) >= 25
