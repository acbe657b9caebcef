"""The repository's text names no path or host of the machine it was written on, and every executable has a shebang."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

# Spelt in two halves so that this file does not find itself.
HOME_FOLDERS = "|".join(["wor" + "k", "roo" + "t", "hom" + "e/[a-z]", "User" + "s/[a-zA-Z]", "op" + "t", "tmp/de" + "v"])
FORBIDDEN = {
    "absolute path of a machine": re.compile(rf"(?<![\w./-])/(?:{HOME_FOLDERS})(?:/|\b)"),
    "file address": re.compile("fil" + "e://"),
    "registry host": re.compile(
        r"(?:files\.python" + r"hosted\.org|pypi\." + r"org|registry\.npm" + r"js\.org|deb\.deb" + "ian)"
    ),
    "conflict marker": re.compile(r"^(?:<{7}|>{7}) ", re.MULTILINE),
}


@pytest.fixture(scope="module")
def tracked(repository: Path) -> list[Path]:
    if shutil.which("git") is None or not (repository / ".git").exists():
        pytest.skip("not a git checkout")
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=repository, capture_output=True, check=True).stdout
    paths = (repository / name for name in listing.decode().split("\0") if name)
    return [path for path in paths if path.is_file() and not path.is_symlink()]


def text_of(path: Path) -> str:
    """The file's text, empty for binary files."""
    data = path.read_bytes()
    return "" if b"\0" in data else data.decode("utf-8", errors="replace")


@pytest.mark.parametrize("what", sorted(FORBIDDEN))
def test_no_tracked_file_names(what: str, tracked: list[Path], repository: Path) -> None:
    hits = [
        f"{path.relative_to(repository)}: {match[0].strip()!r}"
        for path in tracked
        for match in FORBIDDEN[what].finditer(text_of(path))
    ]
    assert hits == []


def test_executable_files_are_scripts(tracked: list[Path], repository: Path) -> None:
    executable = [path for path in tracked if path.stat().st_mode & 0o111]
    assert [str(path.relative_to(repository)) for path in executable if not text_of(path).startswith("#!")] == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("see /wo" + "rk/main", True),
        ('open("/ro' + 'ot/x")', True),
        ("../shared/models", False),
        ("src/work/file", False),
        ("#!/usr/bin/env bash", False),
    ],
)
def test_the_path_pattern_itself(text: str, found: bool) -> None:
    assert (FORBIDDEN["absolute path of a machine"].search(text) is not None) is found
