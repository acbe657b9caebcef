"""Verification finds what is wrong wherever it hides, says so clearly, and counts what it did."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.property.forests import Shape, build, with_leaves, with_predicates
from treec.codegen.abi import Task
from treec.errors import UnsupportedModelError, VerificationError
from treec.frontends.base import F32, F64, Forest, LabelRule, Link, ObliviousTrees, Outputs, Predicted, Trees
from treec.treeir.interp import forest as interpreter
from treec.verify.boundary import Budget, boundary_rows
from treec.verify.check import verify
from treec.verify.compare import shown
from treec.verify.runner import InterpreterRunner

Array = NDArray[Any]
Fault = Callable[[str, Array, Array, int, tuple[int, int | None]], Array]
"""From (task, rows, output, threads, trees) to a wrong output."""

SHAPE = Shape(n_trees=4, leaves=12, n_inputs=3, n_predicates=40, seed=11)


@pytest.fixture(scope="module")
def forest() -> Forest:
    return build(SHAPE)


@pytest.fixture(scope="module")
def classifier() -> Forest:
    outputs = Outputs(
        vector=True,
        link=Link.XGB_SIGMOID,
        label=LabelRule.LINK_ABOVE_HALF,
        predicted=Predicted.LABEL,
        is_classifier=True,
        binary_proba=True,
        classes=(np.array(["no", "yes"]),),
        apply_dtype="<f4",
        apply_shape=(4,),
    )
    return replace(build(SHAPE), outputs=outputs).check()


@dataclass(frozen=True, eq=False)
class Faulty(InterpreterRunner):
    """A runner whose outputs go through ``fault``."""

    fault: Fault = lambda task, rows, out, threads, trees: out

    def raw(self, rows: Array, tree_begin: int = 0, tree_end: int | None = None, *, n_threads: int = 1) -> Array:
        return self.fault("raw", rows, super().raw(rows, tree_begin, tree_end), n_threads, (tree_begin, tree_end))

    def leaf_ids(
        self, rows: Array, tree_begin: int = 0, tree_end: int | None = None, *, n_threads: int = 1
    ) -> NDArray[np.int32]:
        return self.fault("leaf", rows, super().leaf_ids(rows, tree_begin, tree_end), n_threads, (tree_begin, tree_end))

    def response(self, rows: Array, tree_begin: int = 0, tree_end: int | None = None, *, n_threads: int = 1) -> Array:
        raw = interpreter.raw(self.forest, rows, tree_begin, tree_end)
        response = interpreter.response(self.forest, raw)
        return self.fault("response", rows, response, n_threads, (tree_begin, tree_end))


def off_by_a_bit(out: Array, at: int = -1) -> Array:
    out = out.copy()
    if len(out):
        out[at] = np.nextafter(out[at], np.float32(np.inf)) if out.dtype.kind == "f" else out[at] + 1
    return out


def contiguous(rows: Array) -> bool:
    return rows.flags.c_contiguous


FAULTS: dict[str, tuple[Fault, str]] = {
    "raw of all trees": (
        lambda task, rows, out, n, t: off_by_a_bit(out) if (task, t) == ("raw", (0, None)) else out,
        "C order",
    ),
    "leaf of all trees": (
        lambda task, rows, out, n, t: off_by_a_bit(out) if (task, t) == ("leaf", (0, None)) else out,
        "C order",
    ),
    "response": (lambda task, rows, out, n, t: off_by_a_bit(out) if task == "response" else out, "C order"),
    "threads": (lambda task, rows, out, n, t: off_by_a_bit(out, 5) if n == 2 else out, "two threads"),
    "strides": (lambda task, rows, out, n, t: out if contiguous(rows) else off_by_a_bit(out), "Fortran order"),
    "column stride": (
        lambda task, rows, out, n, t: off_by_a_bit(out) if abs(rows.strides[1]) == 2 * rows.itemsize else out,
        "strided",
    ),
    "negative stride": (lambda task, rows, out, n, t: off_by_a_bit(out) if rows.strides[0] < 0 else out, "reversed"),
    "one row": (
        lambda task, rows, out, n, t: off_by_a_bit(out) if len(rows) == 1 and t == (0, None) else out,
        "batch of 1",
    ),
    "seven rows": (
        lambda task, rows, out, n, t: off_by_a_bit(out) if len(rows) == 7 and t[1] is None else out,
        "batch of 7",
    ),
    "f64 rows": (lambda task, rows, out, n, t: off_by_a_bit(out) if rows.dtype == F64 else out, "float64 row"),
    "one tree": (lambda task, rows, out, n, t: off_by_a_bit(out) if t == (2, 3) else out, "tree 2 alone"),
    "-0.0": (lambda task, rows, out, n, t: np.where(out == 0, -out, out) if task == "raw" else out, "raw output"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found_where_it_hides(fault: str) -> None:
    forest = build(SHAPE)
    if fault == "-0.0":
        forest = with_leaves(forest, np.zeros_like(forest.leaves.values))
        forest = replace(forest, sum=replace(forest.sum, base=np.zeros(1, np.float32))).check()
    wrong, where = FAULTS[fault]
    verify(forest, Faulty(forest))
    with pytest.raises(VerificationError) as error:
        verify(forest, Faulty(forest, fault=wrong))
    assert where in str(error.value)
    assert "treec-dump" in str(error.value)


def test_an_output_of_another_form_is_a_mismatch(forest: Forest) -> None:
    def wide(task: str, rows: Array, out: Array, *_: Any) -> Array:
        return out.astype(np.float64) if task == "raw" else out

    with pytest.raises(VerificationError, match=r"raw outputs of shape \(\d+, 1\), float64; expected"):
        verify(forest, Faulty(forest, fault=wide))
    with pytest.raises(VerificationError, match="leaf ids"):
        verify(forest, Faulty(forest, fault=lambda task, rows, out, n, t: out[:, :0] if task == "leaf" else out))


def test_the_error_names_tree_row_and_both_numbers(forest: Forest) -> None:
    threshold = forest.predicates.threshold.copy()
    assert isinstance(forest.trees, Trees)
    root = int(forest.trees.predicate[forest.trees.node_offset[1]])
    threshold[root] = np.nextafter(threshold[root], np.float32(np.inf))
    mutant = with_predicates(forest, threshold=threshold)
    with pytest.raises(VerificationError) as error:
        verify(forest, InterpreterRunner(mutant))
    assert error.value.place is not None
    assert error.value.place.startswith("tree ")
    column = forest.inputs.column[forest.predicates.input[root]]
    assert f"[{column}]={shown(forest.predicates.threshold[root])}" in error.value.message
    assert "its leaf id 0 is" in error.value.message
    assert "the reference interpreter says" in error.value.message
    assert error.value.exit_code == 4


def test_counts_and_their_forms(forest: Forest) -> None:
    shares: list[float] = []
    found = verify(forest, InterpreterRunner(forest), oracle_absent="no library here", progress=shares.append, seed=3)
    assert isinstance(forest.trees, Trees)
    assert found.nodes == found.nodes_tested == forest.trees.n_nodes
    assert found.nodes_reached == found.nodes_reachable <= found.nodes
    assert found.boundary_rows > 2 * found.nodes
    assert found.comparisons > 2 * found.boundary_rows
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    card = json.loads(json.dumps(found.to_dict()))
    assert card["library"] == {"absent": "no library here"}
    assert card["max_difference"] == 0.0
    assert card["nodes_reached"] == found.nodes_reached
    assert card["seed"] == 3
    assert card["row_dtypes"] == ["float32", "float64"]
    assert "no library here" in found.summary()
    assert "\n" not in found.summary()
    assert "sample" not in found.summary()
    assert found == verify(forest, InterpreterRunner(forest), oracle_absent="no library here", seed=3)


def test_a_runner_of_float32_rows_only(forest: Forest) -> None:
    wide = build(replace(SHAPE, input_dtype=F64))
    found = verify(wide, InterpreterRunner(wide, (F32,)))
    assert found.row_dtypes == ("float32",)
    assert found.nodes_reached == found.nodes_reachable


def test_no_trees_and_no_nodes() -> None:
    for shape in (Shape(n_trees=0), Shape(n_trees=3, leaves=1)):
        forest = build(shape)
        found = verify(forest, InterpreterRunner(forest))
        assert (found.nodes, found.nodes_reached) == (0, 0)
        assert found.boundary_rows == shape.n_trees
        wrong = with_leaves(forest, forest.leaves.values + 1)
        if shape.n_trees:
            with pytest.raises(VerificationError, match="raw output 0"):
                verify(forest, InterpreterRunner(wrong))


def test_trees_in_levels_form_are_refused_by_name(forest: Forest) -> None:
    empty, none = np.zeros(0, np.int32), np.zeros(1, np.int64)
    trees = ObliviousTrees(none, none, empty, empty, empty, empty, np.zeros(1, np.int32))
    with pytest.raises(UnsupportedModelError, match="levels form"):
        boundary_rows(replace(forest, trees=trees).check())


# ---- blocks and budgets ------------------------------------------------------------------------------------------------


def test_blocks_are_of_one_tree_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("treec.verify.boundary.BLOCK_BYTES", 500)
    forest = build(replace(SHAPE, leaves=60))
    plan = boundary_rows(forest, 1, 3)
    blocks = list(plan.blocks())
    assert len(blocks) > 3
    assert all(block.rows.nbytes <= 500 for block in blocks)
    tree = np.concatenate([block.tree for block in blocks])
    assert (np.diff(tree) >= 0).all()
    assert set(tree.tolist()) == {1, 2}
    assert isinstance(forest.trees, Trees)
    assert plan.n_nodes == forest.trees.node_offset[3] - forest.trees.node_offset[1]
    assert all((np.diff(block.position) >= 0).all() for block in blocks)


def test_a_budget_of_codes_takes_a_sample_per_node() -> None:
    shape = replace(SHAPE, categorical=3, words=40, n_predicates=10)
    forest = build(shape)
    every = verify(forest, InterpreterRunner(forest))
    some = verify(forest, InterpreterRunner(forest), budget=Budget(codes=100))
    assert some.boundary_rows < every.boundary_rows / 2
    assert some.nodes_reached == some.nodes_reachable == every.nodes_reached


# ---- the library -------------------------------------------------------------------------------------------------------


@dataclass
class Library:
    """A library that answers as the interpreter does, but for ``fault``."""

    forest: Forest
    fault: str = ""
    accepted: float = np.inf
    library: str = "testlib"
    version: str = "1.2"

    def runner(self) -> InterpreterRunner:
        return InterpreterRunner(self.forest)

    def accepts(self, rows: Array) -> Array:
        return ~np.isinf(rows).any(axis=1) & (np.arange(len(rows)) < self.accepted)

    def check(self, rows: Array) -> None:
        assert self.accepts(rows).all(), "asked about a row it refuses"

    def raw(self, rows: Array) -> Array:
        self.check(rows)
        found = self.runner().raw(rows)
        return off_by_a_bit(found) if self.fault == "raw" else found

    def predict(self, rows: Array) -> Array:
        self.check(rows)
        found = self.runner().predict(rows)
        if self.fault == "label":
            found = found.copy()
            found[-1] = "no" if found[-1] == "yes" else "yes"
        if self.fault == "response":
            return (found * np.float32(1 + 1e-6)).astype(np.float32)
        return found[:, None] if self.fault == "shape" else found

    def predict_proba(self, rows: Array) -> Array | None:
        self.check(rows)
        found = self.runner().predict_proba(rows)
        if not isinstance(found, np.ndarray):
            return None
        steps = {"proba": 3, "proba within": 2}.get(self.fault, 0)
        for _ in range(steps):
            found = np.nextafter(found, np.float32(2))
        return found

    def apply(self, rows: Array) -> Array | None:
        self.check(rows)
        found = self.runner().apply(rows)
        if self.fault == "no leaves":
            return None
        return off_by_a_bit(found) if self.fault == "leaf" else found


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("raw", "raw output 0 is"),
        ("label", "label is"),
        ("proba", "probability is"),
        ("leaf", "leaf id 0 is"),
        ("shape", r"labels have shape \(\d+,\), <U3; testlib 1.2 gives \(\d+, 1\)"),
    ],
)
def test_a_difference_from_the_library_is_an_error(classifier: Forest, fault: str, message: str) -> None:
    runner = InterpreterRunner(classifier)
    with pytest.raises(VerificationError, match=message) as error:
        verify(classifier, runner, Library(classifier, fault))
    assert "testlib 1.2" in error.value.message


def test_a_response_has_a_bound_and_raw_outputs_none(forest: Forest) -> None:
    regression = replace(forest, outputs=Outputs(vector=True, link=Link.XGB_EXP, apply_shape=(4,))).check()
    found = verify(regression, InterpreterRunner(regression), Library(regression))
    assert (found.oracle_ulp, found.oracle_bound) == (0, 2)
    with pytest.raises(VerificationError, match="response is"):
        verify(regression, InterpreterRunner(regression), Library(regression, "response"))


def test_what_was_compared_with_the_library_is_counted(classifier: Forest) -> None:
    runner = InterpreterRunner(classifier)
    found = verify(classifier, runner, Library(classifier, "proba within"))
    assert found.oracle_ulp == 2
    assert 0 < found.oracle_rows < found.random_rows
    assert found.to_dict()["library"] == {
        "library": "testlib",
        "version": "1.2",
        "rows": found.oracle_rows,
        "max_ulp": 2,
        "ulp_bound": 2,
    }
    assert "testlib 1.2" in found.summary()
    assert "links within 2 ulp" in found.summary()
    verify(classifier, runner, Library(classifier, "no leaves"))


def test_a_library_that_refuses_every_row(classifier: Forest) -> None:
    found = verify(classifier, InterpreterRunner(classifier), Library(classifier, "raw", accepted=0))
    assert found.oracle_rows == 0


@dataclass(frozen=True, eq=False)
class TwoKernels(InterpreterRunner):
    """Calls of up to 8 rows, or of more, run code that answers wrongly in one tree; ``asked`` says as how many rows."""

    row_limits: tuple[int, ...] = (8,)
    wrong_is_small: bool = True
    asked: int | None = None

    def as_rows(self, n: int) -> InterpreterRunner:
        return replace(self, asked=n)

    def leaf_ids(
        self, rows: Array, tree_begin: int = 0, tree_end: int | None = None, *, n_threads: int = 1
    ) -> NDArray[np.int32]:
        ids = super().leaf_ids(rows, tree_begin, tree_end)
        small = (len(rows) if self.asked is None else self.asked) <= 8
        return ids + np.int32(small == self.wrong_is_small)


@pytest.mark.parametrize(("small", "kernel"), [(True, "kernel for up to 8 rows"), (False, "kernel for over 8 rows")])
def test_every_kernel_is_checked(forest: Forest, small: bool, kernel: str) -> None:
    with pytest.raises(VerificationError, match=kernel):
        verify(forest, TwoKernels(forest, wrong_is_small=small))


@dataclass(frozen=True, eq=False)
class WrongChoice(InterpreterRunner):
    """A call of exactly ``wrong`` rows is answered wrongly, whatever code it is run by otherwise."""

    row_limits: tuple[int, ...] = (20,)
    wrong: int = 20

    def leaf_ids(
        self, rows: Array, tree_begin: int = 0, tree_end: int | None = None, *, n_threads: int = 1
    ) -> NDArray[np.int32]:
        return super().leaf_ids(rows, tree_begin, tree_end) + np.int32(len(rows) == self.wrong and tree_end is None)


@pytest.mark.parametrize("wrong", [19, 20, 21])
def test_calls_around_the_limit_of_a_kernel_are_checked(forest: Forest, wrong: int) -> None:
    with pytest.raises(VerificationError, match=f"batch of {wrong}"):
        verify(forest, WrongChoice(forest, wrong=wrong))


def test_a_c_library_with_other_functions_is_told_and_bounds_responses(forest: Forest) -> None:
    linked = replace(forest, outputs=Outputs(vector=True, link=Link.XGB_EXP)).check()
    one_off = Faulty(linked, fault=lambda task, rows, out, threads, trees: off_by_a_bit(out) if task == "response" else out)
    with pytest.raises(VerificationError, match="response"):
        verify(linked, one_off)
    found = verify(linked, one_off, unlike=("exp",))
    assert "the C library here has another exp than kernels" in found.summary()
    assert "responses within 1 ulp" in found.summary()
    assert found.to_dict()["c_library"] == {"unlike": ["exp"], "max_ulp": 1}
    far = Faulty(
        linked, fault=lambda task, rows, out, threads, trees: out * np.float32(1.01) if task == "response" else out
    )
    with pytest.raises(VerificationError, match="response"):
        verify(linked, far, unlike=("exp",))
    assert "C library" not in verify(linked, InterpreterRunner(linked)).summary()


@dataclass(frozen=True, eq=False)
class SharedLeaves(TwoKernels):
    """Both kernels have the same code for leaf ids; ``ran`` says as how many rows it was asked for."""

    ran: list[int | None] = field(default_factory=list[int | None])

    def code(self, task: Task, dtype: np.dtype[Any]) -> object:
        return self.ran if task is Task.LEAF else self

    def leaf_ids(
        self, rows: Array, tree_begin: int = 0, tree_end: int | None = None, *, n_threads: int = 1
    ) -> NDArray[np.int32]:
        self.ran.append(self.asked)
        return InterpreterRunner.leaf_ids(self, rows, tree_begin, tree_end)


def test_code_that_kernels_share_is_checked_once(forest: Forest) -> None:
    runner = SharedLeaves(forest)
    verify(forest, runner)
    assert set(runner.ran) == {8, None}  # None: batches, for which the runner itself chooses
