"""A compiler for forests of stumps, written by hand in C against the generated header: artifacts without LLVM."""

from __future__ import annotations

import itertools
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from treec.codegen.card import card_bytes, card_capacity, card_of, write_card
from treec.codegen.header import header_text
from treec.frontends.base import Final, Forest, Inputs, Leaves, Outputs, Predicates, Source, SumRule, Test, Trees
from treec.runtime import CompiledModel, load

C_TEXT = r"""
#include <stddef.h>
#include <string.h>
#include "model.h"

@DATA@

__attribute__((section(".treec_card"), used, visibility("default")))
const char treec_card[CAPACITY] = CARD;

/* A stage checks what it is promised: whole grains, an aligned workspace that nobody else writes. */
#define STAGE(NAME, ROW, KIND)                                                                                         \
  static int32_t NAME(const void *rows, int64_t rs, int64_t cs, void *out, int64_t os, int64_t oc, int64_t r0, int64_t r1, \
                      int64_t t0, int64_t t1, int64_t g0, int64_t g1, void *workspace, void *scratch, int64_t lines) { \
    if (STATUS) return STATUS;                                                                                         \
    if (!workspace || (uintptr_t)workspace % 64 || r0 % GRAIN || t0 < 0 || t1 > TREES || t0 > t1)                       \
      return TREEC_STATUS_BAD_ARGUMENT;                                                                                \
    memcpy(workspace, &r0, 8);                                                                                         \
    for (int64_t r = r0; r < r1; ++r) {                                                                                \
      OUT sum[COLUMNS];                                                                                                \
      for (int k = 0; k < COLUMNS; ++k) sum[k] = base[k];                                                              \
      for (int64_t t = t0; t < t1; ++t) {                                                                              \
        if (KIND == 2 && LEAF_GROUPS && (t / 4 < g0 || t / 4 >= g1)) continue;                                         \
        CMP x = (CMP)((const ROW *)rows)[r * rs + feature[t] * cs];                                                    \
        int go = x < threshold[t] ? 0 : 1;                                                                             \
        sum[column[t]] += value[2 * t + go];                                                                           \
        if (KIND == 2) ((int32_t *)out)[r * os + (t - t0) * oc] = leaf_id[2 * t + go];                                 \
      }                                                                                                                \
      for (int k = 0; KIND != 2 && k < COLUMNS; ++k)                                                                   \
        ((OUT *)out)[r * os + k * oc] = KIND == 1 ? (OUT)(LINK(sum[k])) : sum[k];                                      \
    }                                                                                                                  \
    return memcmp(workspace, &r0, 8) ? 77 : TREEC_STATUS_OK;                                                           \
  }

STAGE(raw_f32, float, 0)
STAGE(raw_f64, double, 0)
STAGE(response_f32, float, 1)
STAGE(response_f64, double, 1)
STAGE(leaf_f32, float, 2)
STAGE(leaf_f64, double, 2)

static const treec_stage stages[] = {
  {raw_f32, TREEC_AXIS_ROW, 0, GRAIN, 128, 0},      {raw_f64, TREEC_AXIS_ROW, 0, GRAIN, 128, 0},
  {response_f32, TREEC_AXIS_ROW, 0, GRAIN, 128, 0}, {response_f64, TREEC_AXIS_ROW, 0, GRAIN, 128, 0},
  {leaf_f32, LEAF_GROUPS > 0, 0, GRAIN, 128, LEAF_GROUPS}, {leaf_f64, LEAF_GROUPS > 0, 0, GRAIN, 128, LEAF_GROUPS},
};
static const treec_kernel kernels[] = {
  {0, 0, 4, 1, stages, INT64_MAX, 0},             {0, 0, INT64_MAX, 1, stages, RUN_ROWS, 0},
  {1, 0, INT64_MAX, 1, stages + 2, INT64_MAX, 0}, {2, 0, INT64_MAX, 1, stages + 4, RUN_ROWS, 0},
  {0, 1, INT64_MAX, 1, stages + 1, INT64_MAX, 0}, {1, 1, INT64_MAX, 1, stages + 3, INT64_MAX, 0},
  {2, 1, INT64_MAX, 1, stages + 5, INT64_MAX, 0},
};
static int32_t cpu_check(void) { return CPU; }
static int32_t call(const int64_t *w) {
  return ((treec_stage_function)w[0])((const void *)w[1], w[2], w[3], (void *)w[4], w[5], w[6], w[7], w[8], w[9], w[10],
                                      w[11], w[12], (void *)w[13], (void *)w[14], w[15]);
}
static int32_t watch(const int64_t *word, int64_t old, int64_t pauses, int64_t more) {
  while (__atomic_load_n(word, __ATOMIC_ACQUIRE) == old)
    if (pauses-- <= 0) return 0;
  for (volatile int64_t left = more; left > 0; --left) {}
  return 1;
}
static const treec_artifact artifact = {
  MAGIC, VERSION, FEATURES, TREES, COLUMNS, sizeof(OUT) == 8, KERNELS, 128, kernels + FIRST_KERNEL, cpu_check,
  treec_card, CAPACITY, call, watch,
};
__attribute__((visibility("default"))) const treec_artifact *treec_describe(void) { return &artifact; }
"""


