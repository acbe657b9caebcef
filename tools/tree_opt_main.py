"""``tree-opt``: IR in, a pipeline of passes, IR out. The driver of ``xdsl-opt`` with treec's dialects, passes and target.

These come by the plug-in that pyproject.toml declares (`treec.universe`), so nothing is registered here. Arrays that the
text names by digest are read from ``blobs/`` beside the input file, and written to ``blobs/`` beside the output file, so
that the output can be read again.
"""

from __future__ import annotations

import argparse
import dataclasses
import io
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass
from xdsl.utils.exceptions import ArgSpecParseError, DiagnosticException, ParseError, VerifyException
from xdsl.xdsl_opt_main import xDSLOptMain

from treec.codegen.files import PendingFile, unwritable
from treec.errors import CodegenError, ModelError, UsageError
from treec.tools.blobs import save_blobs
from treec.tools.cli.failure import guarded
from treec.tools.cli.report import Report
from treec.treeir.blob import BLOB_FOLDER, STORE

EXIT_CODES = (
    "exit codes: 0 done; 2 usage, a file that can't be read or written, a pass that does not apply; 3 text that can't be "
    "parsed, or invalid IR; 70 internal error"
)


def main() -> None:
    """The console script: parse ``sys.argv``, run, exit."""
    sys.exit(guarded(lambda report: run(sys.argv[1:]), Report(), "tree-opt"))


def run(args: Sequence[str]) -> int:
    """Run with these arguments; returns the exit code that argparse asks for, or 0. Raises `TreecError`."""
    tool = _parsed(args)
    if isinstance(tool, int):
        return tool
    try:
        tool.run()
    except ParseError as error:
        raise ModelError(f"this is no valid IR\n{error}", place=tool.get_input_name(), fix="correct the text") from None
    except DiagnosticException as error:
        raise ModelError(f"invalid IR: {error}", place=tool.get_input_name(), fix="correct the text") from None
    tool.commit()
    return 0


def _parsed(args: Sequence[str]) -> TreeOpt | int:
    try:
        return TreeOpt("Run passes on treec's IR, one after the other, by hand.", args)
    except SystemExit as end:  # argparse has shown the help, or said what is wrong
        return end.code if isinstance(end.code, int) else 2
    except (ArgSpecParseError, ValueError) as error:  # the first is a BaseException
        fix = "write -p 'pass{option=value other=value},pass'; tree-opt --help lists the passes"
        raise UsageError(f"the pipeline can't be read: {error}", place="-p", fix=fix) from None


class TreeOpt(xDSLOptMain):
    """The driver; what goes to a file is held back until all of it is there."""

    version_format = "tree-opt of treec, on xDSL {xdsl_version}"

    def __init__(self, description: str, args: Sequence[str]) -> None:
        self._held: io.StringIO | None = None
        super().__init__(description, args)
        if self.args.input_file is not None:
            STORE.add_folder(Path(self.args.input_file).absolute().parent / BLOB_FOLDER)

    def register_all_arguments(self, arg_parser: argparse.ArgumentParser) -> None:
        super().register_all_arguments(arg_parser)
        arg_parser.prog = "tree-opt"
        arg_parser.epilog = EXIT_CODES

    def setup_pipeline(self) -> None:
        """Tell IR that was invalid from the start from a pass that made it so."""
        super().setup_pipeline()
        inner = self.pipeline.callback

        def callback(previous: ModulePass | None, module: ModuleOp, following: ModulePass | None) -> None:
            try:
                if inner is not None:
                    inner(previous, module, following)
            except VerifyException as error:
                if previous is None or self.args.verify_diagnostics:
                    raise
                raise CodegenError(f"the pass {previous.name} left invalid IR: {error}") from error

        self.pipeline = dataclasses.replace(self.pipeline, callback=callback)

    def get_input_stream(self) -> tuple[IO[bytes], str]:
        """Whatever a file's ending, it is IR text unless ``-f`` says otherwise."""
        try:
            stream, ending = super().get_input_stream()
        except OSError as error:
            fix = "check the path"
            raise UsageError(f"cannot read: {error.strerror}", place=self.get_input_name(), fix=fix) from None
        return stream, ending if ending in self.available_frontends else "mlir"

    def prepare_output(self) -> IO[str]:
        if self.args.output_file is None:
            return sys.stdout
        self._held = _Held()
        return self._held

    def output_resulting_program(self, prog: ModuleOp) -> str:
        if self.args.output_file is not None:
            save_blobs(prog, Path(self.args.output_file).absolute().parent / BLOB_FOLDER)
        return super().output_resulting_program(prog)

    def commit(self) -> None:
        """Write the output file, if there is to be one."""
        if self._held is None:
            return
        with PendingFile(self.args.output_file) as pending:
            try:
                pending.path.write_text(self._held.getvalue(), encoding="utf-8")
            except OSError as error:
                raise unwritable(pending.target, error) from None
            pending.commit()


class _Held(io.StringIO):
    """The driver closes its output; the text is still wanted."""

    def close(self) -> None:
        pass


if __name__ == "__main__":
    main()
