"""Look-ups, interleaved lanes, matrices of bits and multiplexers as machine code, at every CPU level of this host, against
the interpreter."""

# pyright: basic

from __future__ import annotations

import numpy as np
import pytest

from tests.unit.codegen.test_llvm_gathers import HOST_LEVELS, run_both
from treec.codegen.llvm.compile import stages_text

HEAD = """
loop.func @stage axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f64, 2, global>,
                                 %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %one = loop.constant 1 : i64 -> i64
  %zero = loop.constant 0 : i64 -> i64
  loop.for serial %r = %rb to %re step %one {
"""
TAIL = """
    loop.yield
  }
  loop.return
}
loop.kernel [@stage] {task = 0 : i32, row_dtype = 0 : i32, rows_max = 100 : i64}
"""
LOOK_UP = """
    %table = loop.load %rows[%r, %zero] : !loop.buffer<f32, 2, global> -> vector<%TABLExf32>
    %first = loop.constant %TABLE : i64 -> i64
    %numbers = loop.load %rows[%r, %first] : !loop.buffer<f32, 2, global> -> vector<%LANESxf32>
    %index32 = loop.cast fptosi %numbers : vector<%LANESxf32> -> vector<%LANESxi32>
    %index = loop.cast %CAST %index32 : vector<%LANESxi32> -> vector<%LANESx%INDEX>
    %lanes = loop.cast %TO %table : vector<%TABLExf32> -> vector<%TABLEx%TYPE>
    %found = loop.shuffle %lanes[%index] : vector<%TABLEx%TYPE>, vector<%LANESx%INDEX> -> vector<%LANESx%TYPE>
    %y = loop.cast %BACK %found : vector<%LANESx%TYPE> -> vector<%LANESxf64>
    loop.store %y, %out[%r, %zero] : vector<%LANESxf64>, !loop.buffer<f64, 2, global>
"""
CASTS = {"f32": ("bitcast", "fpext"), "f64": ("fpext", "bitcast"), "i8": ("fptosi", "sitofp")}


def run(text: str, columns: int, level: str, parse_loop, build) -> np.ndarray:
    rows = np.random.default_rng(columns).integers(-100, 100, (5, columns)).astype(np.float32)
    return run_both(HEAD + text + TAIL, rows, level, parse_loop, build)


def padded(rows: np.ndarray, columns: int) -> np.ndarray:
    """The rows, and zeros to have at least so many columns: an output has as many."""
    return np.pad(rows, ((0, 0), (0, max(0, columns - rows.shape[1]))))


@pytest.mark.parametrize("level", HOST_LEVELS)
@pytest.mark.parametrize(
    ("type_", "table", "lanes"),
    [
        *(("f32", table, 16) for table in (16, 32, 64, 128)),
        *(("f64", table, 8) for table in (8, 16, 32)),
        *(("i8", table, 64) for table in (64, 128, 256)),
        ("f32", 8, 4),
        ("i8", 16, 16),
    ],
)
def test_lanes_are_looked_up_modulo_the_table(type_: str, table: int, lanes: int, level: str, parse_loop, build) -> None:
    index = "i8" if type_ == "i8" else "i32"
    text = LOOK_UP.replace("%TABLE", str(table)).replace("%LANES", str(lanes)).replace("%TYPE", type_)
    to, back = CASTS[type_]
    text = text.replace("%CAST", "trunc" if index == "i8" else "bitcast").replace("%INDEX", index)
    found = run(text.replace("%TO", to).replace("%BACK", back), table + lanes, level, parse_loop, build)
    assert len(np.unique(found)) > 1