@dataclass
class Stumps:
    """A forest of stumps (``x < threshold`` goes left, NaN right), its artifact, and its answers by numpy."""

    forest: Forest
    defines: dict[str, Any] = field(default_factory=dict[str, Any])
    facts: dict[str, Any] = field(default_factory=dict[str, Any])

    def raw(self, rows: NDArray[Any], trees: range | None = None) -> NDArray[Any]:
        out = np.tile(self.forest.sum.base, (len(rows), 1))
        leaves = self._leaves(rows)
        for tree in trees if trees is not None else range(self.forest.trees.n_trees):
            out[:, self.forest.trees.column[tree]] += self.forest.leaves.values[leaves[:, tree], 0]
        return out

    def _leaves(self, rows: NDArray[Any]) -> NDArray[Any]:
        p = self.forest.predicates
        x = np.asarray(rows)[:, p.input].astype(p.threshold.dtype)
        return np.arange(len(p)) * 2 + ~(x < p.threshold)

    def leaf_ids(self, rows: NDArray[Any]) -> NDArray[np.int32]:
        return self.forest.trees.leaf_id[self._leaves(rows)]

    def card(self) -> dict[str, Any]:
        return card_of(self.forest, schedule="order row, tree\n", cpu_level="x86-64-v3", verification=None, **self.facts)


def stumps(
    n_trees: int = 6,
    n_features: int = 3,
    n_columns: int = 1,
    *,
    dtype: str = "f4",
    outputs: Outputs | None = None,
    names: tuple[str, ...] | None = None,
    final: Final = Final.NONE,
    library: str = "xgboost",
    defines: dict[str, Any] | None = None,
) -> Stumps:
    tree = np.arange(n_trees)
    zeros = np.zeros(n_trees, np.int32)
    forest = Forest(
        Inputs(n_features, np.dtype(dtype), np.arange(n_features, dtype=np.int32), names=names),
        Predicates(
            (tree % n_features).astype(np.int32),
            np.full(n_trees, Test.LESS, np.uint8),
            (tree * 0.1 - 0.2).astype(dtype),
            np.ones(n_trees, np.uint8),
            np.zeros(n_trees, bool),
            zeros - 1,
            np.zeros(n_trees, bool),
            np.zeros(1, np.int64),
            np.zeros(0, np.uint32),
        ),
        Trees(
            np.arange(n_trees + 1),
            np.arange(n_trees + 1) * 2,
            tree.astype(np.int32),
            zeros - 1,
            zeros - 2,
            np.arange(2 * n_trees, dtype=np.int32),
            np.tile([1, 2], n_trees).astype(np.int32),
            (tree % n_columns).astype(np.int32),
            np.arange(0, n_trees + 1, n_columns).astype(np.int32),
        ),
        Leaves(np.stack([-(tree + 1) * 0.3, (tree + 1) * 0.17], 1).reshape(-1, 1).astype(dtype)),
        SumRule(np.dtype(dtype), np.full(n_columns, 0.5, dtype), final=final),
        outputs or Outputs(vector=n_columns == 1, apply_shape=(n_trees,)),
        Source(library, "python", version="1.0", objective="squares"),
    ).check()
    return Stumps(forest, defines or {})


