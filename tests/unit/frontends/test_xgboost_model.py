"""The parser on documents written by hand: no XGBoost is needed. What the library answers is in tests/models."""

import copy
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from treec.errors import ModelError, UnsupportedModelError
from treec.frontends import base
from treec.frontends.base import CategoryCast, Forest, LabelRule, Link, Missing, Predicted, Trees
from treec.frontends.xgboost_document import sniff
from treec.frontends.xgboost_model import forest_from_bytes
from treec.frontends.xgboost_objects import booster_bytes_from_state, forest_from_wrapper_state, is_xgboost_object

Document = dict[str, Any]
Edit = Callable[[Document], object]


def tree(number: int = 0) -> Document:
    """Node 0: x0 < 0.5; node 1: a leaf; node 2: x1 in {1, 33}, to the right; nodes 3 and 4: leaves."""
    return {
        "base_weights": [0.0] * 5,
        "categories": [1, 33],
        "categories_nodes": [2],
        "categories_segments": [0],
        "categories_sizes": [2],
        "default_left": [1, 0, 0, 0, 0],
        "id": number,
        "left_children": [1, -1, 3, -1, -1],
        "loss_changes": [0.0] * 5,
        "parents": [2147483647, 0, 0, 2, 2],
        "right_children": [2, -1, 4, -1, -1],
        "split_conditions": [0.5, -1.0, 0.0, 2.0, 3.0],
        "split_indices": [0, 0, 1, 0, 0],
        "split_type": [0, 0, 1, 0, 0],
        "sum_hessian": [10.0, 4.0, 6.0, 5.0, 1.0],
        "tree_param": {"num_deleted": "0", "num_feature": "2", "num_nodes": "5", "size_leaf_vector": "1"},
    }


def leaf(number: int, value: float) -> Document:
    per_node = ("base_weights", "loss_changes", "sum_hessian")
    return {
        **{key: [0.0] for key in per_node},
        **{key: [0] for key in ("default_left", "split_indices", "split_type")},
        **{key: [-1] for key in ("left_children", "right_children", "parents")},
        **{key: [] for key in ("categories", "categories_nodes", "categories_segments", "categories_sizes")},
        "split_conditions": [value],
        "id": number,
        "tree_param": {"num_deleted": "0", "num_feature": "2", "num_nodes": "1", "size_leaf_vector": "1"},
    }


def document(*trees: Document, objective: str = "reg:squarederror", score: str = "5E-1", **param: str) -> Document:
    return {
        "learner": {
            "attributes": {},
            "feature_names": [],
            "feature_types": [],
            "gradient_booster": {
                "model": {
                    "gbtree_model_param": {"num_parallel_tree": "1", "num_trees": str(len(trees))},
                    "iteration_indptr": list(range(len(trees) + 1)),
                    "tree_info": [0] * len(trees),
                    "trees": list(trees),
                },
                "name": "gbtree",
            },
            "learner_model_param": {"base_score": score, "num_class": "0", "num_feature": "2", "num_target": "1", **param},
            "objective": {"name": objective},
        },
        "version": [3, 2, 0],
    }


def model_of(doc: Document) -> Document:
    return doc["learner"]["gradient_booster"]["model"]


def read(doc: Document) -> Forest:
    return forest_from_bytes(json.dumps(doc).encode(), place="model.json")


def shape(forest: Forest) -> Trees:
    assert isinstance(forest.trees, Trees)
    return forest.trees


def test_a_compare_and_a_category_split_become_predicates():
    forest = read(document(tree()))
    predicates = forest.predicates
    assert predicates.test.tolist() == [base.Test.LESS, base.Test.IN_SET]
    assert predicates.input.tolist() == [0, 1]
    assert predicates.threshold.tolist() == [0.5, 0.0]
    assert predicates.missing.tolist() == [Missing.NAN, Missing.NAN]
    assert predicates.category_set.tolist() == [-1, 0]
    assert predicates.set_words.tolist() == [1 << 1, 1 << 1]  # categories 1 and 33
    assert predicates.category_cast is CategoryCast.NON_NEGATIVE


