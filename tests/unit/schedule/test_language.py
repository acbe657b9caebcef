"""The language as a whole: what a new directive costs, what the reference says, what the presets are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from treec.errors import ScheduleError, UsageError
from treec.schedule.arguments import Choice, LoopNames, Number, argument
from treec.schedule.base import Directive, Stage, directive
from treec.schedule.directives import DIRECTIVES
from treec.schedule.library import preset, preset_names, preset_text
from treec.schedule.reference import BEGIN, END, rewrite
from treec.schedule.schedule import Schedule


@pytest.fixture
def cut_nodes() -> Iterator[type[Directive]]:
    @directive
    class CutNodes(Directive):
        """Tiles the nodes of a tree."""

        keyword: ClassVar[str] = "cut nodes"
        pass_name: ClassVar[str] = "tile-nodes"
        stage: ClassVar[Stage] = Stage.FOREST

        trees: tuple[str, ...] = argument(LoopNames(), "which", positional=True)
        size: int = argument(Number(), "nodes in a tile")
        of: str = argument(Choice(("row:8", "grid.x")), "a word with marks in it", default="row:8", spelled="in")

    yield CutNodes
    del DIRECTIVES["cut nodes"]


def test_a_new_directive_is_one_class(cut_nodes: type[Directive]) -> None:
    text = "cut nodes a, b size=8 in=grid.x\nlayout packed predicates=inline align=4\nwalk with=scalar\n"
    schedule = Schedule.from_text(text)
    assert schedule.directives[0] == cut_nodes(trees=("a", "b"), size=8, of="grid.x")  # type: ignore[call-arg]
    assert schedule.to_text() == text
    assert Schedule.from_json(schedule.to_json()) == schedule
    built = Schedule.build().cut_nodes("a", "b", size=8, in_="grid.x").layout("packed").walk(with_="scalar").done()
    assert built == schedule
    assert "### `cut nodes`" in rewrite(f"{BEGIN}\n{END}")
    with pytest.raises(ScheduleError, match="unknown directive `cut node`") as caught:
        Schedule.from_text("cut node size=8")
    assert caught.value.fix is not None
    assert "did you mean `cut nodes`?" in caught.value.fix


def test_a_keyword_is_defined_once() -> None:
    with pytest.raises(TypeError, match="`walk` is defined twice"):

        @directive
        class Walk(Directive):  # pyright: ignore[reportUnusedClass]
            keyword: ClassVar[str] = "walk"


def test_keywords_of_two_words_hide_none_of_one_word() -> None:
    assert not {k.split()[0] for k in DIRECTIVES if " " in k} & set(DIRECTIVES)


def test_every_directive_says_what_it_needs_and_when_it_pays() -> None:
    for keyword, cls in DIRECTIVES.items():
        paragraphs = (cls.__doc__ or "").split("\n\n")
        assert [p.strip().split()[0] for p in paragraphs][-2:] == ["Needs:", "Pays:"], keyword


def test_the_reference_page_has_every_directive_and_argument(repository: Path) -> None:
    page = (repository / "docs" / "schedule.md").read_text(encoding="utf-8")
    assert page == rewrite(page), "run python -m treec.schedule.reference docs/schedule.md"
    for keyword, cls in DIRECTIVES.items():
        section = page.split(f"### `{keyword}`\n")[1].split("\n##")[0]
        assert cls.usage() in section
        assert f"`{cls.pass_name}`" in section
        for a in cls.arguments():
            assert f"| `{a.spelled}`" in section
            assert a.kind.allowed() in section


def test_the_plan_on_the_reference_page_is_right(repository: Path) -> None:
    page = (repository / "docs" / "schedule.md").read_text(encoding="utf-8")
    assert Schedule.from_text(page.split("```\n")[1]) == preset("tiled")
    assert all(f"`{name}`" in page for name in preset_names())


def test_a_page_without_marks_is_refused() -> None:
    with pytest.raises(UsageError, match="lacks the line `<!-- directives: begin"):
        rewrite("# page")
    with pytest.raises(UsageError, match="lacks the line `<!-- directives: end"):
        rewrite(BEGIN)


def test_presets_are_whole_plans_with_comments() -> None:
    assert {name: str(preset(name).scope()) for name in preset_names()} == {
        "bitslice": "block, tree, row",
        "gpu-bitslice": "block, group, tree, row",
        "gpu-direct": "block, thread, tree",
        "gpu-fil": "block, round, lane, row",
        "gpu-hummingbird-gemm": "block, thread, tree, row",
        "gpu-hummingbird-perfect-tree-traversal": "block, thread, tree",
        "gpu-hummingbird-tree-traversal": "block, thread, tree",
        "gpu-interleaved": "block, thread, tree",
        "gpu-nvforest": "block, thread, round, lane",
        "gpu-shared-rows": "block, thread, tree",
        "gpu-silvanforge-large": "block, thread, round, lane",
        "gpu-silvanforge-small": "block, thread, round, lane",
        "gpu-tahoe-shared-data": "row, round, lane",
        "gpu-tahoe-shared-forest": "block, part, thread, tree",
        "gpu-tahoe-split-forest": "part, block, pass, thread, tree",
        "interleaved": "block, row, tree",
        "lanes": "block, tree, row",
        "lleaves": "row, tree",
        "one-row-at-a-time": "row, tree",
        "one-tree-at-a-time": "tree, row",
        "ranked": "block, tree, row",
        "small-batches": "block, tree, row",
        "tiled": "block, tree, row",
        "tree-parallel": "group, row, tree",
        "treebeard": "block, tree, row",
        "treebeard-depth-groups": "block, tree, row",
        "xgboost-blocked": "block, tree, row",
    }
    assert all(preset_text(name).startswith("# ") for name in preset_names())


def test_the_example_and_the_preset_of_one_name_are_equal(repository: Path) -> None:
    assert Schedule.from_file(repository / "examples" / "tiled.sched") == preset("tiled")


def test_an_unknown_preset_is_named_with_its_nearest() -> None:
    with pytest.raises(ScheduleError, match="there is no preset `tilde`") as caught:
        preset("tilde")
    assert caught.value.fix == f"did you mean `tiled`? the presets are {', '.join(preset_names())}"
    with pytest.raises(ScheduleError, match="there is no preset"):
        preset("../presets/tiled")
