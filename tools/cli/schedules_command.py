"""``treec schedules``: the schedules that come with treec."""

from __future__ import annotations

import click

from treec.tools.cli.command import Command, json_option, option
from treec.tools.cli.report import Report, say


@click.command(
    cls=Command,
    usage="[--show NAME]",
    examples=(
        ("the presets, a line each", "treec schedules"),
        ("one as text, to edit", "treec schedules --show tiled > my.sched"),
    ),
)
@option("--show", metavar="NAME", section="Schedule", help="Print this preset's text.")
@json_option
@click.pass_obj
def schedules_command(report: Report, show: str | None) -> None:
    """List the schedules that come with treec, or print one."""
    from treec.schedule.library import preset_names, preset_text

    names = preset_names() if show is None else (show,)
    texts = {name: preset_text(name) for name in names}
    report.facts["schedules"] = texts
    if report.silent:
        return
    if show is not None:
        say(texts[show], newline=False)
        return
    width = max(len(name) for name in names)
    for name, text in texts.items():
        comments = [line.removeprefix("#").strip() for line in text.splitlines() if line.startswith("#")]
        say(f"{name:<{width}}  {' '.join(comments).split('. ')[0].rstrip('.')}.")