def test_a_category_of_the_set_goes_left_and_all_else_right():
    forest = read(document(tree()))
    trees = shape(forest)
    assert trees.left.tolist() == [~0, ~1]
    assert trees.right.tolist() == [1, ~2]
    assert trees.leaf_id.tolist() == [1, 4, 3]  # node 4 is where XGBoost sends the set
    assert forest.leaves.values[trees.leaf_row].ravel().tolist() == [-1.0, 3.0, 2.0]
    # default_left 0 in the file is node 4, which is left now
    assert forest.predicates.missing_left.tolist() == [True, True]
    assert not forest.predicates.invalid_left.any()


def test_covers_follow_their_nodes():
    trees = shape(read(document(tree())))
    assert trees.node_count is not None
    assert trees.leaf_count is not None
    assert (trees.node_count.tolist(), trees.leaf_count.tolist()) == ([10.0, 6.0], [4.0, 1.0, 5.0])


def test_trees_are_ordered_by_id():
    forest = read(document(leaf(1, 7.0), leaf(0, 5.0)))
    assert forest.leaves.values.ravel().tolist() == [5.0, 7.0]


def test_trees_of_one_leaf_and_no_trees_at_all():
    assert shape(read(document(leaf(0, 1.0)))).n_nodes == 0
    forest = read(document())
    assert (forest.trees.n_trees, forest.sum.base.tolist(), forest.outputs.apply_shape) == (0, [0.5], (0,))


def test_deleted_nodes_are_dropped():
    grown: dict[str, Any] = {key: value for key, value in tree().items() if key != "id"}
    for column in grown.values():
        if len(column) == 5:
            column.append(column[-1])
    grown["split_indices"][5] = 2**31 - 1
    grown["id"] = 0
    grown["tree_param"] |= {"num_nodes": "6", "num_deleted": "1"}
    assert shape(read(document(grown))).n_leaves == 3


@pytest.mark.parametrize("compact", [True, False], ids=["leaf_weights", "base_weights"])
def test_vector_leaves_in_both_layouts(compact: bool):
    vector: Document = tree() | {
        "split_type": [0] * 5,
        "categories_nodes": [],
        "categories_segments": [],
        "categories_sizes": [],
    }
    vector["tree_param"]["size_leaf_vector"] = "2"
    if compact:
        vector |= {"leaf_weights": [1.0, 2.0, 3.0, 4.0, 1.0, 2.0], "right_children": [2, 0, 4, 1, 2]}
    else:
        vector |= {"base_weights": [0.0, 0.0, 1.0, 2.0, 0.0, 0.0, 3.0, 4.0, 1.0, 2.0]}
    forest = read(document(vector, num_target="2", score="[5E-1,1E0]"))
    rows = forest.leaves.values[shape(forest).leaf_row]
    assert rows.tolist() == [[1.0, 2.0], [3.0, 4.0], [1.0, 2.0]]
    assert len(forest.leaves.values) == 2  # equal vectors are kept once
    assert forest.sum.base.tolist() == [0.5, 1.0]


@pytest.mark.parametrize(
    ("objective", "text", "margin"),
    [
        ("reg:squarederror", "[-1.5E0]", "-0x1.8p+0"),
        ("binary:logitraw", "3E-1", "0x1.333334p-2"),
        ("binary:logistic", "[3.8E-1]", "-0x1.f54c2p-2"),
        ("binary:logistic", "0E0", "-0x1.ba18a8p+3"),  # clipped to 1e-6
        ("binary:logistic", "1E0", "0x1.b7d85ap+3"),
        ("count:poisson", "7.818039E-1", "-0x1.f81e3p-3"),
    ],
)
def test_base_margins_are_those_of_the_library(objective: str, text: str, margin: str):
    assert read(document(leaf(0, 0.0), objective=objective, score=text)).sum.base.tolist() == [float.fromhex(margin)]


