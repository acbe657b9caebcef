// RUN: tree-opt %s -t treec-llvm | filecheck %s

// CHECK: define i32 @"stage.scalars"(
loop.func @scalars axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %i = loop.constant 3 : i64 -> i64
  %x = loop.constant 0x7fc00000 : f32 -> f32
  %d = loop.constant 0.1 : f64 -> f64
  // CHECK: entry:
  // CHECK-NEXT: %".17" = udiv i64 3, %"row_begin"
  %a = loop.binary div %i, %rb : i64
  // CHECK-NEXT: urem i64
  %b = loop.binary rem %i, %rb : i64
  // CHECK-NEXT: shl i64
  %c = loop.binary shl %i, %rb : i64
  // CHECK-NEXT: lshr i64
  %e = loop.binary shr %i, %rb : i64
  // CHECK-NEXT: fdiv float 0x7ff8000000000000, 0x7ff8000000000000
  %f = loop.binary div %x, %x : f32
  // CHECK-NEXT: icmp slt i64
  %g = loop.compare slt %i, %rb : i64 -> i1
  // CHECK-NEXT: icmp uge i64
  %h = loop.compare uge %i, %rb : i64 -> i1
  // CHECK-NEXT: fcmp one float
  %j = loop.compare one %x, %f : f32 -> i1
  // CHECK-NEXT: fcmp uno float
  %k = loop.compare uno %x, %f : f32 -> i1
  // CHECK-NEXT: fcmp ult float
  %l = loop.compare fult %x, %f : f32 -> i1
  // CHECK-NEXT: fcmp ule float
  %m = loop.compare fule %x, %f : f32 -> i1
  // CHECK-NEXT: call i32 @"llvm.fptosi.sat.i32.f64"(double 0x3fb999999999999a)
  %n = loop.cast fptosi %d : f64 -> i32
  // CHECK-NEXT: fneg float
  %o = loop.math neg %f : f32
  // CHECK-NEXT: call float @"llvm.fabs.f32"(float
  %p = loop.math abs %f : f32
  // CHECK-NEXT: call float @"llvm.sqrt.f32"(float
  %q = loop.math sqrt %f : f32
  // CHECK-NEXT: call float @"llvm.fma.f32"(float {{.*}}, float {{.*}}, float {{.*}})
  %fused = loop.fma %f, %x, %f : f32
  // CHECK-NEXT: call float @"expf"(float
  %r = loop.math exp %f : f32
  // CHECK-NEXT: call double @"log1p"(double
  %s = loop.math log1p %d : f64
  loop.return
}

// The C library's functions are called as they are: never folded, never made a vector.
// CHECK: declare float @"expf"(float %".1") memory(none) nobuiltin nounwind willreturn
// CHECK: declare double @"log1p"(double %".1") memory(none) nobuiltin nounwind willreturn

// CHECK: define i32 @"stage.vectors"(
loop.func @vectors axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %i = loop.constant 3 : i64 -> i64
  // CHECK: entry:
  // CHECK-NEXT: getelementptr inbounds i8, ptr %"workspace", i64 0
  %w = loop.alloc [2, 64] : !loop.buffer<i8, 2, workspace>
  // CHECK-NEXT: getelementptr inbounds i8, ptr %"workspace", i64 128
  %u = loop.alloc [64] : !loop.buffer<i64, 1, workspace>
  // CHECK-NEXT: alloca [64 x i8], align 64
  %stack = loop.alloc [16] : !loop.buffer<f32, 1, local>
  // CHECK: load <64 x i8>, ptr %".{{.*}}", align 1
  %a = loop.load %w[%i, %i] : !loop.buffer<i8, 2, workspace> -> vector<64xi8>
  %k = loop.constant 7 : i8 -> vector<64xi8>
  // CHECK: icmp ule <64 x i8>
  %m = loop.compare ule %a, %k : vector<64xi8> -> vector<64xi1>
  // CHECK-NEXT: select  <64 x i1> %".{{.*}}", <64 x i8> %".{{.*}}", <64 x i8>
  %s = loop.select %m, %a, %k : vector<64xi1>, vector<64xi8>
  // CHECK-NEXT: bitcast <64 x i1> %".{{.*}}" to i64
  %b = loop.cast bitcast %m : vector<64xi1> -> i64
  // CHECK: store i64 %".{{.*}}", ptr %".{{.*}}", align 8
  loop.store %b, %u[%i] : i64, !loop.buffer<i64, 1, workspace>
  // CHECK: store <64 x i8> %".{{.*}}", ptr %".{{.*}}", align 1
  loop.store %s, %w[%i, %i] : vector<64xi8>, !loop.buffer<i8, 2, workspace>
  // CHECK: load <16 x float>, ptr %".{{.*}}", align 4
  %v = loop.load %stack[%i] : !loop.buffer<f32, 1, local> -> vector<16xf32>
  // CHECK: call <16 x i32> @"llvm.fptosi.sat.v16i32.v16f32"(<16 x float>
  %n = loop.cast fptosi %v : vector<16xf32> -> vector<16xi32>
  loop.return
}
