"""``treec schedules``: the schedules that come with treec."""

from __future__ import annotations

import click

from treec.tools.cli.command import Command, json_option
from treec.tools.cli.report import Report, say


@click.command(
    cls=Command,
    usage="[NAME]",
    examples=(
        ("the presets, a line each", "treec schedules"),
        ("one as text, to edit", "treec schedules tiled > my.sched"),
    ),
)
@click.argument("name", required=False)
@json_option
@click.pass_obj
def schedules_command(report: Report, name: str | None) -> None:
    """List the schedules that come with treec, or print one."""
    from treec.schedule.library import preset_names, preset_text

    names = preset_names() if name is None else (name,)
    texts = {preset: preset_text(preset) for preset in names}
    report.facts["schedules"] = texts
    if report.silent:
        return
    if name is not None:
        say(texts[name], newline=False)
        return
    width = max(map(len, names))
    for preset, text in texts.items():
        comments = [line.removeprefix("#").strip() for line in text.splitlines() if line.startswith("#")]
        say(f"{preset:<{width}}  {' '.join(comments).split('. ')[0].rstrip('.')}.")
