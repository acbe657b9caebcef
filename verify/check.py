"""Verification of a compiled model: against the reference interpreter bit for bit, and against the source library."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treec.codegen.abi import Task
from treec.errors import VerificationError
from treec.frontends.base import Forest, Predicted
from treec.frontends.oracle import Oracle
from treec.treeir.interp import forest as interpreter
from treec.verify.boundary import Block, BoundaryRows, Budget, boundary_rows
from treec.verify.bounds import sum_bound
from treec.verify.compare import link_bound, same, ulp_distance
from treec.verify.report import HINT, Verification, describe_row, mismatch
from treec.verify.rows import Domain, random_rows
from treec.verify.runner import GivenSums, Runner

__all__ = ["Budget", "Verification", "verify"]

Rows = NDArray[Any]
Progress = Callable[[float], None]
Variant = tuple[str, Rows, int]
"""How, rows, threads."""

ATTEMPTS = 3
ROWS_MIN, ROWS_MAX = 31, 1021  # odd, so that blocks of rows leave a remainder
LAYOUT_ROWS = 197
SINGLE_TREES = 8
"""Trees whose responses are compared alone, where sums of several have no order."""
TASKS = {"raw output": Task.RAW, "response": Task.RESPONSE, "leaf id": Task.LEAF}


def verify(
    forest: Forest,
    runner: Runner,
    oracle: Oracle | None = None,
    *,
    budget: Budget | None = None,
    seed: int = 0,
    oracle_absent: str = "there is none",
    reassociated: bool = False,
    unlike: tuple[str, ...] = (),
    repeats: bool = True,
    progress: Progress | None = None,
) -> Verification:
    """Compare ``runner`` with the interpreter of ``forest``, and with ``oracle`` where it accepts the rows.

    Boundary rows go through their own tree alone, random rows through all trees, in several layouts, batch sizes and thread
    counts. ``oracle_absent`` says why there is no oracle. ``reassociated``: raw outputs of all trees may differ from the
    interpreter's by `sum_bound`; they are still the same bits in all layouts, batches and thread counts, if the code
    ``repeats`` its sums. ``unlike``: functions of the link that the runner has with other bits than this machine's C
    library, by which the interpreter goes; responses may then differ by `link_bound`. ``progress`` is called with the share
    done, 0 to 1.
    Raises `VerificationError` at the first difference. Works the same on every machine for the same ``seed``.
    """
    began = time.perf_counter()
    budget = budget or Budget()
    found = Verification(seed=seed, oracle_absent=None if oracle else oracle_absent, reassociated=reassociated)
    found.unlike = unlike
    found.repeats = repeats
    found.row_dtypes = tuple(dtype.name for dtype in runner.row_dtypes)
    check = _Check(forest, runner, budget, seed, found, progress or (lambda _: None))
    check.boundary()
    check.random()
    if oracle is not None:
        check.library(oracle)
    check.progress(1.0)
    found.seconds = time.perf_counter() - began
    return found


@dataclass(frozen=True, eq=False)
class _Check:
    forest: Forest
    runner: Runner
    budget: Budget
    seed: int
    found: Verification
    progress: Progress

    @property
    def natural_dtype(self) -> np.dtype[Any]:
        """Rows of the compare dtype, if the code takes them."""
        dtypes = self.runner.row_dtypes
        return self.forest.inputs.dtype if self.forest.inputs.dtype in dtypes else dtypes[0]

    def boundary(self) -> None:
        plan = boundary_rows(self.forest, row_dtype=self.natural_dtype, budget=self.budget, seed=self.seed)
        targets, done = plan.targets, 0
        self.found.nodes = plan.n_nodes
        self.found.nodes_tested = int((targets < plan.paths.n_nodes).sum())
        open_targets = targets
        for attempt in range(ATTEMPTS):
            missed: list[NDArray[np.int64]] = []
            for block in plan.blocks(open_targets, attempt=attempt):
                missed.append(self._block(plan, block))
                done += len(block.target)
                self.progress(min(0.7, 0.7 * done / len(targets)))
            open_targets = np.concatenate([*missed, np.zeros(0, np.int64)])
            if len(open_targets) == 0:
                break

    def _block(self, plan: BoundaryRows, block: Block) -> NDArray[np.int64]:
        """Run one block; returns the targets that none of its rows reached though some row might."""
        encoded = interpreter.encode_inputs(self.forest, block.rows)
        leaf = interpreter.leaf_of_pairs(self.forest, encoded, block.tree)
        trees = self.forest.trees
        ids = trees.leaf_id[trees.leaf_offset[block.tree] + leaf]
        raw = interpreter.raw_of_pairs(self.forest, encoded, block.tree, leaf)
        for how, runner in self._kernels(Task.LEAF, block.rows.dtype):
            got_ids = self._tree_by_tree(runner.leaf_ids, block, ids[:, None].astype(np.int32), "leaf ids")
            self._compare_block(plan, block, leaf, f"leaf id{how}", ids[:, None], got_ids)
        for how, runner in self._kernels(Task.RAW, block.rows.dtype):
            got_raw = self._tree_by_tree(runner.raw, block, raw, "raw outputs")
            self._compare_block(plan, block, leaf, f"raw output{how}", raw, got_raw)
        inside = (leaf >= block.first[block.position]) & (leaf < block.end[block.position])
        reached = np.bincount(block.position[inside], minlength=len(block.target)) > 0
        is_node = block.target < plan.paths.n_nodes
        self.found.boundary_rows += len(block.rows)
        self.found.nodes_reached += int((reached & is_node).sum())
        missed = block.target[block.possible & ~reached]
        self.found.nodes_unreachable += int((is_node & ~reached & ~block.possible).sum())
        return missed

    def _tree_by_tree(self, run: Callable[..., NDArray[Any]], block: Block, like: NDArray[Any], what: str) -> NDArray[Any]:
        """What ``run`` gives for each row through its own tree alone: of the shape and dtype of ``like``."""
        found, tree = np.empty_like(like), block.tree
        starts = np.flatnonzero(np.diff(tree, prepend=-1))
        for begin, end in zip(starts.tolist(), [*starts[1:].tolist(), len(tree)], strict=True):
            t = int(tree[begin])
            found[begin:end] = self._checked(run(block.rows[begin:end], t, t + 1), found[begin:end], what)
        return found

    def _checked(self, got: NDArray[Any], like: NDArray[Any], what: str) -> NDArray[Any]:
        if got.shape != like.shape or got.dtype != like.dtype:
            raise VerificationError(
                f"the compiled model gives {what} of shape {got.shape}, {got.dtype}; expected {like.shape}, {like.dtype}",
                fix=HINT,
            )
        return got

    def _compare_block(
        self, plan: BoundaryRows, block: Block, leaf: NDArray[Any], what: str, expected: NDArray[Any], got: NDArray[Any]
    ) -> None:
        self.found.comparisons += expected.size
        equal = same(expected, got)
        if self.found.reassociated:  # one term and the base: nothing rounds in another way, but 0 may have another sign
            equal |= expected == got
        if equal.all():
            return
        row, column = (int(index) for index in np.argwhere(~equal)[0])
        tree = int(block.tree[row])
        inputs = plan.paths.inputs_above(plan.paths.n_nodes + int(plan.paths.trees.leaf_offset[tree]) + int(leaf[row]))
        text = describe_row(self.forest, block.rows[row], inputs)
        raise mismatch(f"{what} {column}", f"tree {tree} alone", text, expected[row, column], got[row, column])

    def random(self) -> None:
        n = int(np.clip(self.budget.pairs // max(1, self.forest.trees.n_trees), ROWS_MIN, ROWS_MAX))
        for number, dtype in enumerate(self.runner.row_dtypes):
            rows = random_rows(Domain(self.forest, dtype), n, self.seed + number)
            raw, ids = interpreter.raw_and_leaf_ids(self.forest, rows)
            expected: dict[str, NDArray[Any]] = {"leaf id": ids}
            if not self.found.repeats:
                self._in_any_order(rows, raw)
            else:
                raw = self._own_raw(rows, raw) if self.found.reassociated else raw
                expected |= {"raw output": raw, "response": interpreter.response(self.forest, raw)}
            self.found.random_rows += n
            for what, values in expected.items():
                for how, runner in self._kernels(TASKS[what], dtype):
                    self._run_variants(runner, what, how, self._variants(rows), values)
                self._run_variants(self.runner, what, "", self._batches(rows), values)
            if self.forest.outputs.predicted is not Predicted.RESPONSE and self.found.repeats and not self.found.unlike:
                self._labels(rows, raw)
            self.progress(0.7 + 0.15 * (number + 1) / len(self.runner.row_dtypes))

    def _labels(self, rows: Rows, raw: NDArray[Any]) -> None:
        expected, got = GivenSums(self.forest, sums=raw).predict(rows), self.runner.predict(rows)
        if got.shape != expected.shape or got.dtype != expected.dtype:
            self._checked(got, expected, "labels")
        self.found.comparisons += expected.size
        equal = same(expected, got)
        if not equal.all():
            at = tuple(int(index) for index in np.argwhere(~equal)[0])
            text = describe_row(self.forest, rows[at[0]])
            raise mismatch("label", f"all trees, row {at[0]}", text, expected[at], got[at])

    def _own_raw(self, rows: Rows, reference: NDArray[Any]) -> NDArray[Any]:
        """The compiled model's own sums, which all its variants must repeat, once they are within the bound."""
        own = self._checked(self.runner.raw(rows), reference, "raw outputs")
        self._within(rows, reference, own, sum_bound(self.forest, rows), "all trees")
        return own

    def _within(
        self, rows: Rows, reference: NDArray[Any], own: NDArray[Any], bound: NDArray[np.float64], place: str
    ) -> None:
        wrong = self.found.within(reference, own, bound)
        if wrong is not None:
            row, column = wrong
            text = describe_row(self.forest, rows[row])
            raise mismatch(f"raw output {column}", f"{place}, row {row}", text, reference[wrong], own[wrong])

    def _in_any_order(self, rows: Rows, raw: NDArray[Any]) -> None:
        """Sums that may have other bits in each call: all variants within the bound."""
        bound = sum_bound(self.forest, rows)
        for kernel, runner in self._kernels(Task.RESPONSE, rows.dtype):
            for how, variant, n_threads in [*self._variants(rows), *self._batches(rows)]:
                part = _first(raw, len(variant))
                got = self._checked(runner.raw(variant, n_threads=n_threads), part, f"raw outputs ({how}{kernel})")
                self._within(variant, part, got, _first(bound, len(variant)), f"all trees, {how}{kernel}")
                self.found.comparisons += part.size
            self._single_responses(rows, runner, kernel)

    def _single_responses(self, rows: Rows, runner: Runner, kernel: str) -> None:
        """Responses of single trees: their sums have one term, and so one value; but 0 may have another sign."""
        n_trees = self.forest.trees.n_trees
        for tree in sorted({int(t) for t in np.linspace(0, n_trees - 1, min(n_trees, SINGLE_TREES))}):
            wanted = interpreter.response(self.forest, interpreter.raw(self.forest, rows, tree, tree + 1))
            place = f"tree {tree} alone{kernel}"
            got = self._checked(runner.response(rows, tree, tree + 1), wanted, f"responses ({place})")
            self.found.comparisons += wanted.size
            equal = self._equal("response", wanted, got) | (wanted == got)
            if not equal.all():
                row, column = (int(index) for index in np.argwhere(~equal)[0])
                text = describe_row(self.forest, rows[row])
                raise mismatch(f"response {column}", f"{place}, row {row}", text, wanted[row, column], got[row, column])

    def _run_variants(
        self, runner: Runner, what: str, kernel: str, variants: list[Variant], expected: NDArray[Any]
    ) -> None:
        run: dict[str, Callable[..., NDArray[Any]]] = {
            "raw output": runner.raw,
            "response": runner.response,
            "leaf id": runner.leaf_ids,
        }
        for how, variant, n_threads in variants:
            part = _first(expected, len(variant))
            got = self._checked(run[what](variant, n_threads=n_threads), part, f"{what}s ({how}{kernel})")
            self.found.comparisons += part.size
            equal = self._equal(what, part, got)
            if not equal.all():
                row, column = (int(index) for index in np.argwhere(~equal)[0])
                place = f"all trees, {how}{kernel}, row {row}"
                text = describe_row(self.forest, variant[row])
                raise mismatch(f"{what} {column}", place, text, part[row, column], got[row, column])

    def _equal(self, what: str, expected: NDArray[Any], got: NDArray[Any]) -> NDArray[np.bool_]:
        if what != "response" or not self.found.unlike:
            return same(expected, got)
        distance = ulp_distance(expected, got)
        self.found.unlike_ulp = max(self.found.unlike_ulp, int(distance.max(initial=0)))
        return distance <= link_bound(self.forest.outputs.link, self.forest.n_columns)

    def _kernels(self, task: Task, dtype: np.dtype[Any]) -> list[tuple[str, Runner]]:
        """The code for calls of few rows and of many, each once, with words for an error; one entry if it is the same."""
        limits = self.runner.row_limits
        if not limits:
            return [("", self.runner)]
        found = [(f", kernel for up to {n} rows", self.runner.as_rows(n)) for n in limits]
        found.append((f", kernel for over {limits[-1]} rows", self.runner.as_rows(limits[-1] + 1)))
        by_code: dict[int, tuple[str, Runner]] = {}
        for how, runner in found:
            by_code.setdefault(id(runner.code(task, dtype)), (how, runner))
        return list(by_code.values())

    def _batches(self, rows: Rows) -> list[Variant]:
        """Calls of few rows, and of as many as where the next kernel takes over; those beyond the budget are left out."""
        most = max(len(rows), self.budget.pairs // max(1, self.forest.trees.n_trees))
        around = {size for limit in self.runner.row_limits for size in (limit - 1, limit, limit + 1)}
        return [(f"batch of {size}", _first(rows, size), 1) for size in sorted({0, 1, 7} | around) if size <= most]

    def _variants(self, rows: Rows) -> list[Variant]:
        """The same rows in other layouts and thread counts."""
        part = rows[:LAYOUT_ROWS]
        spread = np.zeros((2 * part.shape[0], 2 * part.shape[1]), rows.dtype)
        spread[::2, ::2] = part
        return [
            ("C order", rows, 1),
            ("two threads", rows, 2),
            ("Fortran order", np.asfortranarray(part), 1),
            ("strided", spread[::2, ::2], 1),
            ("reversed", np.ascontiguousarray(part[::-1, ::-1])[::-1, ::-1], 1),
        ]

    def library(self, oracle: Oracle) -> None:
        n = int(np.clip(self.budget.pairs // max(1, self.forest.trees.n_trees), ROWS_MIN, ROWS_MAX))
        found = self.found
        found.oracle, found.oracle_version = oracle.library, oracle.version
        found.oracle_bound = link_bound(self.forest.outputs.link, self.forest.n_columns)
        against = f"{oracle.library} {oracle.version}"
        for number, dtype in enumerate(self.runner.row_dtypes):
            rows = random_rows(Domain(self.forest, dtype), n, self.seed + 100 + number)
            rows = rows[oracle.accepts(rows)]
            if len(rows) == 0:
                continue
            found.oracle_rows += len(rows)
            pair = _Pair(self.forest, rows, against, found)
            model: Runner = self.runner
            if found.reassociated:
                model = pair.same_sums(model, oracle)
            else:
                pair.equal("raw output", model.raw(rows), oracle.raw(rows))
            ids = oracle.apply(rows)
            if ids is not None:
                pair.equal("leaf id", self.runner.apply(rows), ids)
            pair.predictions(model, oracle)
            self.progress(0.85 + 0.15 * (number + 1) / len(self.runner.row_dtypes))


def _first(values: NDArray[Any], n: int) -> NDArray[Any]:
    """The first ``n`` rows, from the beginning again where there are fewer."""
    return values[:n] if n <= len(values) else values[np.arange(n) % len(values)]


@dataclass(frozen=True, eq=False)
class _Pair:
    """Comparisons of the compiled model with its library on some rows."""

    forest: Forest
    rows: Rows
    against: str
    found: Verification

    def equal(self, what: str, got: NDArray[Any], expected: NDArray[Any]) -> None:
        self._same_form(what, got, expected)
        equal = same(expected, got)
        if not equal.all():
            self._fail(what, got, expected, equal)

    def same_sums(self, runner: Runner, oracle: Oracle) -> Runner:
        """Compare raw outputs within the bound, and predictions with what follows from the model's own; returns the model
        with the library's sums, whose predictions are the library's."""
        mine, theirs = runner.raw(self.rows), oracle.raw(self.rows)
        library = theirs.reshape(mine.shape)
        wrong = self.found.within(library, mine, sum_bound(self.forest, self.rows))
        if wrong is not None:
            text = describe_row(self.forest, self.rows[wrong[0]])
            place = f"row {wrong[0]}"
            raise mismatch(f"raw output {wrong[1]}", place, text, library[wrong], mine[wrong], against=self.against)
        if self.found.repeats:
            own = GivenSums(self.forest, sums=mine)
            self.equal("prediction", runner.predict(self.rows), own.predict(self.rows))
        return GivenSums(self.forest, sums=library)

    def predictions(self, runner: Runner, oracle: Oracle) -> None:
        predicted, expected = runner.predict(self.rows), oracle.predict(self.rows)
        if self.forest.outputs.predicted is Predicted.RESPONSE:
            self.within("response", predicted, expected)
        else:
            self.equal("label", predicted, expected)
        got, expected = runner.predict_proba(self.rows), oracle.predict_proba(self.rows)
        if got is None or expected is None:
            return
        pairs = zip(got, expected, strict=True) if isinstance(got, list) else [(got, expected)]
        for part, (mine, library) in enumerate(pairs):
            name = f"probability of output {part}" if isinstance(got, list) else "probability"
            theirs = np.asarray(library)
            if self.forest.outputs.binary_proba and theirs.ndim == 2:  # where p is near 1, 1 - p has few good bits
                self.within(name, mine[:, 1], theirs[:, 1])
            else:
                self.within(name, mine, theirs)

    def within(self, what: str, got: NDArray[Any], expected: NDArray[Any]) -> None:
        self._same_form(what, got, expected)
        distance = ulp_distance(expected, got)
        self.found.oracle_ulp = max(self.found.oracle_ulp, int(distance.max(initial=0)))
        if self.found.oracle_ulp > self.found.oracle_bound:
            self._fail(what, got, expected, distance <= self.found.oracle_bound)

    def _same_form(self, what: str, got: NDArray[Any], expected: NDArray[Any]) -> None:
        if got.shape != expected.shape or got.dtype != expected.dtype:
            raise VerificationError(
                f"{what}s have shape {got.shape}, {got.dtype}; {self.against} gives {expected.shape}, {expected.dtype}",
                fix=HINT,
            )

    def _fail(self, what: str, got: NDArray[Any], expected: NDArray[Any], equal: NDArray[np.bool_]) -> None:
        at = tuple(int(index) for index in np.argwhere(~equal)[0])
        text = describe_row(self.forest, self.rows[at[0]])
        name = " ".join([what, *map(str, at[1:])])
        raise mismatch(name, f"row {at[0]}", text, expected[at], got[at], against=self.against)
