"""The file of a model for GPUs, and what runs it: whole files answer like the model, all others are refused by name."""

# pyright: basic

from __future__ import annotations

import hashlib
import io
import json
import pickle
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.tools.tooling import model_text
from treec import compiler
from treec.errors import ArtifactError, UsageError
from treec.runtime import gpu_library, load
from treec.runtime.library import open_bytes
from treec.runtime.predictor import CompiledModel, from_bytes

pytest.importorskip("tvm")
pytest.importorskip("pyopencl")

PLAN = (
    "target gpu\nlayout packed\nsplit row into=(block, thread) by=64\nbind block grid.x\nbind thread block.x\n"
    "order block, thread, tree\nwalk with=scalar\n"
)
Members = dict[str, bytes]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A verified file, with a link in f64."""
    folder = tmp_path_factory.mktemp("gpu")
    (folder / "model.txt").write_text(model_text(objective="binary sigmoid:1"))
    compilation = compiler.start(folder / "model.txt", PLAN)
    compiler.generate(compilation)
    return compiler.write(compilation, folder / "model.gpu").read_bytes()


@pytest.fixture
def rows() -> Any:
    table = np.random.default_rng(3).normal(size=(300, 4))
    table[::7, 1] = np.nan
    return table


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> CompiledModel:
    path = tmp_path_factory.mktemp("cpu") / "model.txt"
    path.write_text(model_text(objective="binary sigmoid:1"))
    return compiler.compile(path, "target cpu\nlayout packed\norder row, tree\nwalk with=scalar\n")


def members_of(data: bytes) -> Members:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(members: Members, how: int = zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", how) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def resealed(members: Members, change: Callable[[Any], None] = lambda manifest: None) -> bytes:
    """With digests and sizes that are right again, as whoever means harm would write them."""
    manifest = json.loads(members["manifest.json"])
    others = {name: content for name, content in members.items() if name != "manifest.json"}
    manifest["members"] = {
        name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()} for name, content in others.items()
    }
    change(manifest)
    return packed({"manifest.json": json.dumps(manifest).encode(), **others})


def test_a_file_answers_like_machine_code_for_a_cpu(data: bytes, rows: Any, reference: CompiledModel) -> None:
    model = from_bytes(data)
    for table in (rows, rows.astype(np.float32), np.asfortranarray(rows)[::2], rows[:0], rows[:1]):
        np.testing.assert_array_equal(model.predict(table, raw=True), reference.predict(table, raw=True), strict=True)
        np.testing.assert_array_equal(model.predict(table), reference.predict(table), strict=True)
        np.testing.assert_array_equal(model.apply(table), reference.apply(table), strict=True)
    np.testing.assert_array_equal(
        model.predict(rows, raw=True, iterations=(1, 2)), reference.predict(rows, raw=True, iterations=(1, 2)), strict=True
    )
    assert model.card["gpu"]["verified_on"] == model.device
    assert model.schedule.startswith("target gpu")
    assert "GPU sm_90" in repr(model)
    assert model.device in model.report()


PARTS = (
    "target gpu\n{}layout packed\nsplit tree into=(part, tree) by=2\nsplit row into=(block, thread) by=64\n"
    "order part, block, thread, tree\nbind part grid.y\nbind block grid.x\nbind thread block.x\n"
    "cache nodes at=part in=shared\nreduce part in=staged\nwalk with=scalar\n"
)


@pytest.mark.parametrize(("policy", "waits"), [("", 3 * 8), ("float reassociate\n", 2 * 8)])
def test_kernels_of_a_task_have_scratch_in_common(
    rows: Any, reference: CompiledModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, policy: str, waits: int
) -> None:
    """Leaf values of three trees, or sums of two parts, in doubles; blocks of rows count them."""
    (tmp_path / "model.txt").write_text(model_text(objective="binary sigmoid:1"))
    model = compiler.compile(tmp_path / "model.txt", PARTS.format(policy))
    library: Any = model.library
    raw = [kernel for kernel in library.file.plan.kernels if "raw" in kernel.symbol]
    assert {kernel.scratch_bytes for kernel in raw} == {waits}
    found = model.predict(rows, raw=True)
    np.testing.assert_allclose(found, reference.predict(rows, raw=True), rtol=1e-15)
    if not policy:
        np.testing.assert_array_equal(found, reference.predict(rows, raw=True), strict=True)
        np.testing.assert_array_equal(model.predict(rows), reference.predict(rows), strict=True)
    sizes: list[int] = []
    run = library.device.run
    monkeypatch.setattr(library.device, "run", lambda *call, **more: (sizes.append(len(call[1])), run(*call, **more))[1])
    monkeypatch.setattr(gpu_library, "BLOCK_BYTES", (4 * 8 + 8 + waits) * 100)
    np.testing.assert_array_equal(model.predict(rows, raw=True), found)
    assert sizes == [100, 100, 100]


def test_a_model_goes_to_files_and_pickles(data: bytes, tmp_path: Path) -> None:
    from_bytes(data).save(tmp_path / "again.gpu")
    assert (tmp_path / "again.gpu").read_bytes() == data
    assert load(tmp_path / "again.gpu").n_trees == 3
    assert pickle.loads(pickle.dumps(from_bytes(data))).card == from_bytes(data).card


def test_rows_go_in_blocks_that_fit_the_device(
    data: bytes, rows: Any, reference: CompiledModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = from_bytes(data)
    library: Any = model.library
    device, sizes = library.device, []
    run = device.run

    def tight(kernels: Any, part: Any, out: Any, trees: Any) -> None:
        sizes.append(len(part))
        if len(part) > 40:
            raise MemoryError("device")
        run(kernels, part, out, trees)

    monkeypatch.setattr(device, "run", tight)
    np.testing.assert_array_equal(model.predict(rows, raw=True), reference.predict(rows, raw=True))
    assert sizes[:4] == [300, 150, 75, 37]
    assert sum(size for size in sizes if size <= 40) == len(rows)

    def none(*call: Any) -> None:
        raise MemoryError("device")

    monkeypatch.setattr(device, "run", none)
    with pytest.raises(UsageError, match="no memory for one row"):
        model.predict(rows)


def test_a_machine_without_a_device_says_what_to_install(data: bytes, rows: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("treec.runtime.gpu_device.find_spec", lambda name: None)
    model = from_bytes(data)
    assert model.n_features == 4
    with pytest.raises(UsageError, match="pyopencl is not installed") as caught:
        model.predict(rows)
    assert "pocl" in str(caught.value.fix)


def test_without_a_device_the_interpreter_of_loops_is_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("treec.runtime.gpu_device.find_spec", lambda name: None)
    (tmp_path / "model.txt").write_text(model_text(trees=1, depth=2))
    model = compiler.compile(tmp_path / "model.txt", PLAN.replace("gpu", "gpu input=f64"))
    assert model.card["gpu"]["verified_on"] == "the interpreter of the loop dialect"
    assert model.card["verification"]["row_dtypes"] == ["float64"]


def test_every_truncation_and_each_changed_member_is_refused(data: bytes) -> None:
    for size in (0, 3, 4, 30, 64, 1000, len(data) // 2, len(data) - 1):
        with pytest.raises(ArtifactError):
            open_bytes(data[:size])
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        starts = [(info.filename, info.header_offset + 30 + len(info.filename)) for info in archive.infolist()]
    for name, start in starts:
        changed = bytearray(data)
        changed[start] ^= 1
        with pytest.raises(ArtifactError, match=r"damaged|not written by treec"):
            open_bytes(bytes(changed), name)


def test_members_are_those_of_the_manifest(data: bytes) -> None:
    members = members_of(data)
    for name in members:
        rest = {other: content for other, content in members.items() if other != name}
        with pytest.raises(ArtifactError):
            open_bytes(packed(rest))
    with pytest.raises(ArtifactError, match="lacks or adds"):
        open_bytes(packed({**members, "more": b""}))
    with pytest.raises(ArtifactError, match="which no file of treec has"):
        open_bytes(resealed({**members, "../../etc/x": b""}))
    with pytest.raises(ArtifactError, match="packed or encrypted"):
        open_bytes(packed(members, zipfile.ZIP_DEFLATED))
    with pytest.raises(ArtifactError, match="not written by treec"):
        open_bytes(packed({"arr_0.npy": b"x"}))


HOSTILE: list[tuple[str, Callable[[Any], None], str]] = [
    ("another version", lambda m: m.update(version=9), "version 9"),
    ("an older launch plan", lambda m: m.update(abi=1), "version 1.1 and this treec reads 1.4"),
    ("a part of the shared memory", lambda m: m["plan"]["kernels"][0].update(dynamic_bytes=64), "64 of 0 bytes of shared"),
    ("scratch without an argument", lambda m: m["plan"]["kernels"][0].update(scratch_bytes=8), "8 bytes of scratch"),
    (
        "an argument without scratch",
        lambda m: m["plan"]["kernels"][0]["arguments"].append({"kind": "scratch", "name": "scratch"}),
        "0 bytes of scratch",
    ),
    ("no plan", lambda m: m.pop("plan"), "damaged"),
    ("a path for a table", lambda m: m["plan"]["tables"].append("../x"), "for a name"),
    ("threads by the million", lambda m: m["plan"]["kernels"][0].update(block=[1 << 20, 1, 1]), "for a number"),
    ("too many threads", lambda m: m["plan"]["kernels"][0].update(block=[1024, 2, 1]), "2048 threads"),
    ("text for a number", lambda m: m["plan"].update(n_trees="3"), "for a number"),
    ("true for a number", lambda m: m["plan"].update(n_trees=True), "for a number"),
    ("a negative number", lambda m: m["plan"].update(n_features=-1), "for a number"),
    ("other sizes than the card", lambda m: m["plan"].update(n_trees=4), "card says otherwise"),
    ("an unknown table", lambda m: m["plan"]["kernels"][0]["arguments"][0].update(kind="table", name="no"), "argument"),
    ("an unknown kind", lambda m: m["plan"]["kernels"][0]["arguments"][0].update(kind="host"), "argument"),
    ("an unknown kernel", lambda m: m["plan"]["tasks"][0].update(kernels=["no"]), "has not"),
    ("a symbol that is code", lambda m: m["plan"]["kernels"][0].update(symbol="a;b"), "for a name"),
    ("an option that reads files", lambda m: m["plan"]["options"].update(opencl=["-I /etc"]), "for a name"),
    ("a grid of no step", lambda m: m["plan"]["kernels"][0]["grid"][0].update(step=0), "for a number"),
    ("a list for an object", lambda m: m.update(plan=[]), "damaged"),
]


@pytest.mark.parametrize(("change", "reason"), [case[1:] for case in HOSTILE], ids=[case[0] for case in HOSTILE])
def test_hostile_manifests_are_refused(data: bytes, change: Callable[[Any], None], reason: str) -> None:
    members = members_of(data)
    assert open_bytes(resealed(members)).n_trees == 3
    with pytest.raises(ArtifactError, match=reason) as caught:
        open_bytes(resealed(members, change), "m.gpu")
    assert caught.value.place == "m.gpu"
    assert caught.value.fix is not None


def test_loading_and_running_imports_no_compiler(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "model.gpu").write_bytes(data)
    code = (
        "import sys, numpy, treec\n"
        "treec.load('model.gpu').predict(numpy.zeros((2, 4)))\n"
        "heavy = ('tvm', 'xdsl', 'llvmlite', 'xgboost', 'lightgbm', 'sklearn')\n"
        "sys.exit(','.join(m for m in heavy if m in sys.modules) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
