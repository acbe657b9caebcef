"""Bad input, one by one: a message with a fix, the documented exit code, no traceback, and nothing left behind."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.tools.tooling import Ran, Run, model_text, names
from treec.tools.cli.progress import Progress


def refused(ran: Ran, code: int, *words: str) -> None:
    """The error is told as documented."""
    assert ran.code == code, ran.stderr
    assert any(line.startswith("treec: error: ") for line in ran.stderr.splitlines()), ran.stderr
    assert "\n  fix: " in ran.stderr
    assert "Traceback" not in ran.stderr
    for word in words:
        assert word in ran.stderr


FOREIGN_LEVEL = "x86-64-v2" if os.uname().machine == "aarch64" else "aarch64"
USAGE: list[tuple[list[str], str]] = [
    ([], "MODEL"),
    (["model.txt"], "--output"),
    (["model.txt", "-o", "out.so", "--colour"], "--colour"),
    (["model.txt", "other.txt", "-o", "out.so"], "other.txt"),
    (["compile", "model.txt", "-o", "out.so"], "compile"),
    (["model.txt", "-o", "out.so", "--schedule", "nosuch"], "nosuch: there is no such schedule"),
    (["model.txt", "-o", "out.so", "--level", "z80"], "--level"),
    (["model.txt", "-o", "out.so", "--level", FOREIGN_LEVEL], "can't run"),
    (["model.txt", "-o", "out.so", "--rows", "f16"], "f16"),
    (["model.txt", "-o", "out.so", "--max-seconds", "0"], "--max-seconds"),
    (["nosuch.txt", "-o", "out.so"], "nosuch.txt"),
    (["model.txt", "-o", "model.txt"], "overwrite"),
    (["model.txt", "-o", "out.so", "--header", "model.txt"], "overwrite"),
    (["model.txt", "-o", "out.so", "--header", "./out.so"], "overwrite"),
    (["model.txt", "-o", "nosuch/out.so"], "folder does not exist"),
    (["model.txt", "-o", "model.txt/out.so"], "folder does not exist"),
    (["model.txt", "-o", "."], "not a regular file"),
    (["model.txt", "-o", "/proc/out.so"], "cannot write"),
    (["model.txt", "-o", "out.so", "--header", "nosuch/out.h"], "folder does not exist"),
    (["inspect"], "FILE"),
    (["inspect", "nosuch.txt"], "nosuch.txt"),
    (["inspect", "."], "folder"),
    (["schedules", "nosuch"], "nosuch"),
    (["predict", "model.txt", "--data", "rows.npy"], "not a shared library"),
    (["verify", "model.txt", "--against", "model.txt"], "not a shared library"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "said"), USAGE, ids=[" ".join(words) or "nothing" for words, _ in USAGE])
def test_usage_is_exit_code_2(treec: Run, model: Path, folder: Path, words: list[str], said: str) -> None:
    refused(treec(*words), 2, said)
    assert names(folder) == {"model.txt"}


class Hostile:
    """Runs code where it is unpickled."""

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.touch, (Path("pwned"),)


BAD_MODELS: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "truncated": lambda: model_text().encode()[:700],
    "corrupt": lambda: model_text().replace("leaf_value=", "leaf_value=abc ", 1).encode(),
    "other children": lambda: model_text().replace("left_child=1", "left_child=99", 1).encode(),
    "noise": lambda: bytes(range(1, 200)),
    "picture": lambda: b"\x89PNG\r\n\x1a\n" + bytes(100),
    "table": lambda: b"a,b,c\n1,2,3\n",
    "numpy": lambda: b"\x93NUMPY\x01\x00",
    "json": lambda: b'{"a": 1}',
    "truncated json": lambda: b'{"learner": {"attributes": {',
    "pickle of no model": lambda: pickle.dumps([1, 2, 3]),
    "truncated pickle": lambda: pickle.dumps(["a" * 100] * 3)[:-20],
    "hostile pickle": lambda: pickle.dumps(Hostile()),
    "elf": lambda: b"\x7fELF" + bytes(60),
}


@pytest.mark.parametrize("what", BAD_MODELS)
def test_a_bad_model_is_exit_code_3(treec: Run, folder: Path, what: str) -> None:
    (folder / "bad").write_bytes(BAD_MODELS[what]())
    refused(treec("bad", "-o", "out.so"), 3, "bad")
    assert names(folder) == {"bad"}


@pytest.mark.parametrize("what", ["truncated", "hostile pickle"])
def test_inspect_refuses_bad_models_likewise(treec: Run, folder: Path, what: str) -> None:
    (folder / "bad").write_bytes(BAD_MODELS[what]())
    refused(treec("inspect", "bad"), 3)
    assert names(folder) == {"bad"}


def test_an_unsupported_model_is_named(treec: Run, folder: Path) -> None:
    (folder / "bad").write_text(model_text().replace("is_linear=0", "is_linear=1"))
    refused(treec("bad", "-o", "out.so"), 3, "linear")


def test_wrong_code_is_exit_code_4(
    treec: Run, model: Path, plain: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from treec.codegen.llvm import compile as target
    from treec.codegen.llvm.tables import TableSection, fill_tables

    def spoiled(object_bytes: bytes, tables: list[TableSection]) -> bytes:
        changed = [t for t in tables if "leaf_values" in t.symbol]
        assert changed
        wrong = np.nextafter(changed[0].array, np.inf)
        others = [t for t in tables if t is not changed[0]]
        return fill_tables(object_bytes, [*others, TableSection(changed[0].section, changed[0].symbol, wrong)])

    monkeypatch.setattr(target, "fill_tables", spoiled)
    refused(treec(model, "-o", "out.so", "--header", "out.h", "--schedule", plain), 4, "wrong")
    assert names(folder) == {"model.txt"}


def test_a_wrong_result_leaves_the_earlier_file_alone(
    treec: Run, model: Path, plain: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from treec import compiler
    from treec.errors import VerificationError

    def fail(*words: object) -> None:
        raise VerificationError("no", fix="none")

    (folder / "out.so").write_bytes(b"earlier")
    monkeypatch.setattr(compiler, "_verify", fail)
    refused(treec(model, "-o", "out.so", "--schedule", plain), 4)
    assert (folder / "out.so").read_bytes() == b"earlier"


@pytest.mark.parametrize("phase", ["parse", "machine code", "link", "verify"])
def test_over_budget_is_exit_code_5(
    treec: Run, model: Path, plain: Path, folder: Path, phase: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = Progress.check

    def late(self: Progress, at: str) -> None:
        if at == phase:
            self.report.started -= 1000
        check(self, at)

    monkeypatch.setattr(Progress, "check", late)
    refused(treec(model, "-o", "out.so", "--max-seconds", "500", "--schedule", plain), 5, phase, "500 s")
    assert names(folder) == {"model.txt"}


def test_a_generous_budget_changes_nothing(treec: Run, model: Path, plain: Path, folder: Path) -> None:
    assert treec(model, "-o", "out.so", "--max-seconds", "500", "--schedule", plain).code == 0


@pytest.mark.parametrize("debug", ["0", "1"])
def test_a_defect_is_exit_code_70(
    treec: Run, model: Path, folder: Path, debug: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from treec import compiler

    def broken(*words: object, **named: object) -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(compiler, "generate", broken)
    monkeypatch.setenv("TREEC_DEBUG", debug)
    ran = treec(model, "-o", "out.so")
    assert ran.code == 70
    assert "internal error: ZeroDivisionError: by zero" in ran.stderr
    assert "test_bad_input.py:" in ran.stderr
    assert ("Traceback" in ran.stderr) is (debug == "1")
    assert names(folder) == {"model.txt"}


def test_errors_are_in_the_json_too(treec: Run, folder: Path) -> None:
    (folder / "bad").write_bytes(b"")
    ran = treec("bad", "-o", "out.so", "--json")
    said = json.loads(ran.stdout)
    assert said["ok"] is False
    assert said["exit_code"] == 3
    assert said["error"]["kind"] == "ModelError"
    assert said["error"]["fix"]


def test_usage_errors_are_in_the_json_too(treec: Run) -> None:
    said = json.loads(treec("--json", "--colour").stdout)
    assert (said["exit_code"], said["error"]["kind"]) == (2, "UsageError")


def test_rows_of_the_wrong_width(treec: Run, compiled: Path, folder: Path) -> None:
    np.save(folder / "rows.npy", np.zeros((5, 3)))
    refused(treec("predict", compiled, "--data", "rows.npy", "-o", "out.npy"), 2, "3 features", "4")
    assert names(folder) == {"compiled.so", "rows.npy"}


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("rows.csv", b"1,2,3,4\n1,2,3\n", "line 2"),
        ("rows.csv", b"1,2,3,4\n1,2,red,4\n", "'red'"),
        ("rows.csv", b"", "empty"),
        ("rows.csv", b"\xff\xfe\x00", "CSV"),
        ("rows.csv", b"1,2,3,1_0\n1,1,1,1_0\n", "line 2"),
        ("rows.npy", b"no", "no table"),
        ("rows.npz", b"no", "no table"),
        ("rows.txt", b"1 2 3 4", ".txt"),
    ],
)
def test_bad_rows(treec: Run, compiled: Path, folder: Path, name: str, content: bytes, said: str) -> None:
    (folder / name).write_bytes(content)
    refused(treec("predict", compiled, "--data", name, "-o", "out.npy"), 2, said)
    assert names(folder) == {"compiled.so", name}


def test_an_object_array_is_not_unpickled(treec: Run, compiled: Path, folder: Path) -> None:
    array = np.empty((1, 4), object)
    array[0, 0] = Hostile()
    np.save(folder / "rows.npy", array, allow_pickle=True)
    refused(treec("predict", compiled, "--data", "rows.npy"), 2)
    assert names(folder) == {"compiled.so", "rows.npy"}


@pytest.mark.parametrize("keep", [10, 1000, 5000])
def test_a_truncated_compiled_file(treec: Run, compiled: Path, folder: Path, keep: int) -> None:
    compiled.write_bytes(compiled.read_bytes()[:keep])
    np.save(folder / "rows.npy", np.zeros((5, 4)))
    refused(treec("predict", compiled, "--data", "rows.npy"), 2, "compiled.so")
    refused(treec("inspect", compiled), 2, "compiled.so")


def test_verify_refuses_another_model(treec: Run, compiled: Path, folder: Path) -> None:
    (folder / "other.txt").write_text(model_text(seed=1))
    refused(treec("verify", compiled, "--against", "other.txt"), 4)
    (folder / "larger.txt").write_text(model_text(trees=4))
    refused(treec("verify", compiled, "--against", "larger.txt"), 4, "3 trees")
