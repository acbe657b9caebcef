"""The C header of an artifact, generated from the tables of `treec.codegen.abi`; valid C99 and C++."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterable
from enum import IntEnum
from typing import Any

from treec.codegen.abi import (
    ABI_VERSION,
    CARD_SYMBOL,
    DESCRIBE_SYMBOL,
    MAGIC,
    PREDICT_PARAMETERS,
    PREDICT_SYMBOL,
    STAGE_PARAMETERS,
    ArtifactStruct,
    Axis,
    DType,
    KernelStruct,
    Parameter,
    StageStruct,
    Status,
    Task,
)
from treec.errors import CodegenError

_ENUMS: tuple[tuple[str, type[IntEnum], str], ...] = (
    ("task", Task, "What a kernel computes."),
    ("dtype", DType, "Element type of rows and outputs."),
    ("axis", Axis, "The axis a stage may be sharded over."),
    ("status", Status, "What every function returns."),
)
_MEMBER_DOCS: dict[tuple[str, str], str] = {
    ("task", "RAW"): "raw outputs: [n_rows, n_columns] of out_dtype",
    ("task", "RESPONSE"): "outputs after the link, likewise",
    ("task", "LEAF"): "the library's leaf ids: int32_t [n_rows, tree_end - tree_begin]",
    ("axis", "GROUP"): "groups of trees, 0 to n_groups",
    ("dtype", "F32"): "float",
    ("dtype", "F64"): "double",
    ("status", "WRONG_CPU"): "built for a CPU with more features than this one",
    ("status", "NO_KERNEL"): "no kernel for this task and row type",
    ("status", "BAD_ARGUMENT"): "a range is out of bounds, or a workspace is missing",
}
_STRUCTS: tuple[tuple[str, type[ctypes.Structure], str, dict[str, str]], ...] = (
    (
        "stage",
        StageStruct,
        "One function of a kernel. Stages run one after the other, each over its whole axis; calls for disjoint\n"
        "   parts of the axis may run at the same time, each with a workspace of its own, all with the same scratch.",
        {
            "axis": "a treec_axis",
            "grain": "a shard should be a multiple of this many axis steps",
            "workspace_bytes": "what a call needs, aligned to 64",
            "n_groups": "the end of an axis of groups",
        },
    ),
    (
        "kernel",
        KernelStruct,
        "One task for rows of one type. The first kernel that fits a call is the one to use. More than run_rows rows go\n"
        "   through the stages in parts of at most so many, the rows of each counted from 0.",
        {
            "task": "a treec_task",
            "row_dtype": "a treec_dtype",
            "rows_max": "serves calls of at most this many rows",
            "run_rows": "rows that go through the stages together",
            "scratch_row_bytes": "scratch for each of them, or 0",
            "row_cost": "rough picoseconds of a row in a tree, on one core; 0 if not known",
        },
    ),
    (
        "artifact",
        ArtifactStruct,
        "The whole artifact; constant, lives as long as the library is loaded.",
        {
            "magic": "TREEC_MAGIC",
            "abi_version": "TREEC_ABI_VERSION",
            "n_features": "columns of a row",
            "n_columns": "columns of an output row",
            "out_dtype": "a treec_dtype: RAW and RESPONSE outputs",
            "workspace_bytes": "what treec_predict needs, aligned to 64",
            "cpu_check": "TREEC_STATUS_OK or TREEC_STATUS_WRONG_CPU",
            "card": "JSON text, ended by NUL: where the model comes from, schedule, verification",
            "card_capacity": "bytes reserved for it",
            "call": "runs a stage; words: its function, then its arguments, for callers to whom these are dear",
            "wait": "looks at a word until it is no longer old, so often; 1 if it is another; neither sleeps nor locks",
        },
    ),
)
_SCALARS: dict[Any, str] = {
    ctypes.c_int32: "int32_t",
    ctypes.c_uint32: "uint32_t",
    ctypes.c_int64: "int64_t",
}
_POINTERS: dict[tuple[str, str], str] = {
    ("stage", "run"): "treec_stage_function run",
    ("kernel", "stages"): "const treec_stage *stages",
    ("artifact", "kernels"): "const treec_kernel *kernels",
    ("artifact", "cpu_check"): "int32_t (*cpu_check)(void)",
    ("artifact", "card"): "const char *card",
    ("artifact", "call"): "int32_t (*call)(const int64_t *words)",
    ("artifact", "wait"): "int32_t (*wait)(const int64_t *word, int64_t old, int64_t pauses, int64_t more)",
}
_MAX_NAMED = 4096  # features or classes listed; beyond that the card is the place to look


def header_text(card: dict[str, Any] | None = None) -> str:
    """The header's text; with a card, the model's facts (sizes, features, classes) are added as macros and comments."""
    parts = [
        _preamble(card),
        *(_enum(*entry) for entry in _ENUMS),
        _function_type(),
        *(_struct(*entry) for entry in _STRUCTS),
        _functions(),
        *([_model(card)] if card is not None else []),
        _POSTAMBLE,
    ]
    return "\n".join(parts)


def _comment(text: object) -> str:
    """Text that may stand in a C comment, in any dialect: no end of comment, no trigraph, printable ASCII only."""
    escaped = "".join(c if " " <= c <= "~" else c.encode("unicode_escape").decode() for c in str(text))
    escaped = escaped.replace("*/", "* /").replace("/*", "/ *")
    return re.sub(r"\?(?=\?)", "? ", escaped)


def _preamble(card: dict[str, Any] | None) -> str:
    of = ""
    if card is not None:
        source = card["source"]
        title = " ".join(str(source[k]) for k in ("name", "library", "objective") if source.get(k))
        of = f" of {_comment(title)}" if title else ""
    return f"""\
