// RUN: tree-opt %s --split-input-file --parsing-diagnostics --verify-diagnostics | filecheck %s

// The driver knows treec's dialects by its plug-in, and reports what is wrong where.

// CHECK: plan.target level "native" input "any"
plan.target level "native" input "any"

// -----

// CHECK: rows can't be of 'f16'
plan.target level "native" input "f16"

// -----

// CHECK: a loop's step is at least 1
plan.for serial "row" row step 0 {
  plan.walk
}

// -----

// CHECK: is not loaded
plan.packed_trees @trees {nodes = #forest.blob<"<i4", [100], @"00000000000000000000000000000000">}
