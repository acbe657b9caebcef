"""Strictness of the LightGBM text reader: what it builds from a small model, and how it refuses what it can't trust."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from treec.errors import ModelError, UnsupportedModelError
from treec.frontends.base import Forest, Link, Missing, Trees
from treec.frontends.base import Test as Question
from treec.frontends.lightgbm_model import forest_from_bytes, forest_from_text
from treec.frontends.lightgbm_nodes import ZERO_BOUND, exact_thresholds
from treec.frontends.lightgbm_objects import forest_from_object, forest_from_wrapper_state, model_text_from_state
from treec.frontends.lightgbm_text import read_text, sniff

HEADER = """tree
version=v4
num_class=1
num_tree_per_iteration=1
label_index=0
max_feature_idx=2
objective=binary sigmoid:0.5
feature_names=a b c
feature_infos=[-1:1] none -1:3:40
"""
TREES = [
    """Tree=0
num_leaves=4
num_cat=2
split_feature=0 2 2
split_gain=3 2 1
threshold=0.25 0 1
decision_type=8 1 9
left_child=1 -1 -2
right_child=2 -3 -4
leaf_value=1 2 3 4
leaf_weight=1 1 1 1
leaf_count=10 20 30 40
internal_value=0 0 0
internal_weight=0 0 0
internal_count=100 40 60
cat_boundaries=0 2 3
cat_threshold=8 256 5
is_linear=0
shrinkage=1


""",
    """Tree=1
num_leaves=1
num_cat=0
split_feature=
split_gain=
threshold=
decision_type=
left_child=
right_child=
leaf_value=-0.5
leaf_weight=
leaf_count=100
internal_value=
internal_weight=
internal_count=
is_linear=0
shrinkage=0.1


""",
    """Tree=2
num_leaves=3
num_cat=1
split_feature=0 2
split_gain=3 2
threshold=inf 0
decision_type=6 1
left_child=1 -1
right_child=-2 -3
leaf_value=0.1 1e-300 -7
leaf_weight=1 1 1
leaf_count=1 2 3
internal_value=0 0
internal_weight=0 0
internal_count=6 4
cat_boundaries=0 2
cat_threshold=8 256
is_linear=0
shrinkage=0.1


""",
]
TRAILER = """end of trees

feature_importances:
a=2

parameters:
[boosting: gbdt]

end of parameters