/* A decision-tree ensemble compiled by treec{of}. Generated; C99 and C++.

   Link with the library (cc main.c ./model.so) or open it with dlopen(). Functions are re-entrant, allocate nothing and
   write nothing but their outputs and workspace. All strides are in elements, may be zero or negative.

   {_usage(card).strip()}
*/
#ifndef TREEC_MODEL_H
#define TREEC_MODEL_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {{
#endif

#define TREEC_MAGIC {MAGIC:#x}u
#define TREEC_ABI_VERSION {ABI_VERSION}
"""


def _usage(card: dict[str, Any] | None) -> str:
    """An example that compiles: with a card, for the model's own types."""
    out = "float" if card is not None and card["sum"]["dtype"] == "<f4" else "double"
    row, tag = ("float", "F32") if card is not None and card["inputs"]["dtype"] == "<f4" else ("double", "F64")
    return f"""
   Example: n rows, dense, one after the other.

     const treec_artifact *a = {DESCRIBE_SYMBOL}();
     if (a->magic != TREEC_MAGIC || a->abi_version != TREEC_ABI_VERSION || a->cpu_check() != TREEC_STATUS_OK) return 1;
     const {row} *rows = ...;          [n, a->n_features]
     {out} *out = ...;                 [n, a->n_columns], of a->out_dtype
     void *workspace = aligned_alloc(64, (a->workspace_bytes + 63) / 64 * 64);
     int32_t status = {PREDICT_SYMBOL}(TREEC_TASK_RESPONSE, TREEC_DTYPE_{tag}, rows, a->n_features, 1, n,
                                    out, a->n_columns, 1, 0, a->n_trees, workspace);
"""


def _enum(name: str, enum: type[IntEnum], title: str) -> str:
    last = list(enum)[-1]
    lines = [f"/* {title} */", f"typedef enum treec_{name} {{"]
    for member in enum:
        comma = "" if member is last else ","
        doc = _MEMBER_DOCS.get((name, member.name))
        said = f" /* {doc} */" if doc else ""
        lines.append(f"  TREEC_{name.upper()}_{member.name} = {member.value}{comma}{said}")
    return "\n".join([*lines, f"}} treec_{name};\n"])


def _declarator(parameter: Parameter) -> str:
    gap = "" if parameter.ctype.endswith("*") else " "
    return f"{parameter.ctype}{gap}{parameter.name}"