def test_one_base_score_serves_all_columns():
    assert read(document(num_class="3", objective="multi:softprob")).sum.base.tolist() == [0.5] * 3


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.0000000596046448", "0x1.000002p+0"),  # its f64 is halfway, itself it is above
        ("1.00000005960464477539062500", "0x1p+0"),  # halfway: to even
        ("1.00000005960464477539062499", "0x1p+0"),
        ("3.40282356779733661637539395458142568447e38", "0x1.fffffep+127"),
    ],
)
def test_decimal_numbers_are_rounded_to_f32_at_once(text: str, value: str):
    data = json.dumps(document(leaf(0, 123.0))).replace("123.0", text).encode()
    assert forest_from_bytes(data, place="m").leaves.values.item() == float.fromhex(value)


def test_iterations_of_files_without_boundaries():
    doc = document(*(leaf(i, 1.0) for i in range(6)), num_class="3", objective="multi:softprob")
    del model_of(doc)["iteration_indptr"]
    model_of(doc)["tree_info"] = [0, 1, 2] * 2
    forest = read(doc)
    assert forest.trees.iteration_offset.tolist() == [0, 3, 6]
    assert forest.trees.column.tolist() == [0, 1, 2, 0, 1, 2]


def test_softmax_answers_with_the_index_of_the_class():
    out = read(document(num_class="3", objective="multi:softmax")).outputs
    assert (out.label, out.predicted, out.link) == (LabelRule.ARGMAX, Predicted.CLASS_INDEX, Link.IDENTITY)


def test_a_buffer_of_a_pickled_booster_is_read_and_checked_against_its_configuration():
    config = {"learner": {"learner_train_param": {"booster": "gbtree", "objective": "reg:squarederror"}}}
    assert read({"Model": document(tree()), "Config": config}).trees.n_trees == 1
    config["learner"]["learner_train_param"]["objective"] = "binary:logistic"
    with pytest.raises(ModelError, match="the configuration says 'binary:logistic'"):
        read({"Model": document(tree()), "Config": config})


def at(path: str, value: object) -> Edit:
    """Set a value; ``None`` deletes its key."""

    def edit(doc: Document) -> None:
        *way, last = (int(key) if key.isdigit() else key for key in path.split("."))
        place: Any = doc
        for key in way:
            place = place[key]
        if value is None:
            del place[last]
        else:
            place[last] = value

    return edit


MODEL = "learner.gradient_booster.model"
TREE = f"{MODEL}.trees.0"


