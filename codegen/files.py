"""Writing a file so that there is a whole one or none."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from pathlib import Path
from types import TracebackType
from typing import Self

from treec.errors import UsageError


class PendingFile:
    """A file that appears under its name only by ``commit()``; without it, leaving the ``with`` block removes it.

    ``path`` is an empty temporary file in the target's own directory, so that the last step is one atomic rename. A target
    that is a symbolic link is followed. Raises `UsageError` where the target cannot be written.

    >>> with PendingFile(Path("model.so")) as pending:
    ...     pending.path.write_bytes(b"...")
    ...     pending.commit()
    """

    def __init__(self, target: str | os.PathLike[str]) -> None:
        self.target = Path(os.path.realpath(target))
        self.path = self.target.with_name(f".treec-{secrets.token_hex(6)}.tmp")
        self._committed = False

    def __enter__(self) -> Self:
        parent = self.target.parent
        with contextlib.suppress(OSError):
            if self.target.exists() and not stat.S_ISREG(self.target.stat().st_mode):
                raise UsageError("the output is not a regular file", place=str(self.target), fix="name a file")
        if not parent.is_dir():
            raise UsageError("the output's folder does not exist", place=str(parent), fix="create it first")
        try:
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        except OSError as error:
            raise unwritable(self.target, error) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if not self._committed:
            with contextlib.suppress(OSError):
                self.path.unlink()

    def commit(self) -> Path:
        """Put the file on the disk, give it its name, and return that."""
        try:
            _sync(self.path)
            os.replace(self.path, self.target)
        except OSError as error:
            raise unwritable(self.target, error) from error
        self._committed = True
        with contextlib.suppress(OSError):  # the name is there; some file systems cannot sync a directory
            _sync(self.target.parent)
        return self.target


def unwritable(path: str | os.PathLike[str], error: OSError) -> UsageError:
    """The user's error for an output that the system refuses."""
    return UsageError(
        f"cannot write this file: {error.strerror or error}",
        place=os.fspath(path),
        fix="free some space there, or choose another folder",
    )


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
