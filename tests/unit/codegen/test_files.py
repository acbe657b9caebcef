"""A file is there whole, or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from treec.codegen.files import PendingFile
from treec.errors import UsageError


def test_a_committed_file_has_its_name_and_the_usual_mode(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        with PendingFile(tmp_path / "out.so") as pending:
            pending.path.write_bytes(b"whole")
            assert not (tmp_path / "out.so").exists()
            assert pending.commit() == (tmp_path / "out.so").resolve()
    finally:
        os.umask(before)
    assert (tmp_path / "out.so").read_bytes() == b"whole"
    assert (tmp_path / "out.so").stat().st_mode & 0o777 == 0o640
    assert os.listdir(tmp_path) == ["out.so"]


def test_an_exception_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "out.so").write_bytes(b"old")

    def interrupted() -> None:
        with PendingFile(tmp_path / "out.so") as pending:
            pending.path.write_bytes(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert (tmp_path / "out.so").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["out.so"]


def test_without_commit_nothing_appears(tmp_path: Path) -> None:
    with PendingFile(tmp_path / "out.so") as pending:
        pending.path.write_bytes(b"half")
    assert os.listdir(tmp_path) == []


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link.so").symlink_to(tmp_path / "folder" / "real.so")
    with PendingFile(tmp_path / "link.so") as pending:
        pending.path.write_bytes(b"x")
        pending.commit()
    assert (tmp_path / "link.so").is_symlink()
    assert (tmp_path / "folder" / "real.so").read_bytes() == b"x"


def test_targets_that_are_no_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="folder does not exist"), PendingFile(tmp_path / "no" / "out.so"):
        pass
    with pytest.raises(UsageError, match="not a regular file"), PendingFile(tmp_path):
        pass
    with pytest.raises(UsageError, match="not a regular file"), PendingFile("/dev/null"):
        pass
    assert Path("/dev/null").is_char_device()


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_folder_that_may_not_be_written_is_a_users_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(UsageError, match="cannot write this file: Permission denied"), PendingFile(tmp_path / "out.so"):
        pass


def test_a_refusal_of_the_system_is_a_users_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot write this file"), PendingFile("/proc/out.so"):
        pass
