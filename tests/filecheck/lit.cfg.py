"""lit: run every .mlir file under this folder with the tools of the environment that lit itself runs in.

Tests name the tools plainly (``tree-opt %s -p tile-trees | filecheck %s``). ``TREE_OPT_ROUNDTRIP`` prints a file in the
generic form, reads that back and prints it in the custom form.
"""
# lit hands `config` and `lit_config` to this file.
# ruff: noqa: F821
# pyright: basic, reportUndefinedVariable=false, reportMissingImports=false

import os
import shutil
import sys
from pathlib import Path

import lit.formats

HERE = Path(__file__).parent
BIN = Path(sys.executable).parent

config.name = "treec"
config.test_format = lit.formats.ShTest()
config.suffixes = [".mlir"]
config.excludes = ["Inputs"]
config.test_source_root = str(HERE)
config.test_exec_root = str(HERE.parents[1] / "build" / "lit")
config.environment["PATH"] = os.pathsep.join([str(BIN), os.environ.get("PATH", os.defpath)])
config.substitutions.append(
    ("TREE_OPT_ROUNDTRIP", "tree-opt %s --print-op-generic --split-input-file | tree-opt --split-input-file | filecheck %s")
)

for tool in ("tree-opt", "filecheck"):
    if shutil.which(tool, path=str(BIN)) is None:
        lit_config.fatal(f"{tool} is not in {BIN}; fix: make install")