@pytest.mark.parametrize(
    ("edit", "what", "where"),
    [
        (at("version", [4, 0, 0]), "the format is of XGBoost 4.0.0", "version"),
        (at("learner.new", 1), "the key 'new' is not known", "learner"),
        (at("learner.objective.new", 1), "the key 'new' is not known", "learner.objective"),
        (at("learner.objective.name", "survival:cox"), "the objective 'survival:cox' is not", "learner.objective.name"),
        (at("learner.gradient_booster.name", "dart"), "the booster 'dart' is not", "learner.gradient_booster.name"),
        (at("learner.gradient_booster.name", "gblinear"), "the booster 'gblinear'", "learner.gradient_booster.name"),
        (at(f"{TREE}.new", []), "the key 'new' is not known", f"{MODEL}.trees[0]"),
        (at(f"{TREE}.tree_param.new", "1"), "the key 'new'", f"{MODEL}.trees[0].tree_param"),
        (at(f"{TREE}.split_conditions.1", float("inf")), "a leaf value is infinite", f"{MODEL}.trees[0].split_conditions"),
        (at("learner.learner_model_param.num_feature", "99999999"), "features", "learner.learner_model_param.num_feature"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(edit: Edit, what: str, where: str):
    doc = document(tree())
    edit(doc)
    with pytest.raises(UnsupportedModelError, match=what) as caught:
        read(doc)
    assert caught.value.place == f"model.json: {where}"
    assert caught.value.fix


@pytest.mark.parametrize(
    ("edit", "what"),
    [
        (at("learner", None), "the key 'learner' is missing"),
        (at(f"{TREE}.split_indices", None), "the key 'split_indices' is missing"),
        (at(f"{TREE}.split_type", None), "the key 'split_type' is missing"),
        (at(f"{TREE}.left_children", [1, -1, 3]), "3 entries for 5 nodes"),
        (at(f"{TREE}.left_children.0", 2**40), "not within"),
        (at(f"{TREE}.left_children.0", "1"), "an array of numbers is needed"),
        (at(f"{TREE}.left_children.0", [1]), "an array of numbers is needed"),
        (at(f"{TREE}.right_children.0", 4), "not next to its left sibling"),
        (at(f"{TREE}.left_children.2", 0), "not next to its left sibling"),
        (at(f"{TREE}.split_conditions.0", float("nan")), "a threshold is not a number"),
        (at(f"{TREE}.split_indices.0", 2), "has 2 features, this is none"),
        (at(f"{TREE}.default_left.0", 2), "not within 0 to 1"),
        (at(f"{TREE}.split_type.0", 2), "not within 0 to 1"),
        (at(f"{TREE}.categories.0", 2**24), "not within"),
        (at(f"{TREE}.categories_nodes.0", 0), "no set of categories"),
        (at(f"{TREE}.categories_sizes.0", 3), "do not fit the categories"),
        (at(f"{TREE}.tree_param.num_nodes", "-1"), "a count is needed"),
        (at(f"{TREE}.id", 1), "the ids of the trees"),
        (at(f"{MODEL}.tree_info.0", 1), "must be below 1"),
        (at(f"{MODEL}.iteration_indptr.1", 2), "must lead from 0 to 1"),
        (at(f"{MODEL}.gbtree_model_param.num_trees", "2"), "2 trees are announced, 1 are there"),
        (at("learner.learner_model_param.base_score", "[1E0,2E0]"), "2 base scores for 1 outputs"),
        (at("learner.learner_model_param.base_score", "5E-1x"), "a number or a vector"),
        (at("learner.learner_model_param.base_score", "nan"), "a number or a vector"),
        (at("learner.feature_names", ["a"]), "1 entries for 2 features"),
    ],
)
def test_inconsistent_documents_are_model_errors(edit: Edit, what: str):
    doc = document(tree())
    edit(doc)
    with pytest.raises(ModelError, match=what) as caught:
        read(doc)
    assert caught.value.place is None or caught.value.place.startswith("model.json")


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "not a sound JSON"),
        (b"{" * 100_000, "not a sound JSON"),
        (b'{"a":' * 100_000, "nests too deeply"),
        (b'{"learner": {}, "learner": {}}', "the key 'learner' is there twice"),
        (b"[1, 2]", "an object is needed"),
        (b'{"learner": 1' + b"1" * 5000 + b"}", "not a sound JSON"),
        (b'{"learner": "\xff"}', "not a sound JSON"),
        (b"binf\x00\x00", "old binary format"),
        (b"CONFIG-offset:\x00", "old binary format"),
    ],
)
def test_what_is_no_document_is_refused(data: bytes, what: str):
    with pytest.raises(ModelError, match=what) as caught:
        forest_from_bytes(data, place="model.json")
    assert str(caught.value).startswith("model.json: ")


WHOLE = json.dumps(document(tree(), leaf(1, 1.5))).encode()


@given(st.integers(0, len(WHOLE) - 1))
def test_a_truncated_file_is_a_model_error(cut: int):
    with pytest.raises(ModelError):
        forest_from_bytes(WHOLE[:cut], place="model.json")


@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), min_size=1, max_size=3))
def test_changed_bytes_give_a_forest_or_a_model_error(changes: list[tuple[int, int]]):
    damaged = bytearray(WHOLE)
    for position, byte in changes:
        damaged[position] = byte
    with suppress(ModelError):
        forest_from_bytes(bytes(damaged), place="model.json")


def test_a_sum_that_overlapping_category_segments_would_blow_up_is_refused():
    wide = tree() | {
        "categories": [1, 2],
        "categories_nodes": [2, 0],
        "categories_segments": [0, 0],
        "categories_sizes": [2, 2],
    }
    with pytest.raises(ModelError, match="do not fit the categories"):
        read(document(wide))


