# pyright: basic
"""How many instructions a row of a model takes, counted by callgrind: what a noisy machine can't change.

usage: python -m bench.instructions [--level x86-64-v3] [--schedule S] [--rows N] MODEL …

Compiles each model for a level that valgrind can run (no AVX-512), calls it from a small C program for N and for 2 N rows,
and prints the difference for each row, and for each row and tree. Needs valgrind and a C compiler.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from bench.models import bench_models
from treec.default.machine import machine_of
from treec.default.schedule import default_schedule
from treec.frontends.load import load_model

DRIVER = r"""
#include <stdio.h>
#include <stdlib.h>
#include "model.h"
int main(int argc, char **argv) {
  long n = atol(argv[2]), columns = TREEC_N_FEATURES;
  float *rows = malloc(n * columns * sizeof *rows);
  char *out = malloc(n * TREEC_N_COLUMNS * 8);
  FILE *file = fopen(argv[1], "rb");
  if (fread(rows, columns * sizeof *rows, n, file) != (size_t)n) return 2;
  void *workspace = aligned_alloc(64, (treec_describe()->workspace_bytes + 63) / 64 * 64 + 64);
  return treec_predict(TREEC_TASK_RAW, TREEC_DTYPE_F32, rows, columns, 1, n, out, TREEC_N_COLUMNS, 1, 0, TREEC_N_TREES,
                       workspace);
}
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", metavar="MODEL")
    parser.add_argument("--level", default="x86-64-v3", help="CPU level to compile for")
    parser.add_argument("--schedule", metavar="FILE", help="default: what treec picks")
    parser.add_argument("--rows", type=int, default=2048)
    options = parser.parse_args()
    for model in bench_models(options.models):
        with tempfile.TemporaryDirectory() as folder:
            per_row, n_trees = count(model, Path(folder), options)
        print(f"{model.name}: {per_row:,.0f} instructions a row, {per_row / n_trees:.1f} a row and tree ({options.level})")
    return 0


def count(model, folder: Path, options: argparse.Namespace) -> tuple[float, int]:
    forest = load_model(str(model.path)).forest
    chosen = (
        Path(options.schedule).read_text()
        if options.schedule
        else default_schedule(forest, machine_of(options.level)).schedule.to_text()
    )
    text = re.sub(r"target cpu.*", f"target cpu level={options.level} input=f32", chosen, count=1)
    (folder / "model.sched").write_text(text)
    out, header = str(folder / "model.so"), str(folder / "model.h")
    command = [sys.executable, "-m", "treec.tools.treec_main", str(model.path), "--schedule", str(folder / "model.sched")]
    run([*command, "--no-verify", "-o", out, "--header", header])
    (folder / "driver.c").write_text(DRIVER)
    driver = str(folder / "driver")
    run(["cc", "-O2", "-o", driver, str(folder / "driver.c"), out, f"-Wl,-rpath,{folder}"])
    np.ascontiguousarray(model.batch(2 * options.rows), np.float32).tofile(folder / "rows")
    once, twice = (instructions(driver, folder, n * options.rows) for n in (1, 2))
    return (twice - once) / options.rows, forest.trees.n_trees


def instructions(driver: str, folder: Path, n_rows: int) -> int:
    log = run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", driver, str(folder / "rows"), str(n_rows)])
    found = re.search(r"Collected : (\d+)", log)
    if found is None:
        raise SystemExit(f"callgrind counted nothing:\n{log}")
    return int(found[1])


def run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


if __name__ == "__main__":
    sys.exit(main())
