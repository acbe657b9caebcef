"""What the host is said to have, from files of our own making."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from treec.codegen import cpu_levels
from treec.codegen.cpu_levels import LEVELS, cpuinfo_flag
from treec.runtime import cpu


@pytest.fixture(autouse=True)
def _no_cache() -> Iterator[None]:  # pyright: ignore[reportUnusedFunction]
    cpu.host_flags.cache_clear()
    yield
    cpu.host_flags.cache_clear()


def _cpuinfo(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, flags: str) -> None:
    path = tmp_path / "cpuinfo"
    path.write_text(f"processor\t: 0\nflags\t\t: {flags}\nbugs\t\t: none\n")
    monkeypatch.setattr(cpu_levels, "CPUINFO", path)
    monkeypatch.setattr(cpu_levels.os, "uname", lambda: type("U", (), {"machine": "x86_64"}))


def test_levels_contain_each_other() -> None:
    names = ["x86-64", "x86-64-v2", "x86-64-v3", "x86-64-v4", "x86-64-v4-vbmi"]
    for low, high in itertools.pairwise(names):
        assert set(LEVELS[low].features) < set(LEVELS[high].features)
    bits = [f.cpuid for f in LEVELS["x86-64-v4-vbmi"].features]
    assert len(set(bits)) == len(bits)


def test_the_host_has_the_highest_level_whose_flags_it_has(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    v3 = [f.cpuinfo for f in LEVELS["x86-64-v3"].features]
    _cpuinfo(monkeypatch, tmp_path, " ".join(v3))
    assert cpu.host_level() == "x86-64-v3"
    assert cpu.missing_features(f.llvm for f in LEVELS["x86-64-v3"].features) == []
    assert cpu.missing_features(f.llvm for f in LEVELS["x86-64-v4"].features) == [
        "avx512f",
        "avx512dq",
        "avx512cd",
        "avx512bw",
        "avx512vl",
    ]


def test_lacking_features_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _cpuinfo(monkeypatch, tmp_path, "sse sse2 pni popcnt")
    assert cpu.missing_features(["sse3", "popcnt", "bmi2", "avx512-vnni"]) == ["bmi2", "avx512-vnni"]
    assert cpuinfo_flag("sse4.1") == "sse4_1"


def test_without_cpuinfo_nothing_is_claimed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(cpu_levels, "CPUINFO", tmp_path / "absent")
    assert cpu.missing_features(["avx2"]) == []


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize(
    ("membership", "files", "expected"),
    [
        ("0::/a/b\n", {"a/b/cpu.max": "max 100000", "a/cpu.max": "150000 100000"}, 2),
        ("0::/a\n", {"a/cpu.max": "max 100000"}, None),
        ("0::/host/only\n", {"cpu.max": "50000 100000"}, 1),  # a container sees its own files at the root
        (
            "3:cpu,cpuacct:/d\n",
            {"cpu,cpuacct/d/cpu.cfs_quota_us": "300000", "cpu,cpuacct/d/cpu.cfs_period_us": "100000"},
            3,
        ),
        ("1:cpu:/d\n", {"cpu/d/cpu.cfs_quota_us": "-1", "cpu/d/cpu.cfs_period_us": "100000"}, None),
        ("9:memory:/x\n", {}, None),
    ],
)
def test_cgroup_quotas(tmp_path: Path, membership: str, files: dict[str, str], expected: int | None) -> None:
    _write(tmp_path / "cgroup", membership)
    for name, text in files.items():
        _write(tmp_path / "fs" / name, text + "\n")
    assert cpu.read_cgroup_quota(tmp_path / "cgroup", tmp_path / "fs") == expected


def test_a_quota_bounds_the_affinity(monkeypatch: pytest.MonkeyPatch) -> None:
    def affinity(_process: int) -> set[int]:
        return set(range(8))

    monkeypatch.setattr(cpu.os, "sched_getaffinity", affinity)
    for quota, expected in ((None, 8), (3, 3), (20, 8)):
        monkeypatch.setattr(cpu, "cgroup_quota", lambda quota=quota: quota)
        assert cpu.usable_cpus() == expected
