"""From exceptions to messages and exit codes: 2 usage, 3 model, 4 verification, 5 budget, 70 internal, 130 interrupted."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, NoReturn

import click

from treec.errors import TreecError
from treec.tools.cli.report import OutputClosed, Report, printable

DEBUG_VARIABLE = "TREEC_DEBUG"
"""Set to anything but 0 to see tracebacks."""

INTERNAL = 70
INTERRUPTED = 130
BROKEN_PIPE = 141
"""What a shell reports for a program that SIGPIPE ended."""

ROOT = Path(__file__).resolve().parents[2]


def guarded(run: Callable[[Report], Any], report: Report, name: str) -> int:
    """Run a command and return its exit code; whatever goes wrong is reported, never raised."""
    try:
        with _terminating_signals():
            code = _run(run, report, name)
            with contextlib.suppress(ValueError):
                sys.stdout.flush()
            return code
    except (BrokenPipeError, OutputClosed):
        _drop_output()
        return BROKEN_PIPE
    except OSError as error:  # of the standard output itself
        click.echo(f"{name}: error: standard output: {error.strerror or error}", err=True)
        _drop_output()
        return TreecError.exit_code


def _run(run: Callable[[Report], Any], report: Report, name: str) -> int:
    try:
        result = run(report)
        code = result if isinstance(result, int) else 0
    except (BrokenPipeError, OutputClosed):
        raise
    except (KeyboardInterrupt, click.Abort):
        click.echo(f"{name}: interrupted", err=True)
        report.facts["error"] = {"kind": "Interrupted", "message": "interrupted"}
        code = INTERRUPTED
    except _Terminated as error:
        code = 128 + error.number
    except click.ClickException as error:
        fix = f"see `{name.split()[0]} --help`" if not isinstance(error, click.UsageError) else _usage_fix(error, name)
        code = _fail(report, name, error.exit_code, "UsageError", error.format_message(), None, fix)
    except TreecError as error:
        code = _fail(report, name, error.exit_code, type(error).__name__, error.message, error.place, error.fix)
    except OSError as error:
        code = _system_error(error, report, name)
    except BaseException as error:  # MemoryError, RecursionError, a defect
        if isinstance(error, SystemExit):
            raise
        code = _internal(error, report, name)
    return _finish(code, report, name)


def _finish(code: int, report: Report, name: str) -> int:
    try:
        report.finish(code)
    except TreecError as error:
        return code or _fail(report, name, error.exit_code, "UsageError", error.message, error.place, error.fix)
    return code


def _usage_fix(error: click.UsageError, name: str) -> str:
    path = error.ctx.command_path if error.ctx is not None else name
    return f"see `{path} --help`"


def _fail(report: Report, name: str, code: int, kind: str, message: str, place: str | None, fix: str | None) -> int:
    report.facts["error"] = {"code": code, "kind": kind, "message": message, "place": place, "fix": fix}
    message = "\n".join(printable(line) for line in message.splitlines())
    click.echo(f"{name.split()[0]}: error: {f'{printable(place)}: ' if place else ''}{message}", err=True)
    if fix:
        click.echo(f"  fix: {printable(fix)}", err=True)
    if _debugging():
        traceback.print_exc()
    return code


def _system_error(error: OSError, report: Report, name: str) -> int:
    if error.filename is None and error.errno is None:
        return _internal(error, report, name)
    file: object = error.filename
    place = None if file is None else file.decode(errors="replace") if isinstance(file, bytes) else str(file)
    fix = "check the path, its permissions and the space left on that disk"
    return _fail(report, name, TreecError.exit_code, "SystemError", error.strerror or str(error), place, fix)


def _internal(error: BaseException, report: Report, name: str) -> int:
    place = _place_of(error)
    message = f"internal error: {type(error).__name__}: {error}".rstrip(": ")
    if isinstance(error, MemoryError):
        fix = "give treec more memory"
    else:
        fix = f"this is a defect of treec, please report it with the model; {DEBUG_VARIABLE}=1 shows the traceback"
    return _fail(report, name, INTERNAL, "InternalError", message, place, fix)


def _place_of(error: BaseException) -> str | None:
    """The innermost line of treec itself that the error passed."""
    frames = traceback.extract_tb(error.__traceback__)
    for frame in reversed(frames):
        path = Path(frame.filename)
        if path.is_relative_to(ROOT) and "site-packages" not in path.relative_to(ROOT).parts:
            return f"{path.relative_to(ROOT)}:{frame.lineno} in {frame.name}"
    return None


def _debugging() -> bool:
    return os.environ.get(DEBUG_VARIABLE, "0") not in ("", "0")


class _Terminated(BaseException):
    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextlib.contextmanager
def _terminating_signals() -> Generator[None]:
    """Let SIGTERM and SIGHUP unwind the stack, so that temporary files go."""

    def stop(number: int, frame: object) -> NoReturn:
        raise _Terminated(number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _drop_output() -> None:
    """Nobody reads any more: what is still buffered must not raise again when Python ends."""
    with contextlib.suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
