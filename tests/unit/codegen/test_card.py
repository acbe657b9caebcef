"""The card: all of a model's facts as plain JSON, and its place in the file."""

from __future__ import annotations

import json
import math
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from treec.codegen.abi import CARD_CAPACITY
from treec.codegen.card import card_bytes, card_capacity, card_of, iteration_runs, write_card
from treec.codegen.elf import parse_elf
from treec.errors import ArtifactError, CodegenError, UnsupportedModelError, UsageError
from treec.frontends.base import (
    Forest,
    Inputs,
    LabelRule,
    Leaves,
    Outputs,
    Predicates,
    Predicted,
    Source,
    SumRule,
    Trees,
)


def _one_leaf(outputs: Outputs | None = None, **inputs: Any) -> Forest:
    """A forest of one leaf: 2.5 for every row."""
    none = np.zeros(0, np.int32)
    bits = np.zeros(0, np.uint8)
    return Forest(
        Inputs(2, np.dtype("f8"), np.zeros(0, np.int32), **inputs),
        Predicates(
            none,
            bits,
            np.zeros(0),
            bits,
            bits.astype(bool),
            none,
            bits.astype(bool),
            np.zeros(1, np.int64),
            none.view("u4"),
        ),
        Trees(
            np.array([0, 0]),
            np.array([0, 1]),
            none,
            none,
            none,
            np.zeros(1, np.int32),
            np.zeros(1, np.int32),
            np.zeros(1, np.int32),
            np.array([0, 1], np.int32),
        ),
        Leaves(np.array([[2.5]])),
        SumRule(np.dtype("f8"), np.zeros(1)),
        outputs or Outputs(True),
        Source("sklearn", "pickle", version="1.9", digest="ab", notes=("a note",)),
    ).check()


def _card(forest: Forest | None = None, **facts: Any) -> dict[str, Any]:
    return card_of(forest or _one_leaf(), schedule="order row, tree\n", cpu_level="x86-64-v3", **facts)


def test_a_card_says_what_the_forest_says() -> None:
    outputs = Outputs(
        True,
        label=LabelRule.RAW_AT_LEAST_ZERO,
        predicted=Predicted.LABEL,
        is_classifier=True,
        binary_proba=True,
        classes=(np.array([3, 5]),),
        apply_dtype="<f8",
        apply_shape=(1, 1),
    )
    card = _card(_one_leaf(outputs, names=("a", "b")), verification={"rows": 10}, timings={"parse": 0.5})
    assert card["source"] == {
        "library": "sklearn",
        "format": "pickle",
        "version": "1.9",
        "objective": None,
        "digest": "ab",
        "name": None,
        "notes": ["a note"],
    }
    assert card["inputs"] == {"n_features": 2, "dtype": "<f8", "names": ["a", "b"], "types": None, "missing_value": None}
    assert card["outputs"]["classes"] == [{"dtype": "<i8", "values": [3, 5]}]
    assert card["outputs"]["label"] == "raw_at_least_zero"
    assert (card["n_trees"], card["n_nodes"], card["n_leaves"], card["n_columns"]) == (1, 0, 1, 1)
    assert card["iterations"] == [[1, 1]]
    assert card["schedule"]["text"] == "order row, tree\n"
    assert len(card["schedule"]["sha256"]) == 64
    assert "avx2" in card["cpu"]["features"]
    assert card["verification"] == {"rows": 10}
    assert card["timings"] == {"parse": 0.5}
    assert json.loads(card_bytes(card)[:-1]) == card


@pytest.mark.parametrize(("value", "expected"), [(-999.0, -999.0), (math.inf, "inf"), (math.nan, None)])
def test_missing_values_are_json(value: float, expected: float | str | None) -> None:
    card = _card(_one_leaf(missing_value=value))
    assert card["inputs"]["missing_value"] == expected
    card_bytes(card)


@pytest.mark.parametrize(
    ("offset", "runs"),
    [([0], []), ([0, 1, 2, 3], [[3, 1]]), ([0, 3, 6, 7, 7], [[2, 3], [1, 1], [1, 0]]), ([0, 5], [[1, 5]])],
)
def test_iterations_are_runs(offset: list[int], runs: list[list[int]]) -> None:
    assert iteration_runs(np.array(offset, np.int32)) == runs


@pytest.mark.parametrize("classes", [np.array([b"a"]), np.array(["2020"], "M8[Y]"), np.array([None], object)])
def test_labels_that_json_cannot_give_back_are_refused(classes: Any) -> None:
    with pytest.raises(UnsupportedModelError, match="class label"):
        _card(_one_leaf(Outputs(True, classes=(classes,))))


def test_capacity_leaves_room_for_verification() -> None:
    card = _card()
    assert card_capacity(card) == CARD_CAPACITY
    large = {**card, "more": "x" * CARD_CAPACITY}
    assert card_capacity(large) == 2 * CARD_CAPACITY


def test_what_is_not_json_is_a_defect() -> None:
    with pytest.raises(CodegenError, match="not plain JSON"):
        card_bytes(_card(numbers=np.zeros(2)))
    with pytest.raises(CodegenError, match="not plain JSON"):
        card_bytes(_card(number=math.nan))


@pytest.fixture
def library(tmp_path: Path) -> Path:
    (tmp_path / "card.c").write_text(
        f'__attribute__((section(".treec_card"))) const char treec_card[{CARD_CAPACITY}] = "";\n'
        "int after(void) { return 1; }\n"
    )
    out = tmp_path / "model.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", str(out), str(tmp_path / "card.c")], check=True)
    return out


def _section(path: Path) -> tuple[bytes, int, int]:
    data = path.read_bytes()
    elf = parse_elf(lambda offset, size: data[offset : offset + size], len(data), str(path))
    return data, elf.card.offset, elf.card.size


def test_a_card_fills_its_section_and_nothing_else(library: Path) -> None:
    before, offset, size = _section(library)
    assert size == CARD_CAPACITY
    write_card(library, {**_card(), "long": "x" * 5000})
    written = write_card(library, _card())
    after, _, _ = _section(library)
    assert before[:offset] == after[:offset]
    assert before[offset + size :] == after[offset + size :]
    text, _, rest = after[offset : offset + size].partition(b"\0")
    assert json.loads(text) == written
    assert not rest.strip(b"\0")
    assert {key: written[key] for key in _card()} == _card()
    assert written["file"]["bytes"] == len(after)


def test_a_card_that_is_too_long_is_a_defect_and_changes_nothing(library: Path) -> None:
    before = library.read_bytes()
    with pytest.raises(CodegenError, match=f"and {CARD_CAPACITY} are reserved"):
        write_card(library, {**_card(), "long": "x" * CARD_CAPACITY})
    assert library.read_bytes() == before


def test_only_artifacts_have_a_card(tmp_path: Path, library: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        write_card(tmp_path / "absent.so", _card())
    (tmp_path / "text").write_text("text")
    with pytest.raises(ArtifactError, match="not a shared library"):
        write_card(tmp_path / "text", _card())
    bare = tmp_path / "bare.so"
    subprocess.run(["objcopy", "--remove-section", ".treec_card", str(library), str(bare)], check=True)
    with pytest.raises(ArtifactError, match=r"no section \.treec_card"):
        write_card(bare, _card())


def test_a_changed_forest_changes_its_card() -> None:
    forest = _one_leaf()
    assert _card(replace(forest, outputs=Outputs(False))) != _card(forest)