pandas_categorical:null
"""


def text(header: str = HEADER, trees: list[str] = TREES, trailer: str = TRAILER) -> str:
    """A whole file with the sizes of these trees."""
    return f"{header}tree_sizes={' '.join(str(len(tree)) for tree in trees)}\n\n{''.join(trees)}{trailer}"


def read(content: str) -> Forest:
    return forest_from_bytes(content.encode(), place="m.txt")


def in_tree(old: str, new: str, tree: int = 0) -> str:
    assert old in TREES[tree]
    return text(trees=[t.replace(old, new) if n == tree else t for n, t in enumerate(TREES)])


def in_header(old: str, new: str) -> str:
    assert old in HEADER
    return text(HEADER.replace(old, new))


def test_nodes_come_in_preorder_and_leaves_keep_their_ids() -> None:
    forest = read(text())
    trees = forest.trees
    assert isinstance(trees, Trees)
    assert trees.node_offset.tolist() == [0, 3, 3, 5]
    assert trees.leaf_offset.tolist() == [0, 4, 5, 8]
    assert trees.left.tolist() == [1, ~0, ~2, 1, ~0]
    assert trees.right.tolist() == [2, ~1, ~3, ~2, ~1]
    assert trees.leaf_id.tolist() == [0, 2, 1, 3, 0, 0, 2, 1]
    assert forest.leaves.values[trees.leaf_row, 0].tolist() == [1, 3, 2, 4, -0.5, 0.1, -7, 1e-300]
    assert trees.leaf_count is not None
    assert trees.leaf_count.tolist() == [10, 30, 20, 40, 100, 1, 3, 2]
    assert trees.node_count is not None
    assert trees.node_count.tolist() == [100, 40, 60, 6, 4]
    assert trees.iteration_offset.tolist() == [0, 1, 2, 3]


def test_predicates_are_shared_between_trees() -> None:
    forest = read(text())
    p, trees = forest.predicates, forest.trees
    assert isinstance(trees, Trees)
    assert p.input.tolist() == [0, 0, 2, 2]
    assert p.threshold.tolist() == [0.25, np.inf, 0.0, 0.0]
    assert p.test.tolist() == [Question.LESS_EQUAL, Question.LESS_EQUAL, Question.IN_SET, Question.IN_SET]
    assert p.missing.tolist() == [Missing.NAN, Missing.ZERO_OR_NAN, Missing.NAN, Missing.NAN]
    assert p.missing_left.tolist() == [False, True, False, False]
    first, other = trees.predicate[1], trees.predicate[2]
    assert trees.predicate.tolist() == [0, first, other, 1, first]
    sets = {p.category_set[n]: n for n in (first, other)}
    words = {n: p.set_words[p.set_offset[s] : p.set_offset[s + 1]].tolist() for s, n in sets.items()}
    assert words == {first: [8, 256], other: [5]}


def test_header_becomes_inputs_outputs_and_source() -> None:
    forest = read(text())
    assert forest.inputs.names == ("a", "b", "c")
    assert forest.inputs.types == ("numerical", "unused", "categorical")
    assert forest.inputs.dtype == np.float64
    assert forest.outputs.link is Link.LGB_SIGMOID
    assert forest.outputs.link_scale == 0.5
    assert forest.outputs.apply_shape == (3,)
    assert (forest.source.library, forest.source.version, forest.source.objective) == ("lightgbm", "v4", "binary")
    assert forest.source.digest is not None
    assert len(forest.source.digest) == 64


def test_tree_i_adds_to_column_i_mod_k() -> None:
    three = in_header("num_class=1\nnum_tree_per_iteration=1", "num_class=3\nnum_tree_per_iteration=3")
    forest = read(three.replace("binary sigmoid:0.5", "multiclass num_class:3"))
    assert forest.trees.column.tolist() == [0, 1, 2]
    assert forest.trees.iteration_offset.tolist() == [0, 3]
    assert not forest.outputs.vector


def test_average_output_divides_by_iterations() -> None:
    assert read(text(HEADER + "average_output\n")).outputs.average == 3.0
    assert forest_from_text(text(HEADER + "average_output\n").encode(), place="m", best_iteration=2).outputs.average == 2.0


def test_best_iteration_drops_later_trees() -> None:
    forest = forest_from_text(text().encode(), place="m", best_iteration=1)
    assert forest.trees.n_trees == 1
    assert forest_from_text(text().encode(), place="m", best_iteration=99).trees.n_trees == 3


def test_file_without_tree_sizes_and_trailer_is_read() -> None:
    bare = re.sub("tree_sizes=.*\n", "", text(trailer="end of trees\n"))
    assert read(bare).trees.n_trees == 3


@pytest.mark.parametrize(
    ("threshold", "expected"),
    [
        (0.0, ZERO_BOUND),
        (-0.0, ZERO_BOUND),
        (ZERO_BOUND, ZERO_BOUND),
        (5e-324, ZERO_BOUND),
        (-5e-324, np.nextafter(-ZERO_BOUND, -1)),
        (-ZERO_BOUND, np.nextafter(-ZERO_BOUND, -1)),
        (np.nextafter(ZERO_BOUND, 1), np.nextafter(ZERO_BOUND, 1)),
        (np.nextafter(-ZERO_BOUND, -1), np.nextafter(-ZERO_BOUND, -1)),
        (-np.inf, -np.inf),
    ],
)
def test_thresholds_near_zero_move_out_of_the_zeroed_range(threshold: float, expected: float) -> None:
    assert exact_thresholds(np.array([threshold]))[0] == expected


UNSUPPORTED: dict[str, tuple[str, str]] = {
    "version 5": (in_header("version=v4", "version=v5"), "m.txt:2: LightGBM text model 'v5' is not one of"),
    "no version": (in_header("version=v4\n", ""), "without a version"),
    "header key": (in_header("label_index=0", "label_index=0\nfancy=1"), "m.txt:6: header key 'fancy' is not known"),
    "average with a value": (text(HEADER + "average_output=0\n"), "header key 'average_output' is not known"),
    "tree key": (in_tree("num_cat=2", "num_cat=2\nfancy=1"), "m.txt:15: tree 0: key 'fancy' is not known"),
    "linear tree": (in_tree("is_linear=0", "is_linear=1", 1), "tree 1 has linear functions in its leaves"),
    "objective": (in_header("binary sigmoid:0.5", "own"), "m.txt:7: objective 'own' is not known; known are regression,"),
    "argument": (in_header("binary sigmoid:0.5", "regression clip:3"), "argument 'clip:3' of the objective is not known"),
    "argument twice": (in_header("binary", "binary sigmoid:2"), "argument 'sigmoid:0.5' of the objective"),
}


@pytest.mark.parametrize("case", UNSUPPORTED)
def test_what_is_not_understood_is_refused_with_place_and_fix(case: str) -> None:
    content, message = UNSUPPORTED[case]
    with pytest.raises(UnsupportedModelError, match=re.escape(message)) as caught:
        read(content)
    assert caught.value.place is not None
    assert caught.value.place.startswith("m.txt:")
    assert caught.value.fix


DAMAGED: dict[str, tuple[str, str]] = {
    "another file": ("treex\n", "this is not a LightGBM text model"),
    "line ends": (text().replace("\n", "\r\n"), "converted to CR LF"),
    "only a header": (HEADER, "the file ends inside its header"),
    "no end": (text()[: text().index("end of trees")], "the file is cut off: no `end of trees`"),
    "a tree is missing": (text().replace(TREES[1], ""), "`tree_sizes` speaks of 3 trees, the file has 2"),
    "another size": (text().replace("shrinkage=0.1\n", "shrinkage=0.10\n", 1), "tree 1 is"),
    "tree number": (text(trees=[TREES[0], TREES[2]]), "`Tree=1` is due here, not 'Tree=2'"),
    "key twice": (in_tree("num_cat=2", "num_cat=2\nnum_cat=2"), "m.txt:15: tree 0: key `num_cat` is there twice"),
    "header key twice": (in_header("version=v4", "version=v4\nversion=v4"), "header key `version` is there twice"),
    "missing key": (in_tree("left_child=1 -1 -2\n", ""), "tree 0, key `left_child`: the key is missing"),
    "short array": (in_tree("threshold=0.25 0 1", "threshold=0.25 0"), "m.txt:17: tree 0, key `threshold`: 3 values"),
    "long array": (in_tree("leaf_value=-0.5", "leaf_value=1 2", 1), "tree 1, key `leaf_value`: 1 values are needed, 2"),
    "a word": (in_tree("threshold=0.25", "threshold=zero"), "tree 0, key `threshold`: 'zero' is not a number"),
    "underscore": (in_tree("threshold=0.25", "threshold=1_0"), "'1_0' is not a number"),
    "nan": (in_tree("threshold=0.25", "threshold=nan"), "'nan' is not a number"),
    "fraction": (in_tree("split_feature=0 2 2", "split_feature=0 2.5 2"), "'2.5' is not a whole number"),
    "huge number": (in_tree("num_leaves=4", "num_leaves=99999999999999999999"), "is not a whole number"),
    "huge tree": (in_tree("num_leaves=4", "num_leaves=999999999999"), "tree 0, key `split_feature`: 999999999998 values"),
    "no leaves": (in_tree("num_leaves=4", "num_leaves=0"), "a tree has at least one leaf"),
    "infinite leaf": (in_tree("leaf_value=1", "leaf_value=inf"), "tree 0, key `leaf_value`: a value is not finite"),
    "feature": (in_tree("split_feature=0 2 2", "split_feature=0 3 2"), "tree 0, key `split_feature`: no such feature"),
    "type": (in_tree("decision_type=8", "decision_type=12"), "tree 0, key `decision_type`: the split is of an unknown"),
    "child": (in_tree("left_child=1", "left_child=3"), "tree 0, key `left_child`: no such child"),
    "leaf": (in_tree("right_child=2 -3 -4", "right_child=2 -3 -5"), "tree 0, key `right_child`: no such child"),
    "cycle": (in_tree("left_child=1", "left_child=0"), "has two parents"),
    "unreached": (in_tree("right_child=2 -3 -4", "right_child=-4 -3 -4"), "some nodes can't be reached"),
    "linear": (in_tree("is_linear=0", "is_linear=2"), "tree 0, key `is_linear`: neither 0 nor 1"),
    "set number": (in_tree("threshold=0.25 0 1", "threshold=0.25 0 2"), "is not the number of a category set"),
    "half a set number": (in_tree("threshold=0.25 0 1", "threshold=0.25 0 0.5"), "is not the number of a category set"),
    "infinite set number": (in_tree("threshold=0.25 0 1", "threshold=0.25 0 inf"), "is not the number of a category set"),
    "set boundaries": (in_tree("cat_boundaries=0 2 3", "cat_boundaries=0 4 3"), "the boundaries do not rise from 0"),
    "first boundary": (in_tree("cat_boundaries=0 2 3", "cat_boundaries=1 2 3"), "the boundaries do not rise from 0"),
    "set words": (in_tree("cat_threshold=8 256 5", "cat_threshold=8 256"), "key `cat_threshold`: 3 values are needed"),
    "wide word": (in_tree("cat_threshold=8", "cat_threshold=4294967296"), "a value has more than 32 bits"),
    "number of sets": (in_tree("num_cat=2", "num_cat=-2"), "tree 0, key `num_cat`: below 0"),
    "columns": (in_header("num_class=1", "num_class=2"), "not the 1 of num_tree_per_iteration"),
    "iterations": (
        in_header("num_class=1\nnum_tree_per_iteration=1", "num_class=2\nnum_tree_per_iteration=2")
        .replace("binary sigmoid:0.5", "multiclass num_class:2"),
        "3 trees are no whole number of iterations of 2",
    ),
    "names": (in_header("feature_names=a b c", "feature_names=a b"), "header key `feature_names`: 3 entries are needed"),
    "no names": (in_header("feature_names=a b c\n", ""), "header key `feature_names`: 3 entries are needed, 0 are there"),
    "not a number": (in_header("max_feature_idx=2", "max_feature_idx=two"), "'two' is not a whole number"),
    "no features": (in_header("max_feature_idx=2\n", ""), "the header has no key `max_feature_idx`"),
    "sigmoid": (in_header("sigmoid:0.5", "sigmoid:-1"), "sigmoid '-1' is not a number above 0"),
    "no sigmoid": (in_header("binary sigmoid:0.5", "binary"), "sigmoid '' is not a number above 0"),
    "classes": (in_header("binary sigmoid:0.5", "multiclass num_class:3"), "num_class is not the 1"),
    "pandas": (text(trailer=TRAILER.replace(":null", ":[[1")), "`pandas_categorical` is not JSON"),
}  # fmt: skip


@pytest.mark.parametrize("case", DAMAGED)
def test_damage_is_named_with_its_place(case: str) -> None:
    content, message = DAMAGED[case]
    with pytest.raises(ModelError, match=re.escape(message)) as caught:
        read(content)
    assert caught.value.place is not None
    assert caught.value.place.startswith("m.txt")


def test_header_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(ModelError, match="the header is not UTF-8"):
        forest_from_bytes(text().encode().replace(b"feature_names=a", b"feature_names=\xff"), place="m.txt")


def test_sniff() -> None:
    assert sniff(text().encode())
    assert sniff(b"tree\r\nversion")
    assert not sniff(b"")
    assert not sniff(b"{}")


def forest_or_model_error(content: bytes) -> None:
    with contextlib.suppress(ModelError):
        forest_from_bytes(content, place="m.txt").check()


@pytest.mark.parametrize("cut", range(0, len(text()), 5))
def test_a_file_cut_off_before_the_end_of_trees_is_an_error(cut: int) -> None:
    content = text().encode()[:cut]
    if cut < text().index("end of trees") + len("end of trees\n"):
        with pytest.raises(ModelError):
            forest_from_bytes(content, place="m.txt")
    else:
        forest_or_model_error(content)


@given(st.lists(st.tuples(st.integers(0, len(text()) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_changed_bytes_give_a_forest_or_a_model_error(changes: list[tuple[int, int]]) -> None:
    content = bytearray(text().encode())
    for position, byte in changes:
        content[position] = byte
    forest_or_model_error(bytes(content))


LINES = text().split("\n")
WORDS = st.sampled_from(
    ["0", "-1", "1", "2", "7", "-9", "4294967295", "99999999999", "1e999", "nan", "inf", "", "x", "0.5"]
)


@given(st.integers(1, len(LINES) - 1), st.lists(WORDS, max_size=5), st.booleans())
def test_changed_lines_give_a_forest_or_a_model_error(line: int, words: list[str], fix_sizes: bool) -> None:
    lines = list(LINES)
    key, equals, _ = lines[line].partition("=")
    lines[line] = key + equals + " ".join(words)
    content = "\n".join(lines)
    forest_or_model_error((re.sub("\ntree_sizes=.*\n", "\n", content) if fix_sizes else content).encode())


@given(st.integers(0, len(LINES) - 1), st.integers(0, len(LINES) - 1))
def test_moved_and_dropped_lines_give_a_forest_or_a_model_error(source: int, target: int) -> None:
    lines = list(LINES)
    moved = lines.pop(source)
    forest_or_model_error("\n".join(lines).encode())
    lines.insert(target, moved)
    forest_or_model_error(re.sub("\ntree_sizes=.*\n", "\n", "\n".join(lines)).encode())


def state(**attributes: Any) -> dict[str, Any]:
    booster = {"_handle": text(), "best_iteration": 2}
    return {"_Booster": booster, "_objective": "binary", "_classes": np.array([3, 5]), **attributes}


def wrapper(**attributes: Any) -> Forest:
    own = state(**attributes)
    return forest_from_wrapper_state("LGBMClassifier", own, model_text_from_state(own), place="p")


def test_state_of_a_pickled_classifier() -> None:
    forest = wrapper()
    assert forest.trees.n_trees == 2
    assert forest.outputs.classes[0].tolist() == [3, 5]
    assert forest.outputs.binary_proba
    assert forest.source.name == "LGBMClassifier"


def test_state_of_a_nested_record() -> None:
    class Record:
        state = {"_handle": text(), "best_iteration": -1}  # noqa: RUF012

    assert wrapper(_Booster=Record()).trees.n_trees == 3


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "not fitted": (lambda: wrapper(_Booster=None), "holds no trained model"),
    "no classes": (lambda: wrapper(_classes=None), "LGBMClassifier holds no trained model"),
    "classes": (lambda: wrapper(_classes=np.array([1, 2, 3])), "3 classes, but 1 columns of output"),
    "early stop": (lambda: wrapper(pred_early_stop=True), "pred_early_stop: the model leaves out trees"),
    "early stop in words": (lambda: wrapper(pred_early_stop="true"), "pred_early_stop"),
    "best iteration": (lambda: wrapper(_Booster={"_handle": text(), "best_iteration": "3"}), "best_iteration is not"),
    "class": (
        lambda: forest_from_wrapper_state("DaskLGBMRanker", state(), text(), place="p"),
        "DaskLGBMRanker is not known",
    ),
    "object": (lambda: forest_from_object(3), "int is not a LightGBM model"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_objects_that_are_refused(case: str) -> None:
    call, message = REFUSED[case]
    with pytest.raises(ModelError, match=re.escape(message)):
        call()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ("1 -2 3", [1, -2, 3]),
        ("1  -2 3", [1, -2, 3]),
        (" 1 -2\t3 ", [1, -2, 3]),
        ("1 4611686018427387904 -9223372036854775808", [1, 1 << 62, -(1 << 63)]),
        ("1 2 9223372036854775808", None),
        ("1 2 -99999999999999999999", None),
        ("1 2 +3", None),
        ("1 2 0_3", None),
        ("1 2 4-0", None),
        ("1 2 --3", None),
        ("1 - 3", None),
        ("1 2 -", None),
    ],
)
def test_integers_are_read_as_python_reads_them(values: str, expected: list[int] | None) -> None:
    first = TREES[0].replace("internal_count=100 40 60", f"internal_count={values}")
    model = read_text(text(trees=[first, *TREES[1:]]).encode(), place="m.txt")
    counts = np.array([3, 0, 2])
    if expected is None:
        with pytest.raises(ModelError, match=r"tree 0, key `internal_count`: .* is not a whole number"):
            model.column(b"internal_count", counts, np.int64)
        return
    assert model.column(b"internal_count", counts, np.int64).tolist() == [*expected, 6, 4]
