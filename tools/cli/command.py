"""Commands with grouped options, examples at the end of their help, and errors as exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from treec.errors import UsageError
from treec.tools.cli.failure import guarded
from treec.tools.cli.report import Report

SECTIONS = ("Schedule", "Output", "Checks", "Input", "Results", "Other")
"""Headings of options, in the order of the help."""

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


class Option(click.Option):
    """An option under a heading of its command's help."""

    def __init__(self, *args: Any, section: str = "Other", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.section = section


def option(*names: str, section: str = "Other", **kwargs: Any) -> Decorator:
    """`click.option` under a heading of `SECTIONS`."""
    return click.option(*names, cls=Option, section=section, **kwargs)


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--json``; `Report` finds it before anything is parsed, so that usage errors are JSON too."""
    what = "One JSON object on standard output instead of text, errors included."
    return option("--json", is_flag=True, expose_value=False, section="Output", help=what)(command)


def trust_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--trust``, for commands that read a model."""
    what = "Unpickle the model, which runs the code in it, if treec can't read it safely."
    return option("--trust", is_flag=True, section="Checks", help=what)(command)


class Command(click.Command):
    """A command of treec. ``main`` ends the process with the documented exit codes and never shows a traceback."""

    def __init__(self, *args: Any, usage: str, examples: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        kwargs.setdefault("context_settings", {"help_option_names": ["-h", "--help"], "max_content_width": 110})
        super().__init__(*args, **kwargs)
        self.usage = usage
        self.examples = examples

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        words = list(sys.argv[1:] if args is None else args)
        name = prog_name or "treec"
        sys.exit(guarded(lambda report: self.run(words, name, report), Report(json="--json" in words), name))

    def run(self, words: list[str], name: str, report: Report) -> Any:
        return super().main(args=words, prog_name=name, standalone_mode=False, obj=report)

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_usage(ctx.command_path, self.usage, prefix="usage: ")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        sections: dict[str, list[tuple[str, str]]] = {name: [] for name in SECTIONS}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx) if isinstance(parameter, click.Option) else None
            if record is not None:
                sections[getattr(parameter, "section", "Other")].append(record)
        for name, records in sections.items():
            if records:
                with formatter.section(name):
                    formatter.write_dl(records, col_max=26)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Examples"):
            for text, command in self.examples:
                formatter.write_text(f"# {text}")
                formatter.write(f"{'':>{formatter.current_indent}}{command}\n")
        if self.epilog:
            formatter.write_paragraph()
            with formatter.indentation():
                formatter.write_text(self.epilog)


class CommandWithOthers(Command):
    """A command with others beside it: a first word that is one of their names means that command, any other its own.

    A file that is named like a command is still there as ``./name``.
    """

    def __init__(self, *args: Any, others: Mapping[str, Command], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.others = others

    def run(self, words: list[str], name: str, report: Report) -> Any:
        other = self.others.get(words[0]) if words else None
        if other is not None:
            report.command = words[0]
            return other.run(words[1:], f"{name} {words[0]}", report)
        if words[:1] == ["compile"] and len(words) > 1 and not os.path.exists("compile"):
            raise UsageError("there is no command `compile`", fix=f"leave the word out: {name} {self.usage}")
        return super().run(words, name, report)

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_usage(ctx, formatter)
        formatter.write_usage(ctx.command_path, "COMMAND [OPTIONS] ...", prefix="       ")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.get_short_help_str(80)) for name, command in self.others.items()])
        super().format_options(ctx, formatter)
