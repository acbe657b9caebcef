"""Loading: the file as it is now, and no file that could hurt the process."""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from treec.codegen.abi import DType, Task
from treec.errors import ArtifactError, UsageError
from treec.runtime import load
from treec.runtime.card import read_card
from treec.runtime.library import Library, open_bytes

ROWS = np.array([[0.0, 0.1, 0.2]], np.float32)


def _two(build: Any, stumps_of: Any) -> tuple[Any, Path, Any, Path]:
    first, second = stumps_of(n_trees=2), stumps_of(n_trees=5)
    return first, build(first), second, build(second)


def test_a_replaced_file_is_loaded_anew(build: Any, stumps_of: Any, tmp_path: Path) -> None:
    first, path1, second, path2 = _two(build, stumps_of)
    target = tmp_path / "model.so"
    shutil.copy(path1, target)
    old = load(target)
    os.replace(shutil.copy(path2, tmp_path / "new.so"), target)
    new = load(target)
    assert np.array_equal(old.predict(ROWS, raw=True), first.raw(ROWS)[:, 0])
    assert np.array_equal(new.predict(ROWS, raw=True), second.raw(ROWS)[:, 0])
    assert (old.n_trees, new.n_trees) == (2, 5)


def test_a_file_overwritten_in_place_is_loaded_anew(build: Any, stumps_of: Any, tmp_path: Path) -> None:
    _, path1, second, path2 = _two(build, stumps_of)
    target = tmp_path / "model.so"
    shutil.copy(path1, target)
    old = load(target)  # kept, unused: its pages are gone, as with any library
    with target.open("r+b") as file:
        file.write(path2.read_bytes())
        file.truncate()
    os.utime(target, ns=(1, 1))
    new = load(target)
    assert np.array_equal(new.predict(ROWS, raw=True), second.raw(ROWS)[:, 0])
    with pytest.raises(ArtifactError, match="overwritten while it was in use"):
        old.save(tmp_path / "copy.so")


def test_one_file_is_mapped_once_and_let_go(build: Any, stumps_of: Any) -> None:
    path = build(stumps_of())
    first, second = load(path), load(path)
    assert isinstance(first.library, Library)
    assert isinstance(second.library, Library)
    assert first.library.owner is second.library.owner
    assert str(path) in Path("/proc/self/maps").read_text()
    del first
    gc.collect()
    assert second.predict(ROWS).shape == (1,)
    del second
    gc.collect()
    assert str(path) not in Path("/proc/self/maps").read_text()


def test_many_loads_leave_no_descriptor_open(build: Any, stumps_of: Any) -> None:
    paths = [build(stumps_of(n_trees=n)) for n in (1, 2, 3)]
    gc.collect()
    before = len(os.listdir("/proc/self/fd"))
    for number in range(30):
        assert load(paths[number % 3]).n_trees == number % 3 + 1
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) == before


def test_an_artifact_loads_from_bytes(plain: Any) -> None:
    model, _, path = plain
    library = open_bytes(path.read_bytes())
    assert library.n_trees == model.forest.trees.n_trees


def test_the_first_kernel_that_fits_is_used(plain: Any) -> None:
    library = plain[1].library
    assert library.kernel(Task.RAW, DType.F32, 4) is library.kernels[0]
    assert library.kernel(Task.RAW, DType.F32, 5) is library.kernels[1]
    assert library.kernel(Task.RAW, DType.F64, 1) is library.kernels[4]


def test_the_card_is_read_without_loading(plain: Any) -> None:
    model, compiled, path = plain
    card = read_card(path)
    assert card == compiled.card
    assert card["file"]["bytes"] == path.stat().st_size
    assert card["n_nodes"] == model.forest.trees.n_nodes


@pytest.mark.parametrize(
    ("defines", "said"),
    [
        ({"MAGIC": 7}, "not written by treec"),
        ({"VERSION": 99}, "ABI version 99"),
        ({"FEATURES": 9}, "its card says otherwise"),
        ({"CPU": 1}, "built for x86-64-v3 and this CPU lacks"),
    ],
)
def test_other_artifacts_are_refused(build: Any, stumps_of: Any, defines: Any, said: str) -> None:
    path = build(stumps_of(defines=defines))
    with pytest.raises(ArtifactError, match=said) as caught:
        load(path)
    assert caught.value.place == str(path)
    assert caught.value.fix


def test_files_that_are_no_artifacts(tmp_path: Path, plain: Any) -> None:
    text = tmp_path / "model.so"
    for data in (b"", b"\x7f", b"hello, world" * 100):
        text.write_bytes(data)
        with pytest.raises(ArtifactError, match="not a shared library"):
            load(text)
    with pytest.raises(ArtifactError, match=r"no section \.treec_card|not a shared library"):
        load(os.path.realpath(np._core._multiarray_umath.__file__))  # type: ignore[attr-defined]
    with pytest.raises(ArtifactError):
        load(os.path.realpath(sys.executable))
    with pytest.raises(UsageError, match="cannot read"):
        load(tmp_path / "absent.so")
    pipe = tmp_path / "pipe.so"
    os.mkfifo(pipe)
    for no_file in (tmp_path, pipe, "/dev/null"):
        with pytest.raises(UsageError, match="no regular file"):
            load(no_file)


def test_another_machine_is_refused(plain: Any, tmp_path: Path) -> None:
    data = bytearray(plain[2].read_bytes())
    data[18:20] = (183 if os.uname().machine == "x86_64" else 62).to_bytes(2, "little")
    path = tmp_path / "model.so"
    path.write_bytes(data)
    with pytest.raises(ArtifactError, match="and this machine is"):
        load(path)


def test_no_damage_reaches_the_loader(plain: Any, tmp_path: Path) -> None:
    """In a process of its own, so that a crash is a failure and not the end of the tests."""
    code = """
import random, sys
from treec.errors import ArtifactError
from treec.runtime.library import open_bytes
data, rng = open(sys.argv[1], "rb").read(), random.Random(5)
begin, end = open_bytes(data).source.size, 0
card = data.index(b'{"format"')
bad = [data[:n] for n in [*range(0, 200, 7), *(rng.randrange(len(data)) for _ in range(60)), len(data) - 1]]
for _ in range(300):
    copy = bytearray(data)
    for _ in range(rng.choice([1, 1, 20])):
        at = rng.choice([rng.randrange(64), rng.randrange(1024), rng.randrange(len(data)), len(data) - rng.randrange(1, 9)])
        if not card <= at < card + 70000:
            copy[at] ^= 1 << rng.randrange(8)
    if copy != data:
        bad.append(bytes(copy))
accepted = 0
for blob in bad + [data + b"x"]:
    try:
        open_bytes(blob)
        accepted += 1
    except ArtifactError:
        pass
print(len(bad), accepted)
"""
    result = subprocess.run([sys.executable, "-c", code, str(plain[2])], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    n_bad, accepted = map(int, result.stdout.split())
    assert n_bad > 300
    assert accepted == 0


def test_a_card_that_is_not_finished_still_loads(build: Any, stumps_of: Any) -> None:
    model = stumps_of()
    compiled = load(build(model, finish=False))  # as verification does, before it fills in the card
    assert "file" not in compiled.card
    assert np.array_equal(compiled.predict(ROWS, raw=True), model.raw(ROWS)[:, 0])
