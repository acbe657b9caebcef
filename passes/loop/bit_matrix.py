"""Matrices of bits in registers: 8 words of 32 bits become bytes, and bytes become such words."""

from __future__ import annotations

from xdsl.dialects.builtin import i32
from xdsl.ir import SSAValue

from treec.passes.loop.builder import LoopBuilder, Values
from treec.treeir.loop_types import BinaryKind

ROUNDS = ((4, 0x0F0F0F0F), (2, 0x33333333), (1, 0x55555555))
"""Words that change bits with one another are so many apart; which bits of the lower ones stay."""


def transpose_bytes(b: LoopBuilder, words: Values) -> Values:
    """Bit 8L + i of word j becomes bit 8L + j of word i, and so back: with a bit of 32 rows in each of 8 words, byte L of
    word i is then the number of row 8L + i."""
    words = list(words)
    for apart, mask in ROUNDS:
        for low in range(8):
            if low & apart:
                continue
            high = low + apart
            shifted = b.binary(BinaryKind.SHR, words[low], apart)
            differ = b.both(b.binary(BinaryKind.XOR, shifted, words[high]), b.constant(mask, i32))
            words[high] = b.binary(BinaryKind.XOR, words[high], differ)
            words[low] = b.binary(BinaryKind.XOR, words[low], b.binary(BinaryKind.SHL, differ, apart))
    return words


def choose_bits(b: LoopBuilder, condition: SSAValue, true: SSAValue, false: SSAValue) -> SSAValue:
    """Bits of ``true`` where ``condition`` has ones, else those of ``false``: one instruction of a GPU."""
    if true is false:
        return true
    differ = b.both(condition, b.binary(BinaryKind.XOR, true, false))
    return b.binary(BinaryKind.XOR, differ, false)


def byte_of(b: LoopBuilder, word: SSAValue, shift: SSAValue) -> SSAValue:
    """The byte of a word (i32) from bit ``shift`` (i32) on, i32."""
    return b.both(b.binary(BinaryKind.SHR, word, shift), 255)