@pytest.mark.parametrize("level", HOST_LEVELS)
@pytest.mark.parametrize("lanes", [2, 8, 16])
def test_lanes_are_interleaved(lanes: int, level: str, parse_loop, build) -> None:
    text = f"""
    %lanes = loop.constant {lanes} : i64 -> i64
    %lhs = loop.load %rows[%r, %zero] : !loop.buffer<f32, 2, global> -> vector<{lanes}xf32>
    %rhs = loop.load %rows[%r, %lanes] : !loop.buffer<f32, 2, global> -> vector<{lanes}xf32>
    %low, %high = loop.interleave %lhs, %rhs : vector<{lanes}xf32>
    %a = loop.cast fpext %low : vector<{lanes}xf32> -> vector<{lanes}xf64>
    %b = loop.cast fpext %high : vector<{lanes}xf32> -> vector<{lanes}xf64>
    loop.store %a, %out[%r, %zero] : vector<{lanes}xf64>, !loop.buffer<f64, 2, global>
    loop.store %b, %out[%r, %lanes] : vector<{lanes}xf64>, !loop.buffer<f64, 2, global>
"""
    rows = np.arange(3 * 2 * lanes, dtype=np.float32).reshape(3, 2 * lanes)
    found = run_both(HEAD + text + TAIL, rows, level, parse_loop, build)
    np.testing.assert_array_equal(found, rows.reshape(3, 2, lanes).transpose(0, 2, 1).reshape(3, -1))


@pytest.mark.parametrize("level", HOST_LEVELS)
@pytest.mark.parametrize(("bits", "lanes"), [(1, 1), (8, 1), (5, 2), (3, 8), (8, 8), (6, 16)])
def test_words_of_bits_become_bytes(bits: int, lanes: int, level: str, parse_loop, build) -> None:
    loads, stores = [], []
    for bit in range(bits):
        at = 2 * lanes * bit
        loads.append(f"""
    %p{bit} = loop.constant {at} : i64 -> i64
    %f{bit} = loop.load %rows[%r, %p{bit}] : !loop.buffer<f32, 2, global> -> vector<{2 * lanes}xf32>
    %w{bit} = loop.cast bitcast %f{bit} : vector<{2 * lanes}xf32> -> vector<{lanes}xi64>""")
    words, bytes_ = (", ".join(f"%{letter}{k}" for k in range(n)) for letter, n in (("w", bits), ("b", lanes)))
    types = [", ".join([f"vector<{width}>"] * n) for width, n in ((f"{lanes}xi64", bits), ("64xi8", lanes))]
    for lane in range(lanes):
        stores.append(f"""
    %q{lane} = loop.constant {64 * lane} : i64 -> i64
    %y{lane} = loop.cast sitofp %b{lane} : vector<64xi8> -> vector<64xf64>
    loop.store %y{lane}, %out[%r, %q{lane}] : vector<64xf64>, !loop.buffer<f64, 2, global>""")
    text = "".join([*loads, f"\n    {bytes_} = loop.transpose_bits {words} : {types[0]} -> {types[1]}", *stores])
    random = np.random.default_rng(bits).bytes(3 * bits * lanes * 8)
    rows = padded(np.frombuffer(random, np.float32).reshape(3, -1), 64 * lanes)
    found = run_both(HEAD + text + TAIL, rows, level, parse_loop, build)
    of_row = np.frombuffer(random, np.uint8).reshape(3, bits, -1)
    wanted = np.packbits(np.unpackbits(of_row, axis=2, bitorder="little"), axis=1, bitorder="little")[:, 0]
    np.testing.assert_array_equal(found[:, : 64 * lanes], wanted.view(np.int8))


