"""From an object file to a shared library: finds a linker, runs it, and says which it was."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

from treec.codegen.files import PendingFile, unwritable
from treec.errors import ToolchainError, UsageError

__all__ = ["LINKERS", "LINKER_VARIABLE", "PendingFile", "link_shared"]

LINKER_VARIABLE = "TREEC_LINKER"
"""Environment variable with the linker to use and its leading arguments, e.g. ``clang -fuse-ld=lld``."""

LINKERS = ("cc", "gcc", "clang", "ld.lld", "ld")
"""Looked for in this order. Compiler drivers first: they know where the C library is."""

_LIBM_FOLDERS = ("/lib64", "/usr/lib64", "/lib", "/usr/lib")
# No build id and no debug path: the bytes depend on the object and the linker alone.
_COMMON = ("-z,noexecstack", "--build-id=none", "--as-needed", "-z,relro", "-z,now", "--hash-style=gnu")


def link_shared(object_bytes: bytes, out: str | os.PathLike[str]) -> str:
    """Link one ELF object into the shared library ``out``; returns the command's name, e.g. ``cc``.

    The bytes depend only on the object and the linker. Nothing is left behind on failure. ``out`` should be the path of a
    `PendingFile`. Raises `ToolchainError` if no linker is there or it fails, `UsageError` if ``out`` can't be written.
    """
    out = Path(out)
    commands = _commands()
    try:
        with tempfile.TemporaryDirectory(prefix="treec-") as folder:
            source = Path(folder) / "model.o"
            source.write_bytes(object_bytes)
            return _first_that_links(commands, source, out)
    except OSError as error:  # the linker's own are in its words; here it is the object
        raise unwritable(error.filename or tempfile.gettempdir(), error) from error


def _commands() -> list[list[str]]:
    chosen = os.environ.get(LINKER_VARIABLE, "").strip()
    if chosen:
        command = shlex.split(chosen)
        if shutil.which(command[0]) is None:
            raise ToolchainError(
                f"the linker {command[0]!r} is not there",
                place=LINKER_VARIABLE,
                fix=f"correct or unset {LINKER_VARIABLE}",
            )
        return [command]
    found = [[name] for name in LINKERS if shutil.which(name)]
    if not found:
        raise ToolchainError(
            f"no linker found (looked for {', '.join(LINKERS)} on PATH)",
            fix="install one (Debian, Ubuntu: `apt install gcc`; Fedora: `dnf install gcc`; conda: `conda install lld`), "
            f"name one in {LINKER_VARIABLE}, or use the model in this process (treec.compile) without saving it",
        )
    return found


def _first_that_links(commands: list[list[str]], source: Path, out: Path) -> str:
    failures: list[str] = []
    for command in commands:
        result = _run([*command, *_arguments(command, source, out)])
        if result.returncode == 0:
            return Path(command[0]).name
        out.unlink(missing_ok=True)
        said = result.stderr.strip() or f"exit status {result.returncode}"
        _check_output(out, said)
        failures.append(f"{shlex.join(command)}: {said}")
    raise ToolchainError(
        "no linker could write the library\n  " + "\n  ".join(failures),
        fix=f"install a working one (`apt install gcc`), or name one in {LINKER_VARIABLE}",
    )


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command,
            env={**os.environ, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    except OSError as error:
        return subprocess.CompletedProcess(command, 127, "", str(error))


def _check_output(out: Path, said: str) -> None:
    """Tell a disk's refusal from a linker's: the first is the user's to mend."""
    if "No space left" in said or "Disk quota" in said:
        raise UsageError(
            "cannot write into this folder: the disk is full", place=str(out.parent), fix="free some space there"
        )
    if not os.access(out.parent, os.W_OK | os.X_OK):
        raise UsageError("cannot write into this folder", place=str(out.parent), fix="choose another folder")


def _arguments(command: list[str], source: Path, out: Path) -> list[str]:
    name = Path(command[0]).name
    if name.startswith(("ld", "mold", "wild")) and name != "ldc2":
        options = [option for group in _COMMON for option in group.split(",")]
        return ["-shared", "-o", str(out), *options, str(source), *_bare_libm()]
    return [
        "-shared",
        "-nostartfiles",
        "-o",
        str(out),
        *(f"-Wl,{group}" for group in _COMMON),
        str(source),
        "-lm",
    ]


def _bare_libm() -> list[str]:
    """A bare linker may know no folders, and the development files may be missing: name the C library's own file."""
    machine = os.uname().machine
    for folder in (f"/lib/{machine}-linux-gnu", f"/usr/lib/{machine}-linux-gnu", *_LIBM_FOLDERS):
        for library in ("libm.so.6", "libc.so"):  # glibc; musl has it all in one
            path = Path(folder) / library
            if path.is_file() and path.open("rb").read(4) == b"\x7fELF":
                return [str(path), *([str(c)] if (c := Path(folder) / "libc.so.6").is_file() else [])]
    return []
