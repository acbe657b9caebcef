"""The parts of the page: differences, shortened arrays, drawings."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp

from tests.property.forests import Shape, build
from treec.frontends.base import Forest, Missing, Trees
from treec.frontends.base import Test as Question
from treec.passes.pipeline import pipeline_of, run_pipeline
from treec.schedule.schedule import Schedule
from treec.tools.dump.diff import difference
from treec.tools.dump.drawing import MAX_DEPTH, DrawnNode, draw
from treec.tools.dump.shorten import broken, readable, summary
from treec.tools.dump.svg import WIDTH, svg_of
from treec.treeir.forest_convert import forest_module

SHAPE = Shape(
    n_trees=3,
    leaves=24,
    n_inputs=4,
    categorical=1,
    missing=(Missing.NAN, Missing.NONE),
    tests=(Question.LESS,),
)


def planned(forest: Forest, predicates: str) -> ModuleOp:
    """The module after ``layout``, before it is lowered."""
    text = f"layout packed predicates={predicates}\norder row, tree\nwalk with=scalar\n"
    module = forest_module(forest)
    run_pipeline(module, pipeline_of(Schedule.from_text(text))[:-1])
    return module


def same_tree(plain: DrawnNode, packed: DrawnNode) -> bool:
    """Both say the same: predicates (the packed node's last line), leaves, way of missing values."""
    return (
        plain.kind == packed.kind
        and plain.lines[-1] == packed.lines[-1]
        and plain.missing == packed.missing
        and len(plain.children) == len(packed.children)
        and all(same_tree(a, b) for a, b in zip(plain.children, packed.children, strict=True))
    )


@pytest.mark.parametrize("predicates", ["inline", "table"])
@pytest.mark.parametrize("seed", range(4))
def test_packed_records_draw_the_tree_they_were_made_from(predicates: str, seed: int) -> None:
    forest = build(replace(SHAPE, seed=seed))
    for tree in range(3):
        plain = draw(forest_module(forest), forest, tree)
        packed = draw(planned(forest, predicates), forest, tree)
        assert plain is not None
        assert packed is not None
        assert same_tree(plain.root, packed.root)


def test_ranked_records_draw_the_shape_of_the_tree_and_name_the_features() -> None:
    forest = build(SHAPE)
    module = forest_module(forest)
    text = "rank features at=row to=u16\nlayout packed\nwalk with=scalar"
    run_pipeline(module, pipeline_of(Schedule.from_text(text))[:-1])
    plain, ranked = draw(forest_module(forest), forest, 0), draw(module, forest, 0)
    assert plain is not None
    assert ranked is not None

    def shape(node: DrawnNode) -> tuple[object, ...]:
        return (node.kind, *(shape(child) for child in node.children))

    assert shape(plain.root) == shape(ranked.root)
    assert ranked.root.lines[1].startswith(f"rank of {plain.root.lines[-1].split()[0]} ")


def test_memory_order_has_the_depth_of_each_record() -> None:
    from treec.tools.cli.facts import node_depths

    forest = build(SHAPE)
    assert isinstance(forest.trees, Trees)
    drawing = draw(planned(forest, "inline"), forest, 1)
    assert drawing is not None
    first, end = forest.trees.node_offset[1:3]
    assert list(drawing.memory) == node_depths(forest.trees)[first:end].tolist()


def nodes(node: DrawnNode) -> list[DrawnNode]:
    return [node, *(below for child in node.children for below in nodes(child))]


def test_deep_trees_are_cut_with_counts_that_add_up() -> None:
    forest = build(replace(SHAPE, leaves=200, n_trees=1))
    drawing = draw(forest_module(forest), forest, 0)
    assert drawing is not None
    drawn = nodes(drawing.root)
    cut = sum(int(node.lines[0].split()[1].replace(",", "")) for node in drawn if node.kind == "cut")
    assert cut > 0
    assert isinstance(forest.trees, Trees)
    assert sum(node.kind == "node" for node in drawn) + cut == forest.trees.n_nodes


@pytest.mark.parametrize("names", [None, tuple(f"a_feature_with_quite_a_long_name_{i}" for i in range(4))])
@pytest.mark.parametrize("packed", [False, True])
def test_labels_lie_within_the_page_and_do_not_overlap(names: tuple[str, ...] | None, packed: bool) -> None:
    forest = build(replace(SHAPE, leaves=300, n_trees=1))
    forest = replace(forest, inputs=replace(forest.inputs, names=names))
    drawing = draw(planned(forest, "inline") if packed else forest_module(forest), forest, 0)
    assert drawing is not None
    svg = ElementTree.fromstring(svg_of(drawing))
    boxes: list[tuple[float, float, float, float]] = []
    for group in svg.iter("g"):
        if group.get("class") in ("node", "leaf", "cut"):
            rect = group.find("rect")
            assert rect is not None
            x, y, w, h = (float(rect.get(key, "nan")) for key in ("x", "y", "width", "height"))
            boxes.append((x, y, x + w, y + h))
    assert len(boxes) == len(nodes(drawing.root)) > 2 * MAX_DEPTH
    table = np.array(boxes)
    assert table[:, 2].max() <= WIDTH
    apart = (
        (table[:, None, 2] <= table[None, :, 0])
        | (table[None, :, 2] <= table[:, None, 0])
        | (table[:, None, 3] <= table[None, :, 1] + 0.01)
        | (table[None, :, 3] <= table[:, None, 1] + 0.01)
    )
    assert (apart | np.eye(len(table), dtype=bool)).all()


def test_a_name_with_markup_is_escaped() -> None:
    forest = build(SHAPE)
    forest = replace(forest, inputs=replace(forest.inputs, names=("<b>", "&amp", "'\"", "x")))
    drawing = draw(forest_module(forest), forest, 0)
    assert drawing is not None
    assert "<b>" not in svg_of(drawing)
    ElementTree.fromstring(svg_of(drawing))


def test_a_tree_that_is_one_leaf() -> None:
    forest = build(Shape(n_trees=1, leaves=1))
    for module in (forest_module(forest), planned(forest, "inline")):
        drawing = draw(module, forest, 0)
        assert drawing is not None
        assert drawing.root.kind == "leaf"
        ElementTree.fromstring(svg_of(drawing))


def test_after_lowering_there_is_no_tree_to_draw() -> None:
    forest = build(SHAPE)
    module = forest_module(forest)
    run_pipeline(module, pipeline_of(Schedule.from_text("layout packed\norder row, tree\nwalk with=scalar\n")))
    assert draw(module, forest, 0) is None


@pytest.mark.parametrize(
    ("array", "text"),
    [
        (np.array([1.5, -2, np.nan], np.float32), "f32[3] -2..1.5 and NaN"),
        (np.array([np.nan]), "f64[1] all NaN"),
        (np.array([7, 7], np.uint8), "u8[2] 7"),
        (np.zeros((0,), np.int32), "i32[0] empty"),
        (np.array([[True, False, True]]), "bool[1x3] 2 true"),
        (np.zeros(2, [("threshold", "<f4"), ("word0", "<u2")]), "6-byte records[2]: threshold f32 0, word0 u16 0"),
    ],
)
def test_summaries(array: np.ndarray, text: str) -> None:
    assert summary(array) == text


def test_readable_text_has_ranges_instead_of_data() -> None:
    from treec.tools.blobs import blobs_of

    forest = build(SHAPE)
    for module in (forest_module(forest), planned(forest, "table")):
        blobs = {blob.digest: blob for blob in blobs_of(module)}
        lines = readable(str(module), blobs)
        assert re.search(r'@"[0-9a-f]{32}"|"0x', "\n".join(lines)) is None
        assert any("⟨" in line for line in lines)


def test_long_lines_are_broken_at_their_own_commas() -> None:
    line = "  op {" + ", ".join(f'key{i} = <"a,b", [1, 2], {{c = {i}, d = 1}}>' for i in range(5)) + "} : x"
    parts = broken(line)
    assert len(parts) == 5 + 2
    assert parts[0] == "  op {"
    assert parts[1] == '    key0 = <"a,b", [1, 2], {c = 0, d = 1}>,'
    assert parts[-1] == "  } : x"
    assert "".join(part.strip() for part in parts).replace(" ", "") == line.replace(" ", "")


def test_a_changed_word_is_marked_on_both_sides() -> None:
    found = difference(["a", "for serial x step 1", "b"], ["a", "for parallel x step 1", "b"])
    changed = [row for row in found.rows if row.changed]
    assert [(row.left, row.right) for row in changed] == [
        ("for <mark>serial</mark> x step 1", "for <mark>parallel</mark> x step 1")
    ]
    assert (found.added, found.removed) == (1, 1)


def test_both_sides_keep_all_their_lines_in_order() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        before = [f"line {i} <&>" for i in rng.integers(0, 12, 30)]
        after = [line for line in before if rng.random() < 0.7] + [f"new {i}" for i in range(3)]
        rows = difference(before, after).rows
        for side, lines in (("left", before), ("right", after)):
            texts = [re.sub("</?mark>", "", getattr(row, side)) for row in rows if getattr(row, side) is not None]
            assert texts == [line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") for line in lines]


def test_far_unchanged_lines_fold_and_near_ones_do_not() -> None:
    before = [f"line {i}" for i in range(40)]
    after = [*before[:20], "new", *before[20:]]
    rows = difference(before, after).rows
    assert [row.left for row in rows if row.block < 0] == [*before[17:20], None, *before[20:23]]
    assert {row.block for row in rows} == {-1, 0, 1}


def test_closing_braces_do_not_line_up_unrelated_code() -> None:
    before = [*(f"old {i} of the first kind" for i in range(20)), "}", *(f"old {i} of the second" for i in range(20))]
    after = [*(f"new {i} unlike all that" for i in range(20)), "}", *(f"quite another {i}" for i in range(20))]
    assert all(row.changed for row in difference(before, after).rows if "}" not in (row.left, row.right))
    assert len(difference(before, [*after, *after]).rows) == 82


def test_long_runs_of_new_lines_fold_after_their_beginning() -> None:
    from treec.tools.dump.diff import MAX_ALONE

    rows = difference(["a", "z"], ["a", *(f"new {i}" for i in range(1000)), "z"]).rows
    assert [row.block for row in rows[1 : MAX_ALONE + 1]] == [-1] * MAX_ALONE
    folded = [row for row in rows if row.block == 0]
    assert len(folded) == 1000 - MAX_ALONE - 3
    assert all(row.changed for row in folded)
    assert (rows[-1].left, rows[-1].right) == ("z", "z")
