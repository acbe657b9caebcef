// RUN: tree-opt %s -p 'set-gpu-target{arch=sm_80 input=f64}' | filecheck %s

// CHECK: plan.gpu_target arch "sm_80" input "f64"
// CHECK-NEXT: forest.model @small {

// RUN: tree-opt %s -p 'set-gpu-target{arch=sm_90 also=sm_80,sm_86}' | filecheck %s --check-prefix ALSO
// RUN: not tree-opt %s -p 'set-gpu-target{arch=sm_90 also=sm_8}' 2>&1 | filecheck %s --check-prefix NONE

// ALSO: plan.gpu_target arch "sm_90" also ["sm_80", "sm_86"] input "any"
// NONE: 'sm_8' is no known architecture

forest.model @small {
^bb0(%0: !forest.rows):
  %1 = forest.inputs %0 {n_features = 2 : i64, dtype = f32, missing_value = 0x7ff8000000000000 : f64, column = #forest.blob<"<i4", [2], "0x0000000001000000"> }
  %2 = forest.predicates %1 {input = #forest.blob<"<i4", [3], "0x010000000000000001000000">, test = #forest.blob<"|u1", [3], "0x000000">, threshold = #forest.blob<"<f4", [3], "0x0000003f000000800000003f">, missing = #forest.blob<"|u1", [3], "0x010101">, missing_left = #forest.blob<"|b1", [3], "0x010001">, category_set = #forest.blob<"<i4", [3], "0xffffffffffffffffffffffff">, invalid_left = #forest.blob<"|b1", [3], "0x000000">, set_offset = #forest.blob<"<i8", [1], "0x0000000000000000">, set_words = #forest.blob<"<u4", [0], "0x">, category_cast = 0 : i64 }
  %3 = forest.trees %2 {node_offset = #forest.blob<"<i8", [3], "0x000000000000000002000000000000000300000000000000">, leaf_offset = #forest.blob<"<i8", [3], "0x000000000000000003000000000000000500000000000000">, predicate = #forest.blob<"<i4", [3], "0x000000000100000002000000">, left = #forest.blob<"<i4", [3], "0x01000000ffffffffffffffff">, right = #forest.blob<"<i4", [3], "0xfdfffffffefffffffeffffff">, leaf_row = #forest.blob<"<i4", [5], "0x0000000001000000020000000300000004000000">, leaf_id = #forest.blob<"<i4", [5], "0x0200000003000000040000000100000002000000">, column = #forest.blob<"<i4", [2], "0x0000000000000000">, iteration_offset = #forest.blob<"<i4", [3], "0x000000000100000002000000"> }
  %4 = forest.sum %3 {values = #forest.blob<"<f4", [5, 1], "0x0000803f000000400000803f0000000000000080">, dtype = f32, base = #forest.blob<"<f4", [1], "0x0000003f">, base_first = true, final = "none", operand = 1.000000e+00 : f64, bias = 0.000000e+00 : f64 }
  %5 = forest.link %4 {link = "identity", scale = 1.000000e+00 : f64, average = 1.000000e+00 : f64 }
  forest.output raw %4 response %5 leaves %3
}

