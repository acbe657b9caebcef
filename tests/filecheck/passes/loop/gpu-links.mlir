// RUN: tree-opt %s -p 'bind-loop{loop=block to="grid.x"},bind-loop{loop=thread to="block.x"},layout,walk,lower-kernels' | filecheck %s
// RUN: tree-opt %s -p 'bind-loop{loop=block to="grid.x"},bind-loop{loop=thread to="block.x"},layout,walk,lower-kernels' -t treec-tir{show=cuda} | filecheck %s --check-prefix CUDA
// RUN: tree-opt %s -p 'bind-loop{loop=block to="grid.x"},bind-loop{loop=thread to="block.x"},layout,walk,lower-kernels' -t treec-tir{show=opencl} | filecheck %s --check-prefix OPENCL
// RUN: sed 's/lgb_log1p_exp/lgb_sigmoid/' %s > %t.mlir && tree-opt %t.mlir -p 'bind-loop{loop=block to="grid.x"},bind-loop{loop=thread to="block.x"},layout,walk,lower-kernels' | filecheck %s --check-prefix SIGMOID
// RUN: sed '/plan.gpu_target/d' %s > %t.cpu.mlir && tree-opt %t.cpu.mlir -p 'layout,walk,lower-kernels' | filecheck %s --check-prefix CPU

// RUN: sed 's/lgb_log1p_exp/skl_expit/; s/leaves %3$/leaves %3 labels "raw_above_zero"/' %s > %t.label.mlir && tree-opt %t.label.mlir -p 'bind-loop{loop=block to="grid.x"},bind-loop{loop=thread to="block.x"},layout,walk,lower-kernels' | filecheck %s --check-prefix LABEL
// RUN: sed 's/leaves %3$/leaves %3 labels "argmax" groups [1 : i64]/' %s > %t.argmax.mlir && tree-opt %t.argmax.mlir -p 'bind-loop{loop=block to="grid.x"},bind-loop{loop=thread to="block.x"},layout,walk,lower-kernels' | filecheck %s --check-prefix ARGMAX
// RUN: sed 's/leaves %3$/leaves %3 labels "argmax"/; /plan.gpu_target/d' %s > %t.host.mlir && tree-opt %t.host.mlir -p 'layout,walk,lower-kernels' | filecheck %s --check-prefix HOST
// RUN: sed 's/leaves %3$/leaves %3 labels "least"/' %s > %t.rule.mlir && not tree-opt %t.rule.mlir 2>&1 | filecheck %s --check-prefix RULE
// RUN: sed 's/leaves %3$/leaves %3 labels "argmax" groups [1 : i64, 1 : i64]/' %s > %t.groups.mlir && not tree-opt %t.groups.mlir 2>&1 | filecheck %s --check-prefix GROUPS

// A link in f64 takes the C library's steps, products fused where it fuses them; a CPU calls the library.

// CHECK-DAG: loop.table @exp_tails
// CHECK-DAG: loop.table @exp_steps
// CHECK-LABEL: loop.func @main_link_f64
// CHECK: %[[SHIFTED:.*]] = loop.fma
// CHECK: %[[BITS:.*]] = loop.cast bitcast %[[SHIFTED]] : f64 -> i64
// CHECK: loop.fma
// CHECK: loop.binary shl %[[BITS]]
// CHECK: loop.compare ole
// CHECK: loop.fma
// CHECK: loop.compare olt
// CHECK-NOT: loop.math

// Nothing else is fused, nor may be.
// CUDA-LABEL: treec_main_link_f64
// CUDA: __fma_rn(
// CUDA: __dmul_rn(
// CUDA-NOT: log1p
// OPENCL: FP_CONTRACT OFF
// OPENCL: fma(
// OPENCL-NOT: log1p

// SIGMOID: loop.func @main_link_f64
// SIGMOID: loop.fma
// SIGMOID-NOT: loop.math
// SIGMOID: loop.binary div

// Labels follow from raw outputs or responses, on a device alone.
// LABEL: loop.func @main_label_f64
// LABEL-SAME: threads 256, 1, 1
// LABEL: loop.for grid
// LABEL: loop.compare ogt
// LABEL-NEXT: loop.select
// LABEL-NEXT: loop.store
// LABEL: loop.kernel [@main_raw_f64, @main_label_f64]
// ARGMAX: loop.func @main_label_f64
// ARGMAX: loop.compare uno
// ARGMAX: loop.cast sitofp
// HOST-NOT: @main_label

// RULE: labels follow from no rule 'least'
// GROUPS: groups of [1, 1] columns are not the 1 of the sum

// CPU: loop.func @main_link_f64
// CPU-NOT: loop.fma
// CPU: loop.math exp
// CPU-NEXT: loop.math log1p

plan.gpu_target arch "sm_90" input "f64"

forest.model @small {
^bb0(%0: !forest.rows):
  %1 = forest.inputs %0 {n_features = 2 : i64, dtype = f32, missing_value = 0x7ff8000000000000 : f64, column = #forest.blob<"<i4", [2], "0x0000000001000000"> }
  %2 = forest.predicates %1 {input = #forest.blob<"<i4", [3], "0x010000000000000001000000">, test = #forest.blob<"|u1", [3], "0x000000">, threshold = #forest.blob<"<f4", [3], "0x0000003f000000800000003f">, missing = #forest.blob<"|u1", [3], "0x010101">, missing_left = #forest.blob<"|b1", [3], "0x010001">, category_set = #forest.blob<"<i4", [3], "0xffffffffffffffffffffffff">, invalid_left = #forest.blob<"|b1", [3], "0x000000">, set_offset = #forest.blob<"<i8", [1], "0x0000000000000000">, set_words = #forest.blob<"<u4", [0], "0x">, category_cast = 0 : i64 }
  %3 = forest.trees %2 {node_offset = #forest.blob<"<i8", [3], "0x000000000000000002000000000000000300000000000000">, leaf_offset = #forest.blob<"<i8", [3], "0x000000000000000003000000000000000500000000000000">, predicate = #forest.blob<"<i4", [3], "0x000000000100000002000000">, left = #forest.blob<"<i4", [3], "0x01000000ffffffffffffffff">, right = #forest.blob<"<i4", [3], "0xfdfffffffefffffffeffffff">, leaf_row = #forest.blob<"<i4", [5], "0x0000000001000000020000000300000004000000">, leaf_id = #forest.blob<"<i4", [5], "0x0200000003000000040000000100000002000000">, column = #forest.blob<"<i4", [2], "0x0000000000000000">, iteration_offset = #forest.blob<"<i4", [3], "0x000000000100000002000000"> }
  %4 = forest.sum %3 {values = #forest.blob<"<f8", [5, 1], "0x000000000000f03f000000000000f03f000000000000f03f000000000000f03f000000000000f03f">, dtype = f64, base = #forest.blob<"<f8", [1], "0x0000000000000000">, base_first = true, final = "none", operand = 1.000000e+00 : f64, bias = 0.000000e+00 : f64 }
  %5 = forest.link %4 {link = "lgb_log1p_exp", scale = 1.000000e+00 : f64, average = 1.000000e+00 : f64 }
  forest.output raw %4 response %5 leaves %3
}

plan.kernel @main of @small rows 9223372036854775807 {
  plan.for serial "block" row step 16 {
    plan.for serial "thread" row step 1 of "block" {
      plan.for serial "tree" tree step 1 {
        plan.walk
      }
    }
  }
}
