// RUN: tree-opt %s | tree-opt | filecheck %s
// RUN: tree-opt %s --print-op-generic | tree-opt | filecheck %s
// RUN: tree-opt %s -t treec-llvm | filecheck %s --check-prefix LLVM

// A tree of two nodes: the first asks column 1 against 0.5, the second whether column 0 is in the set 0b101.

// CHECK: %value = loop.decide #forest.blob<"<i4", [2, 4], "0x01000000ffffffff0000000000000000fefffffffdffffff0100000000000000"> leaves #forest.blob<"<f4", [3], "0x0000803f0000004000004040"> : f32 ask (%column: i64, %threshold: f32) [#forest.blob<"<i8", [1], "0x0100000000000000">, #forest.blob<"<f4", [1], "0x0000003f">] {
// CHECK-NEXT:   %x = loop.load %rows[%rb, %column] : !loop.buffer<f32, 2, global> -> f32
// CHECK-NEXT:   %answer = loop.compare olt %x, %threshold : f32 -> i1
// CHECK-NEXT:   loop.yield %answer : i1
// CHECK-NEXT: } ask (%column_1: i64, %set: i64) [#forest.blob<"<i8", [1], "0x0000000000000000">, #forest.blob<"<i8", [1], "0x0500000000000000">] {

// A function of its own with a branch for each node, for rows of any strides, and another for columns side by side.
// LLVM: call float @"stage.f.body.tree"
// LLVM: define internal float @"stage.f.body.tree"({{.*}}) {{.*}}noinline
// LLVM: fcmp olt float %{{.*}}, 0x3fe0000000000000
// LLVM-NEXT: br i1
// LLVM: br i1
// LLVM-NOT: select
// LLVM: ret float 0x3ff0000000000000
// LLVM: define internal float @"stage.f.adjacent.tree"(ptr
// LLVM-NOT: mul nsw i64 {{[01]}},
// LLVM: ret float 0x3ff0000000000000

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %one = loop.constant 1 : i64 -> i64
  %zero = loop.constant 0 : i64 -> i64
  %value = loop.decide #forest.blob<"<i4", [2, 4], "0x01000000ffffffff0000000000000000fefffffffdffffff0100000000000000"> leaves #forest.blob<"<f4", [3], "0x0000803f0000004000004040"> : f32
  ask (%column : i64, %threshold : f32) [#forest.blob<"<i8", [1], "0x0100000000000000">, #forest.blob<"<f4", [1], "0x0000003f">] {
    %x = loop.load %rows[%rb, %column] : !loop.buffer<f32, 2, global> -> f32
    %answer = loop.compare olt %x, %threshold : f32 -> i1
    loop.yield %answer : i1
  }
  ask (%column : i64, %set : i64) [#forest.blob<"<i8", [1], "0x0000000000000000">, #forest.blob<"<i8", [1], "0x0500000000000000">] {
    %x = loop.load %rows[%rb, %column] : !loop.buffer<f32, 2, global> -> f32
    %code = loop.cast fptosi %x : f32 -> i64
    %bit = loop.binary shr %set, %code : i64
    %low = loop.binary and %bit, %one : i64
    %answer = loop.compare ne %low, %zero : i64 -> i1
    loop.yield %answer : i1
  }
  loop.store %value, %out[%rb, %zero] : f32, !loop.buffer<f32, 2, global>
  loop.return
}