def test_one_instruction_transposes_a_matrix_of_bits(parse_loop) -> None:
    text = (
        HEAD
        + """
    %word = loop.constant 5 : i64 -> vector<8xi64>
    %f = loop.load %rows[%r, %zero] : !loop.buffer<f32, 2, global> -> vector<16xf32>
    %other = loop.cast bitcast %f : vector<16xf32> -> vector<8xi64>
    %a, %b, %c, %d, %e, %g, %h, %i = loop.transpose_bits %word, %other : vector<8xi64>, vector<8xi64> -> vector<64xi8>,
      vector<64xi8>, vector<64xi8>, vector<64xi8>, vector<64xi8>, vector<64xi8>, vector<64xi8>, vector<64xi8>
    %y = loop.cast sitofp %a : vector<64xi8> -> vector<64xf64>
    loop.store %y, %out[%r, %zero] : vector<64xf64>, !loop.buffer<f64, 2, global>
"""
        + TAIL
    )
    assert "vgf2p8affineqb" in stages_text(parse_loop(text), "x86-64-v4-vbmi", "assembly")
    assert "vgf2p8affineqb" not in stages_text(parse_loop(text), "x86-64-v4", "assembly")


@pytest.mark.parametrize("level", HOST_LEVELS)
@pytest.mark.parametrize(("levels", "lanes"), [(1, 1), (2, 8), (3, 2), (8, 8)])
def test_a_multiplexer_goes_down_a_full_tree(levels: int, lanes: int, level: str, parse_loop, build) -> None:
    n_slots, n_nodes = 6, (1 << levels) - 1
    rng = np.random.default_rng(levels)
    nodes = rng.integers(0, n_slots, n_nodes + 1).astype(np.uint8)
    table = f'loop.table @nodes <"|u1", [{n_nodes + 1}], "0x{nodes.tobytes().hex()}"> : <i8, 1, constant>'
    slots = rng.integers(0, 256, (n_slots, lanes * 8)).astype(np.uint8)
    text = f"{table}{HEAD}".replace(
        "  loop.for serial",
        f"""  %nodes = loop.get_table @nodes : !loop.buffer<i8, 1, constant>
  %slots = loop.alloc [{n_slots} : i64, {lanes} : i64] : !loop.buffer<i64, 2, workspace>
  %codes = loop.alloc [{64 * lanes} : i64] : !loop.buffer<i8, 1, workspace>
  loop.for serial""",
    )
    for slot in range(n_slots):
        text += f"""
    %s{slot} = loop.constant {slot} : i64 -> i64
    %p{slot} = loop.constant {slot * 2 * lanes} : i64 -> i64
    %f{slot} = loop.load %rows[%r, %p{slot}] : !loop.buffer<f32, 2, global> -> vector<{2 * lanes}xf32>
    %w{slot} = loop.cast bitcast %f{slot} : vector<{2 * lanes}xf32> -> vector<{lanes}xi64>
    loop.store %w{slot}, %slots[%s{slot}, %zero] : vector<{lanes}xi64>, !loop.buffer<i64, 2, workspace>"""
    text += f"""
    loop.multiplex {levels} : i64 of %nodes[%one] in %slots[%zero] by {lanes} : i64 to %codes[%zero]
      : !loop.buffer<i8, 1, constant>, !loop.buffer<i64, 2, workspace>, !loop.buffer<i8, 1, workspace>
    %c = loop.load %codes[%zero] : !loop.buffer<i8, 1, workspace> -> vector<{64 * lanes}xi8>
    %wide = loop.cast zext %c : vector<{64 * lanes}xi8> -> vector<{64 * lanes}xi32>
    %y = loop.cast sitofp %wide : vector<{64 * lanes}xi32> -> vector<{64 * lanes}xf64>
    loop.store %y, %out[%r, %zero] : vector<{64 * lanes}xf64>, !loop.buffer<f64, 2, global>"""
    rows = padded(slots.reshape(1, -1).view(np.float32), 64 * lanes)
    found = run_both(text + TAIL, rows, level, parse_loop, build)[0, : 64 * lanes]
    answers = np.unpackbits(slots, axis=1, bitorder="little")
    for row, code in enumerate(found.astype(int)):
        at, below, path = 1, n_nodes // 2, 0
        for _ in range(levels):
            answer = int(answers[nodes[at], row])
            path, at, below = 2 * path + answer, at + (1 if answer else 1 + below), below // 2
        assert code == path
