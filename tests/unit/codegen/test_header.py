"""The C header compiles everywhere, and says what the ABI's tables say."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from treec.codegen.abi import ArtifactStruct, Axis, DType, KernelStruct, StageStruct, Status, Task
from treec.codegen.header import header_text

CARD: dict[str, Any] = {
    "treec": "0.1.0",
    "source": {
        "library": "xgboost",
        "format": "ubj",
        "version": None,
        "objective": "multi:softprob",
        "digest": "ab" * 32,
        "name": "evil */ name /* \\",
        "notes": [],
    },
    "inputs": {
        "n_features": 9,
        "dtype": "<f4",
        "names": ["age", "Age", "a b", "*/ #error", "??/", "é\n#error", "", "9", "age_1"],
        "types": ["q"] * 8 + ["*/"],
        "missing_value": None,
    },
    "outputs": {
        "link": "xgb_softmax",
        "classes": [{"dtype": "<U9", "values": ["*/", "a\n", "\\"]}, {"dtype": "<i8", "values": [1, 2]}],
    },
    "sum": {"dtype": "<f4"},
    "n_trees": 30,
    "n_columns": 3,
    "cpu": {"level": "x86-64-v3"},
    "schedule": {"sha256": "cd" * 32},
}

COMPILERS = [
    ("gcc", ["-std=c99", "-x", "c"]),
    ("gcc", ["-std=c11", "-x", "c"]),
    ("gcc", ["-std=c17", "-x", "c"]),
    ("g++", ["-std=c++98", "-Wno-long-long", "-Wno-variadic-macros", "-x", "c++"]),
    ("g++", ["-std=c++20", "-x", "c++"]),
]


@pytest.mark.parametrize("card", [None, CARD], ids=["plain", "model"])
@pytest.mark.parametrize(("compiler", "options"), COMPILERS, ids=lambda value: str(value[0]))
def test_the_header_compiles_without_a_warning(
    tmp_path: Path, card: dict[str, Any] | None, compiler: str, options: list[str]
) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"no {compiler}")
    (tmp_path / "model.h").write_text(header_text(card))
    (tmp_path / "main.c").write_text('#include "model.h"\n#include "model.h"\nint main(void) { return 0; }\n')
    command = [compiler, *options, "-Wall", "-Wextra", "-Werror", "-pedantic", "-trigraphs", "-fsyntax-only", "main.c"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_structs_and_enums_are_those_of_the_abi(tmp_path: Path) -> None:
    if shutil.which("gcc") is None:
        pytest.skip("no gcc")
    prints: list[str] = []
    expected: list[int] = []
    for name, struct in (("stage", StageStruct), ("kernel", KernelStruct), ("artifact", ArtifactStruct)):
        prints.append(f"(int)sizeof(treec_{name})")
        expected.append(ctypes.sizeof(struct))
        for field in struct._fields_:
            prints.append(f"(int)offsetof(treec_{name}, {field[0]})")
            expected.append(getattr(struct, field[0]).offset)
    for prefix, enum in (("TASK", Task), ("DTYPE", DType), ("AXIS", Axis), ("STATUS", Status)):
        for member in enum:
            prints.append(f"TREEC_{prefix}_{member.name}")
            expected.append(member.value)
    (tmp_path / "model.h").write_text(header_text())
    lines = "".join(f'printf("%d\\n", {value});' for value in prints)
    (tmp_path / "main.c").write_text(
        f'#include <stddef.h>\n#include <stdio.h>\n#include "model.h"\nint main(void) {{ {lines} return 0; }}\n'
    )
    subprocess.run(["gcc", "-std=c99", "-o", "main", "main.c"], cwd=tmp_path, check=True)
    out = subprocess.run([str(tmp_path / "main")], capture_output=True, text=True, check=True).stdout
    assert [int(line) for line in out.split()] == expected


def test_a_models_facts_are_macros() -> None:
    text = header_text(CARD)
    for line in (
        "#define TREEC_N_FEATURES 9",
        "#define TREEC_N_TREES 30",
        "#define TREEC_N_COLUMNS 3",
        "#define TREEC_FEATURE_AGE 0 /* age, q */",
        "#define TREEC_FEATURE_AGE_1 1 /* Age, q */",
        "#define TREEC_FEATURE_A_B 2 /* a b, q */",
        "#define TREEC_FEATURE_6 6 /* , q */",
        "#define TREEC_N_CLASSES_0 3",
        "   1: 2",
        "   objective: multi:softprob",
    ):
        assert line in text.splitlines()
    assert "const float *rows" in text


def test_without_a_card_the_header_fits_every_model() -> None:
    text = header_text()
    assert "TREEC_N_FEATURES" not in text
    assert text.count("/*") == text.count("*/")
