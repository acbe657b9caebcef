// RUN: tree-opt %s --parsing-diagnostics --split-input-file | filecheck %s

%0 = "test.op"() {a = #forest.blob<"<f4", [2], "0x00">} : () -> i1
// CHECK: inline array does not fit its dtype and shape

// -----

%0 = "test.op"() {a = #forest.blob<"<q4", [2], "0x00">} : () -> i1
// CHECK: unknown dtype '<q4'

// -----

%0 = "test.op"() {a = #forest.blob<"<f4", [20], @"00000000000000000000000000000000">} : () -> i1
// CHECK: array @00000000000000000000000000000000 is not loaded: no blobs/00000000000000000000000000000000.npy beside the text
