"""The schedules that come with treec."""

from __future__ import annotations

from importlib.resources import files

from treec.errors import ScheduleError
from treec.schedule.arguments import suggest
from treec.schedule.schedule import Schedule

_SUFFIX = ".sched"


def preset_names() -> tuple[str, ...]:
    """Names of all presets, sorted."""
    folder = files("treec.schedule") / "presets"
    return tuple(sorted(f.name.removesuffix(_SUFFIX) for f in folder.iterdir() if f.name.endswith(_SUFFIX)))


def preset_text(name: str) -> str:
    """A preset as it is written, with its comments; raises `ScheduleError` for an unknown name."""
    names = preset_names()
    if name not in names:
        known = f"the presets are {', '.join(names)}"
        guess = suggest(name, names)
        raise ScheduleError(f"there is no preset `{name}`", fix=f"{guess} {known}" if guess else known)
    return (files("treec.schedule") / "presets" / f"{name}{_SUFFIX}").read_text(encoding="utf-8")


def preset(name: str) -> Schedule:
    """The schedule of a preset."""
    return Schedule.from_text(preset_text(name), f"{name}{_SUFFIX}")
