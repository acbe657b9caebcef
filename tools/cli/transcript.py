"""The lines of a compilation's transcript, and the same as facts for ``--json``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from treec.tools.cli.report import Report
from treec.tools.cli.verify_command import verified_lines

if TYPE_CHECKING:
    from treec.compiler import Compilation


def say_schedule(report: Report, compilation: Compilation, schedule: str | None) -> None:
    from treec.schedule.library import preset_names

    chosen = compilation.schedule
    text = chosen.to_text()
    origin = "default" if schedule is None else "preset" if schedule in preset_names() else "file"
    report.facts["schedule"] = {
        "origin": origin,
        "name": schedule,
        "text": text,
        "sha256": chosen.digest(),
        "reasons": list(compilation.reasons),
    }
    if schedule is not None:
        words = "preset " if origin == "preset" else ""
        report.line("schedule", f"{words}{schedule}: {len(chosen)} directives, sha256 {chosen.digest()[:12]}")
    else:
        report.line("schedule", "chosen by treec:\n" + "\n".join(f"  {line}" for line in text.splitlines()))
        for reason in compilation.reasons:
            report.line("", f"because {reason}")


def say_verified(report: Report, compilation: Compilation) -> None:
    found = compilation.verification
    if found is None:
        report.facts["verification"] = None
        report.line("verify", "not verified (--no-verify); the card says so")
        return
    report.facts["verification"] = found.to_dict()
    report.line("verify", "\n".join(verified_lines(found, compilation.seconds["verify"])))
    if compilation.gpu is not None:
        report.line("", f"run by {compilation.gpu.verified_on}")
    if found.oracle is not None:
        report.line("", f"importing {found.oracle} took {compilation.seconds['library']:.2f} s more")


def say_written(report: Report, compilation: Compilation, path: Path, output: str) -> None:
    import hashlib

    from treec.runtime.card import code_name, read_card

    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    size = path.stat().st_size
    card = read_card(path)
    per_node = bytes_per_node(compilation)
    report.facts["output"] = {
        "path": str(path),
        "bytes": size,
        "sha256": digest,
        "cpu_level": card["cpu"]["level"] if card["cpu"] else None,
        "gpu": card.get("gpu"),
        "data_bytes_per_node": None if per_node is None else round(per_node, 2),
        "linker": compilation.linker,
    }
    parts = [f"{output}  {size:,} bytes", code_name(card), f"sha256 {digest[:12]}"]
    if per_node is not None:
        parts.append(f"{per_node:.1f} data bytes per inner node")
    report.line("wrote", " · ".join(parts))


def bytes_per_node(compilation: Compilation) -> float | None:
    """Bytes of the data sections per inner node; None for a model without any."""
    from treec.codegen.llvm.tables import section_offsets
    from treec.frontends.base import Trees

    trees = compilation.forest.trees
    if compilation.object is None or not isinstance(trees, Trees) or trees.n_nodes == 0:
        return None
    sections = section_offsets(compilation.object.object_bytes)
    data = sum(size for name, (_, size) in sections.items() if name.startswith(".rodata.treec."))
    return data / trees.n_nodes


def say_total(report: Report, compilation: Compilation) -> None:
    from treec.tools.cli.process import peak_bytes, process_seconds

    total, peak = process_seconds(), peak_bytes()
    library = compilation.seconds.get("library", 0.0) if compilation.verification is not None else 0.0
    report.facts["process"] = {"seconds": round(total, 3), "import_seconds": round(library, 3), "peak_bytes": peak}
    imported = f", {total - library:.2f} s without importing {compilation.forest.source.library}" if library else ""
    report.line("total", f"{total:.2f} s{imported}; peak memory {peak / 2**20:,.0f} MiB")
