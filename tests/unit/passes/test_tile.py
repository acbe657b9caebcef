# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false
"""Tiles hang together, are not too large, and take the nodes that their shape says; walking them is walking the nodes."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from xdsl.context import Context

from tests.property.forests import Shape, build, forests
from treec.errors import ScheduleError
from treec.frontends.base import Forest, Predicates, Trees
from treec.passes.algo import tiled as tiled_layout
from treec.passes.algo.depths import leaf_depths
from treec.passes.algo.packed import walk_columns
from treec.passes.algo.tile import hybrid_tiles, leaf_biased, probability_tiles, uniform_tiles
from treec.passes.algo.tile_shapes import shapes_of, tile_nodes
from treec.passes.algo.tiled import TiledTrees, lay_tiles
from treec.passes.forest.pad_trees import PadTreesPass
from treec.passes.forest.swap_children import SwapChildrenPass
from treec.passes.forest.tile_nodes import TileNodesPass
from treec.passes.plan.tiled_layout import tiled_trees_op
from treec.treeir.forest import only_model
from treec.treeir.forest_convert import forest_module, forest_of
from treec.treeir.interp.forest import encode_inputs, leaf_ids, leaf_indices
from treec.treeir.interp.tiles import TiledWalk
from treec.verify.rows import Domain, random_rows

SIZES = (1, 2, 3, 5, 8, 16)
Kind = Literal["array", "sparse"]
KINDS: tuple[Kind, ...] = ("array", "sparse")


def shape_of(forest: Forest) -> Trees:
    assert isinstance(forest.trees, Trees)
    return forest.trees


def counted(forest: Forest, seed: int = 1) -> Trees:
    rng = np.random.default_rng(seed)
    trees = shape_of(forest)
    leaf_count = rng.integers(0, 50, trees.n_leaves).astype(np.float64)
    return replace(trees, leaf_count=leaf_count, node_count=rng.integers(0, 99, trees.n_nodes).astype(np.float64))


def tilings(trees: Trees, size: int) -> list[NDArray[np.int32]]:
    assert trees.node_count is not None
    greedy = np.arange(trees.n_trees) % 2 == 0
    return [
        uniform_tiles(trees, size),
        probability_tiles(trees, size, trees.node_count, greedy),
        hybrid_tiles(trees, size, trees.node_count, 0.4),
    ]


@given(forest=forests(max_leaves=30), size=st.sampled_from(SIZES))
def test_every_tiling_passes_the_verifier(forest: Forest, size: int) -> None:
    trees = counted(forest)
    for tile in tilings(trees, size):
        key = np.repeat(trees.node_offset[:-1], np.diff(trees.node_offset)) + tile
        assert np.bincount(key, minlength=1).max() <= size
        forest_module(replace(forest, trees=replace(trees, tile=tile))).verify()


def chain() -> Trees:
    """Node 0 has node 1 on the left and node 4 on the right; 1 has 2 and 3; the other children are leaves."""
    forest = build(Shape(n_trees=1, leaves=2))
    trees = shape_of(forest)
    return replace(
        trees,
        node_offset=np.array([0, 5]),
        leaf_offset=np.array([0, 6]),
        predicate=np.zeros(5, np.int32),
        left=np.array([1, 2, ~0, ~2, ~4], np.int32),
        right=np.array([4, 3, ~1, ~3, ~5], np.int32),
        leaf_row=np.zeros(6, np.int32),
        leaf_id=np.arange(6, dtype=np.int32),
        node_count=np.array([100.0, 90.0, 80.0, 10.0, 10.0]),
        leaf_count=np.array([75.0, 5.0, 5.0, 5.0, 5.0, 5.0]),
    )


def test_uniform_tiles_take_nodes_in_level_order() -> None:
    assert uniform_tiles(chain(), 3).tolist() == [0, 0, 1, 2, 0]
    assert uniform_tiles(chain(), 4).tolist() == [0, 0, 0, 1, 0]


def test_probability_tiles_take_the_likeliest_neighbour() -> None:
    trees = chain()
    assert trees.node_count is not None
    assert probability_tiles(trees, 3, trees.node_count, np.array([True])).tolist() == [0, 0, 0, 1, 2]
    assert probability_tiles(trees, 3, trees.node_count, np.array([False])).tolist() == uniform_tiles(trees, 3).tolist()


def test_hybrid_tiles_are_greedy_below_likely_nodes_only() -> None:
    trees = chain()
    assert trees.node_count is not None
    assert hybrid_tiles(trees, 3, trees.node_count, 0.5).tolist() == [0, 0, 0, 1, 2]
    assert hybrid_tiles(trees, 3, trees.node_count, 1.0).tolist() == [0, 0, 0, 1, 2]
    assert hybrid_tiles(trees, 3, trees.node_count / np.array([100, 1, 1, 1, 1]), 2.0).tolist() == [0, 0, 1, 2, 0]


def test_a_tree_is_leaf_biased_if_few_leaves_have_most_rows() -> None:
    trees = chain()
    assert trees.leaf_count is not None
    assert leaf_biased(trees, trees.leaf_count, alpha=1 / 6, beta=0.75).tolist() == [True]
    assert leaf_biased(trees, trees.leaf_count, alpha=0.16, beta=0.75).tolist() == [False]
    assert leaf_biased(trees, trees.leaf_count, alpha=1 / 6, beta=0.76).tolist() == [False]
    assert leaf_biased(trees, trees.leaf_count, alpha=1.0, beta=1.0).tolist() == [True]
    assert leaf_biased(trees, trees.leaf_count * 0, alpha=1.0, beta=0.0).tolist() == [False]


@given(forest=forests(max_leaves=20), size=st.sampled_from(SIZES), kind=st.sampled_from(KINDS), small=st.booleans())
def test_walking_tiles_is_walking_nodes(forest: Forest, size: int, kind: Kind, small: bool) -> None:
    trees = counted(forest)
    rows = random_rows(Domain(forest, forest.inputs.dtype), 8, 1)
    wanted = leaf_ids(forest, rows)
    encoded = encode_inputs(forest, rows)
    values = encoded if forest.inputs.table_offset is not None else rows_of(forest, encoded)
    limit = tiled_layout.LOOKUP_LIMIT
    for tile in tilings(trees, size):
        try:
            tiled_layout.LOOKUP_LIMIT = limit if small else 0
            op = tiled_trees_op(forest, replace(trees, tile=tile), None, kind, align=4)
        finally:
            tiled_layout.LOOKUP_LIMIT = limit
        op.verify_()
        walk = TiledWalk(op, forest.predicates.category_cast)
        found = [[walk.walk(row, tree).leaf_id for tree in range(trees.n_trees)] for row in values]
        np.testing.assert_array_equal(np.array(found, np.int32).reshape(wanted.shape), wanted)


def rows_of(forest: Forest, encoded: NDArray[np.floating]) -> NDArray[np.floating]:
    """Whole rows with the encoded inputs in their columns."""
    rows = np.zeros((len(encoded), forest.inputs.n_features), encoded.dtype)
    rows[:, forest.inputs.column] = encoded
    return rows


@given(forest=forests(max_leaves=20), size=st.sampled_from(SIZES))
def test_the_two_tables_of_exits_agree(forest: Forest, size: int) -> None:
    trees = counted(forest)
    for tile in tilings(trees, size):
        shapes = shapes_of(tile_nodes(replace(trees, tile=tile)))
        lookup = shapes.lookup()
        care, want = (way.astype(np.int64) for way in shapes.care_and_want())
        masks = np.arange(lookup.shape[1])
        fits = (masks[None, :, None] & care[:, None, :]) == want[:, None, :]
        first = np.where(fits.any(axis=2), fits.argmax(axis=2), shapes.lanes)
        assert fits.sum(axis=2).max(initial=0) <= 1
        np.testing.assert_array_equal(first, lookup)


@given(forest=forests(max_leaves=30), size=st.sampled_from(SIZES))
def test_depths_count_tiles(forest: Forest, size: int) -> None:
    trees = counted(forest)
    for tile in tilings(trees, size):
        tiled = replace(trees, tile=tile)
        shallowest, deepest = leaf_depths(tiled)
        for tree in range(trees.n_trees):
            base, end = int(trees.node_offset[tree]), int(trees.node_offset[tree + 1])
            found = tiles_below(tiled, base, 0) if end > base else [0]
            assert (shallowest[tree], deepest[tree]) == (min(found), max(found))


def tiles_below(trees: Trees, base: int, node: int, depth: int = 1) -> list[int]:
    assert trees.tile is not None
    found: list[int] = []
    for child in (int(trees.left[base + node]), int(trees.right[base + node])):
        if child < 0:
            found.append(depth)
        else:
            step = int(trees.tile[base + node] != trees.tile[base + child])
            found += tiles_below(trees, base, child, depth + step)
    return found


def laid(trees: Trees, forest: Forest, kind: Kind, align: int = 4) -> TiledTrees:
    return lay_tiles((forest.predicates, walk_columns(forest.inputs)), trees, kind, align=align)


def test_only_shapes_that_occur_have_a_look_up_table() -> None:
    forest = build(Shape(n_trees=30, leaves=40, seed=2))
    trees = shape_of(forest)
    tiles = laid(replace(trees, tile=uniform_tiles(trees, 8)), forest, "sparse")
    assert tiles.lookup is not None
    assert tiles.lookup.shape[1] == 256
    assert len(tiles.lookup) < 250  # there are 2055 trees of up to 8 nodes


def test_large_tiles_have_masks_instead_of_a_table() -> None:
    forest = build(Shape(n_trees=30, leaves=60, seed=2))
    trees = shape_of(forest)
    tiles = laid(replace(trees, tile=uniform_tiles(trees, 16)), forest, "sparse")
    assert tiles.lookup is None
    assert tiles.ways is not None
    assert tiles.ways.nbytes < 1 << 15


def test_records_are_aligned() -> None:
    forest = build(Shape(n_trees=3, leaves=20, seed=2))
    trees = shape_of(forest)
    tiled = replace(trees, tile=uniform_tiles(trees, 8))
    assert laid(tiled, forest, "sparse", align=64).tiles.dtype.itemsize == 64
    assert laid(tiled, forest, "sparse", align=1).tiles.dtype.itemsize < 64


def test_an_array_of_unbalanced_trees_is_refused_with_its_size() -> None:
    forest = build(Shape(n_trees=1, leaves=2, seed=2))
    n = 40  # a chain to the right
    trees = replace(
        shape_of(forest),
        node_offset=np.array([0, n]),
        leaf_offset=np.array([0, n + 1]),
        predicate=np.zeros(n, np.int32),
        left=~np.arange(n, dtype=np.int32),
        right=np.array([*range(1, n), ~n], np.int32),
        leaf_row=np.zeros(n + 1, np.int32),
        leaf_id=np.arange(n + 1, dtype=np.int32),
    )
    with pytest.raises(
        ScheduleError, match=r"tree 0 \(40 tiles of up to 1 nodes, 40 levels\) takes at least .* MiB"
    ) as caught:
        laid(trees, forest, "array")
    assert "layout sparse" in str(caught.value.fix)
    assert len(laid(trees, forest, "sparse").tiles) == n


def test_children_swapped_after_tiling_keep_their_tiles() -> None:
    forest = build(Shape(n_trees=5, leaves=20, seed=4))
    forest = replace(forest, trees=counted(forest))
    rows = random_rows(Domain(forest, forest.inputs.dtype), 20, 1)
    module = forest_module(forest)
    TileNodesPass(4).apply(Context(), module)
    before = sorted(map(tuple, tile_sizes(shape_of(forest_of(only_model(module))))))
    SwapChildrenPass().apply(Context(), module)
    module.verify()
    swapped = forest_of(only_model(module))
    assert sorted(map(tuple, tile_sizes(shape_of(swapped)))) == before
    assert leaf_indices(swapped, rows).shape == (20, 5)  # pyright: ignore[reportUnknownMemberType]


def tile_sizes(trees: Trees) -> list[list[int]]:
    assert trees.tile is not None
    cuts = trees.node_offset[1:-1]
    return [sorted(np.bincount(tile).tolist()) for tile in np.split(trees.tile, cuts)]


def with_pass(forest: Forest, *passes: TileNodesPass | PadTreesPass) -> None:
    module = forest_module(forest)
    for each in passes:
        each.apply(Context(), module)


def test_errors_name_what_is_wrong() -> None:
    forest = build(Shape(n_trees=2, leaves=5))
    plain = replace(forest, trees=replace(shape_of(forest), node_count=None, leaf_count=None))
    with pytest.raises(ScheduleError, match="a tile can't have 17 nodes"):
        with_pass(forest, TileNodesPass(17))
    with pytest.raises(ScheduleError, match="a tile can't have 0 nodes"):
        with_pass(forest, TileNodesPass(0))
    for shape in ("probability", "hybrid"):
        with pytest.raises(ScheduleError, match="the model has no counts of its nodes") as caught:
            with_pass(plain, TileNodesPass(4, shape))
        assert "--profile" in str(caught.value.fix)
    with pytest.raises(ScheduleError, match=r"alpha is a share, not 1\.5"):
        with_pass(forest, TileNodesPass(4, "probability", alpha=1.5))
    with pytest.raises(ScheduleError, match="the trees have tiles already"):
        with_pass(forest, TileNodesPass(4), TileNodesPass(2))
    with pytest.raises(ScheduleError, match="which are in no tile"):
        with_pass(forest, TileNodesPass(4), PadTreesPass())


def test_questions_of_a_forest_without_any_are_not_read() -> None:
    forest = build(Shape(n_trees=2, leaves=1))
    none = Predicates(
        **{name: column[:0] if name not in ("set_offset", "set_words", "category_cast") else column
           for name, column in vars(forest.predicates).items()}
    )  # fmt: skip
    trees = shape_of(forest)
    tiles = lay_tiles((none, walk_columns(forest.inputs)), trees, "sparse", align=4)
    assert len(tiles.tiles) == 2
    assert tiles.leaf_row.tolist() == np.repeat(trees.leaf_row, 2).tolist()