def _c_array(kind: str, name: str, values: Any) -> str:
    listed = ", ".join(float(v).hex() if kind in ("CMP", "OUT") else str(int(v)) for v in values)
    return f"static const {kind} {name}[] = {{{listed}}};"


def _c_text(model: Stumps) -> str:
    forest, card = model.forest, card_bytes(model.card())[:-1].decode()
    quoted = card.replace("\\", "\\\\").replace('"', '\\"')
    ctype = {"f4": "float", "f8": "double"}[forest.sum.dtype.str[1:]]
    defines = {
        "OUT": ctype,
        "CMP": ctype,
        "FEATURES": forest.inputs.n_features,
        "TREES": forest.trees.n_trees,
        "COLUMNS": forest.n_columns,
        "CAPACITY": card_capacity(model.card()),
        "CARD": f'"{quoted}"',
        "GRAIN": 4,
        "LINK(x)": "0.5 + (x) / 8",
        "STATUS": 0,
        "CPU": 0,
        "MAGIC": "TREEC_MAGIC",
        "VERSION": "TREEC_ABI_VERSION",
        "KERNELS": 7,
        "FIRST_KERNEL": 0,
        "LEAF_GROUPS": 0,
        "RUN_ROWS": "INT64_MAX",
        **model.defines,
    }
    p = forest.predicates
    lines = [f"#define {name} {value}" for name, value in defines.items()]
    lines += [
        _c_array("int32_t", "feature", p.input),
        _c_array("CMP", "threshold", p.threshold),
        _c_array("OUT", "value", forest.leaves.values[:, 0]),
        _c_array("OUT", "base", forest.sum.base),
        _c_array("int32_t", "column", forest.trees.column),
        _c_array("int32_t", "leaf_id", forest.trees.leaf_id),
    ]
    return C_TEXT.replace("@DATA@", "\n".join(lines))


def compile_stumps(model: Stumps, folder: Path, *, finish: bool = True) -> Path:
    """Compile with the system's C compiler; ``finish`` fills in the card."""
    (folder / "model.h").write_text(header_text())
    (folder / "model.c").write_text(_c_text(model))
    out = folder / "model.so"
    options = ["-std=c99", "-O1", "-Wall", "-Werror", "-fvisibility=hidden", "-ffp-contract=off", "-fPIC", "-shared"]
    subprocess.run(["cc", *options, "-o", str(out), str(folder / "model.c")], check=True)
    if finish:
        write_card(out, model.card())
    return out


Build = Callable[..., Path]


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """``build(model)``: the path of its artifact, a fresh file each time."""
    if shutil.which("cc") is None:
        pytest.skip("no C compiler")
    serial = itertools.count()

    def build(model: Stumps, *, finish: bool = True) -> Path:
        return compile_stumps(model, tmp_path_factory.mktemp(f"stumps{next(serial)}"), finish=finish)

    return build


@pytest.fixture(scope="session")
def plain(build: Build) -> tuple[Stumps, CompiledModel, Path]:
    """A float32 regression with three features and six trees."""
    model = stumps()
    path = build(model)
    return model, load(path), path


@pytest.fixture(scope="session")
def make(build: Build) -> Callable[..., tuple[Stumps, CompiledModel]]:
    """``make(**options of stumps)``: a model and its loaded artifact."""

    def make(**options: Any) -> tuple[Stumps, CompiledModel]:
        model = stumps(**options)
        return model, load(build(model))

    return make


@pytest.fixture(scope="session")
def stumps_of() -> Callable[..., Stumps]:
    return stumps


@pytest.fixture
def rows() -> NDArray[np.float32]:
    rng = np.random.default_rng(7)
    rows = rng.normal(0, 0.3, (37, 3)).astype(np.float32)
    rows[::5, 1] = np.nan
    return rows