def _parameters(parameters: Iterable[Parameter]) -> str:
    *head, last = parameters
    lines = [f"    {_declarator(p)}, /* {p.doc} */" for p in head]
    return "\n".join([*lines, f"    {_declarator(last)} /* {last.doc} */"])


def _function_type() -> str:
    return (
        "/* A stage: one part of a kernel's work, for a range of rows and of trees. Returns a treec_status. */\n"
        f"typedef int32_t (*treec_stage_function)(\n{_parameters(STAGE_PARAMETERS)});\n"
    )


def _struct(name: str, struct: type[ctypes.Structure], doc: str, docs: dict[str, str]) -> str:
    lines = [f"/* {doc} */", f"typedef struct treec_{name} {{"]
    for field in struct._fields_:
        said = f" /* {docs[field[0]]} */" if field[0] in docs else ""
        lines.append(f"  {_field(name, field[0], field[1])};{said}")
    return "\n".join([*lines, f"}} treec_{name};\n"])


def _field(struct: str, name: str, ctype: Any) -> str:
    if (struct, name) in _POINTERS:
        return _POINTERS[struct, name]
    if ctype not in _SCALARS:
        raise CodegenError(f"the header has no C type for {struct}.{name}")
    return f"{_SCALARS[ctype]} {name}"


def _functions() -> str:
    return f"""\
/* What this library holds. Never NULL. Look at magic, abi_version and cpu_check() before anything else. */
const treec_artifact *{DESCRIBE_SYMBOL}(void);

/* Run a whole task on the caller's thread. Returns a treec_status. */
int32_t {PREDICT_SYMBOL}(
{_parameters(PREDICT_PARAMETERS)});

/* The card: JSON text ended by NUL. */
extern const char {CARD_SYMBOL}[];
"""


def _model(card: dict[str, Any]) -> str:
    inputs, source = card["inputs"], card["source"]
    lines = ["/* This model."]
    for key in ("library", "format", "version", "objective", "name", "digest"):
        if source.get(key) is not None:
            lines.append(f"   {key}: {_comment(source[key])}")
    lines += [
        f"   compared in: {'float' if inputs['dtype'] == '<f4' else 'double'}",
        f"   link: {_comment(card['outputs']['link'])}",
        f"   CPU: {_comment(card['cpu']['level'])}",
        f"   schedule: sha256 {_comment(card['schedule']['sha256'])}",
        f"   treec: {_comment(card['treec'])} */",
        f"#define TREEC_N_FEATURES {inputs['n_features']}",
        f"#define TREEC_N_TREES {card['n_trees']}",
        f"#define TREEC_N_COLUMNS {card['n_columns']}",
        "",
    ]
    lines += _features(inputs)
    for number, classes in enumerate(card["outputs"]["classes"]):
        lines += _classes(classes["values"], number, len(card["outputs"]["classes"]))
    return "\n".join(lines)


def _features(inputs: dict[str, Any]) -> list[str]:
    names: list[str] | None = inputs["names"]
    if not names or len(names) > _MAX_NAMED:
        return []
    lines = ["/* Columns of a row. */"]
    seen: set[str] = set()
    for index, name in enumerate(names):
        macro = "TREEC_FEATURE_" + (re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_").upper() or str(index))
        if macro in seen:
            macro = f"{macro}_{index}"
        if macro in seen:  # a name that looks like another's number
            continue
        seen.add(macro)
        kind = f", {_comment(inputs['types'][index])}" if inputs.get("types") else ""
        lines.append(f"#define {macro} {index} /* {_comment(name)}{kind} */")
    return [*lines, ""]


def _classes(values: list[Any], output: int, n_outputs: int) -> list[str]:
    if len(values) > _MAX_NAMED:
        return []
    which = f" of output {output}" if n_outputs > 1 else ""
    suffix = f"_{output}" if n_outputs > 1 else ""
    listed = [f"   {index}: {_comment(repr(value))}" for index, value in enumerate(values)]
    return [f"#define TREEC_N_CLASSES{suffix} {len(values)}", f"/* Classes{which}:", *listed, "*/", ""]


_POSTAMBLE = """\
#ifdef __cplusplus
}
#endif

#endif
"""
