"""Small models as files, and the commands in this process with their exit code and output."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.unit.tools.tooling import N_FEATURES, PLAIN, Ran, Run, model_text, script


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def model(folder: Path) -> Path:
    path = folder / "model.txt"
    path.write_text(model_text())
    return path


@pytest.fixture
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A schedule that compiles quickly, in a folder of its own."""
    path = tmp_path_factory.mktemp("schedule") / "plain.sched"
    path.write_text(PLAIN)
    return path


@pytest.fixture(scope="session")
def compiled_bytes(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """`model` as a compiled file, verified; made once."""
    from treec import compiler

    folder = tmp_path_factory.mktemp("compiled")
    (folder / "model.txt").write_text(model_text())
    compilation = compiler.start(folder / "model.txt", PLAIN)
    compiler.generate(compilation)
    return compiler.write(compilation, folder / "model.so").read_bytes()


@pytest.fixture
def compiled(folder: Path, compiled_bytes: bytes) -> Path:
    path = folder / "compiled.so"
    path.write_bytes(compiled_bytes)
    return path


@pytest.fixture
def rows() -> NDArray[np.float64]:
    rng = np.random.default_rng(7)
    table = rng.normal(size=(50, N_FEATURES))
    table[:, -1] = rng.integers(0, 5, 50)
    table[rng.random(table.shape) < 0.1] = np.nan
    return table


@pytest.fixture
def treec(capsys: pytest.CaptureFixture[str]) -> Run:
    """``treec(*words)``: the command in this process."""
    from treec.tools.cli.compile_command import treec as command

    return _runner(command, capsys)


@pytest.fixture
def treec_dump(capsys: pytest.CaptureFixture[str]) -> Run:
    from treec.tools.treec_dump_main import treec_dump as command

    return _runner(command, capsys)


def _runner(command: Any, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*words: object) -> Ran:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            command.main([str(word) for word in words], prog_name=command.name)
        said = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return Ran(ended.value.code, said.out, said.err)

    return run


@pytest.fixture
def tree_opt(capsys: pytest.CaptureFixture[str]) -> Run:
    """``tree_opt(*words)``: the command in this process, errors reported as `main` does."""
    from treec.tools.cli.failure import guarded
    from treec.tools.cli.report import Report
    from treec.tools.tree_opt_main import run

    def ran(*words: object) -> Ran:
        capsys.readouterr()
        code = guarded(lambda report: run([str(word) for word in words]), Report(), "tree-opt")
        said = capsys.readouterr()
        return Ran(code, said.out, said.err)

    return ran


@pytest.fixture
def process() -> Run:
    """``process("treec", *words)``: a real process."""

    def run(name: str, *words: object, **options: Any) -> Ran:
        done = subprocess.run([*script(name), *map(str, words)], capture_output=True, text=True, check=False, **options)
        return Ran(done.returncode, done.stdout, done.stderr)

    return run
