"""Linking: any linker, the same bytes, clear words when there is none."""

from __future__ import annotations

import ctypes
import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from treec.codegen.link import LINKER_VARIABLE, link_shared
from treec.errors import ToolchainError, UsageError

C_TEXT = """
#include <math.h>
static double hidden(double x) { return expm1(x); }
__attribute__((visibility("hidden"))) double internal(double x) { return hidden(x); }
double answer(double x) { return internal(x) + 1; }
"""


@pytest.fixture(scope="module")
def object_bytes(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    if shutil.which("cc") is None:
        pytest.skip("no C compiler")
    folder = tmp_path_factory.mktemp("object")
    (folder / "a.c").write_text(C_TEXT)
    subprocess.run(["cc", "-c", "-fPIC", "-O0", "-o", "a.o", "a.c"], cwd=folder, check=True)
    return (folder / "a.o").read_bytes()


def _answer(path: Path) -> float:
    function = ctypes.CDLL(str(path)).answer
    function.restype, function.argtypes = ctypes.c_double, [ctypes.c_double]
    return function(0.0)


@pytest.mark.parametrize("linker", ["cc", "gcc", "clang", "ld", "ld.lld"])
def test_every_linker_makes_a_library_that_finds_its_functions(
    object_bytes: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, linker: str
) -> None:
    if shutil.which(linker) is None:
        pytest.skip(f"no {linker}")
    monkeypatch.setenv(LINKER_VARIABLE, linker)
    out = tmp_path / "a.so"
    assert link_shared(object_bytes, out) == linker
    assert _answer(out) == 1.0
    needed = subprocess.run(["readelf", "-dW", str(out)], capture_output=True, text=True, check=True).stdout
    assert "libm.so" in needed
    assert "RPATH" not in needed
    assert "RUNPATH" not in needed
    assert "SONAME" not in needed
    segments = subprocess.run(["readelf", "-lW", str(out)], capture_output=True, text=True, check=True).stdout
    assert "RWE" not in segments


def test_the_bytes_depend_on_the_object_alone(object_bytes: bytes, tmp_path: Path) -> None:
    first, second = tmp_path / "a.so", tmp_path / "folder" / "another name.so"
    second.parent.mkdir()
    link_shared(object_bytes, first)
    link_shared(object_bytes, second)
    assert first.read_bytes() == second.read_bytes()
    assert os.fsencode(tmp_path) not in first.read_bytes()
    assert b"treec-" not in first.read_bytes()


def test_without_a_linker_the_error_says_what_to_install(
    object_bytes: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(LINKER_VARIABLE, raising=False)
    with pytest.raises(ToolchainError, match=r"looked for cc, gcc, clang, ld\.lld, ld(.|\n)*apt install gcc"):
        link_shared(object_bytes, tmp_path / "a.so")


def test_a_chosen_linker_that_is_absent_is_named(
    object_bytes: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(LINKER_VARIABLE, "no-such-linker -x")
    with pytest.raises(ToolchainError, match="TREEC_LINKER: the linker 'no-such-linker' is not there"):
        link_shared(object_bytes, tmp_path / "a.so")


def test_a_linkers_own_words_are_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ToolchainError, match=r"cc: (.|\n)*(file not recognized|unknown file type|file format)"):
        link_shared(b"no object", tmp_path / "a.so")
    assert os.listdir(tmp_path) == []


def _fake(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def test_a_broken_linker_is_passed_over(object_bytes: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tools, real = tmp_path / "tools", shutil.which("gcc")
    if real is None:
        pytest.skip("no gcc")
    tools.mkdir()
    _fake(tools, "cc", "echo broken >&2; exit 1")
    monkeypatch.delenv(LINKER_VARIABLE, raising=False)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    assert link_shared(object_bytes, tmp_path / "a.so") == "gcc"
    assert _answer(tmp_path / "a.so") == 1.0


def test_a_full_disk_is_the_users_to_mend(object_bytes: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _fake(tmp_path, "ld-full", "echo 'final link failed: No space left on device' >&2; exit 1")
    monkeypatch.setenv(LINKER_VARIABLE, str(tmp_path / "ld-full"))
    with pytest.raises(UsageError, match="the disk is full"):
        link_shared(object_bytes, tmp_path / "a.so")
    assert not (tmp_path / "a.so").exists()


def test_a_missing_folder_is_the_users_to_mend(object_bytes: bytes, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot write into this folder"):
        link_shared(object_bytes, tmp_path / "no" / "a.so")