def wrapper(class_name: str = "XGBRegressor", doc: Document | None = None, **state: Any) -> Forest:
    data = json.dumps(doc or document(*(leaf(i, 1.0) for i in range(4)))).encode()
    return forest_from_wrapper_state(class_name, state, data, place="m.pkl")


def test_a_wrapper_stops_at_its_best_iteration_and_a_file_does_not():
    doc = document(*(leaf(i, 1.0) for i in range(4)))
    doc["learner"]["attributes"] = {"best_iteration": "1"}
    assert read(doc).trees.n_trees == 4
    forest = wrapper(doc=doc)
    assert forest.trees.iteration_offset.tolist() == [0, 1, 2]
    assert forest.outputs.apply_shape == (2,)
    doc["learner"]["attributes"] = {"best_iteration": "4"}
    with pytest.raises(ModelError, match="the best of 4 iterations is number 4"):
        wrapper(doc=doc)


def test_the_missing_value_of_a_wrapper_is_a_float32():
    assert np.isnan(wrapper().inputs.missing_value)
    assert wrapper(missing=-999).inputs.missing_value == -999.0
    assert wrapper(missing=np.float64(-999.1)).inputs.missing_value == float(np.float32(-999.1))
    assert wrapper(missing=1e300).inputs.missing_value == float("inf")
    for bad in (None, "nan", object(), 10**400):
        with pytest.raises(UnsupportedModelError, match="missing value is not a number"):
            wrapper(missing=bad)


def test_classifiers_have_labels():
    binary = wrapper("XGBClassifier", document(tree(), objective="binary:logistic"), n_classes_=2).outputs
    assert (binary.label, binary.predicted, binary.binary_proba) == (LabelRule.LINK_ABOVE_HALF, Predicted.LABEL, True)
    assert binary.classes[0].tolist() == [0, 1]
    many = document(objective="multi:softprob", num_class="3")
    assert wrapper("XGBRFClassifier", many, n_classes_=np.int64(3)).outputs.label is LabelRule.ARGMAX
    softmax = wrapper("XGBClassifier", document(objective="multi:softmax", num_class="3"), n_classes_=3).outputs
    assert (softmax.classes[0].dtype, softmax.is_classifier) == (np.int32, False)


@pytest.mark.parametrize(
    ("doc", "state", "what"),
    [
        (document(objective="binary:logistic", num_target="3"), {"n_classes_": 2}, "a multi-label classifier"),
        (document(objective="multi:softprob", num_class="3"), {"n_classes_": 4}, "4 classes with 3 outputs"),
        (document(), {}, "no number of classes"),
        (document(), {"n_classes_": 2, "_le": object()}, "labels of its own"),
    ],
)
def test_classifiers_that_are_refused(doc: Document, state: dict[str, Any], what: str):
    with pytest.raises(ModelError, match=what):
        wrapper("XGBClassifier", doc, **state)


def test_unknown_classes_and_empty_boosters_are_refused():
    with pytest.raises(UnsupportedModelError, match="'DaskXGBRegressor' is not supported"):
        wrapper("DaskXGBRegressor")
    with pytest.raises(ModelError, match="holds no model"):
        booster_bytes_from_state({"handle": None})
    assert booster_bytes_from_state({"handle": bytearray(b"ab")}) == b"ab"
    assert not is_xgboost_object(copy)


@pytest.mark.parametrize(
    ("data", "yes"),
    [
        (WHOLE, True),
        (b"\n" + json.dumps({"version": [1, 4, 0], **document()}, indent=2).encode(), True),
        (b"{L\0\0\0\0\0\0\0\x07learner{", True),
        (b"{L\0\0\0\0\0\0\0\x06Config{", True),
        (b"binf\0\0", True),
        (b"tree\nversion=v4\n", False),
        (b'{"model": 1}', False),
        (b"\x80\x04\x95", False),
        (b"", False),
    ],
)
def test_model_files_are_recognised(data: bytes, yes: bool):
    assert sniff(data) is yes
