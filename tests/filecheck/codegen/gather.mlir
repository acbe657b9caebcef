// RUN: tree-opt %s -t treec-llvm | filecheck %s --check-prefix IR
// RUN: tree-opt %s -t 'treec-llvm{level=x86-64-v4 show=assembly}' | filecheck %s --check-prefix V4
// RUN: tree-opt %s -t 'treec-llvm{level=x86-64-v3 show=assembly}' | filecheck %s --check-prefix V3

// A record of 8 bytes is one gather of 8 bytes per lane, with 32-bit indices that addresses scale; one of 12 bytes is
// gathered by field, its index times 3. Without fast gathers each lane is a load of its own.

loop.table @eight <"x:0:<f4;y:4:<u2;8", [2], "0x0000803f000000400000803f00000040"> : <!loop.record<8, "x" : f32 at 0, "y" : i16 at 4>, 1, constant>
loop.table @twelve <"x:0:<f8;y:8:<u4;12", [1], "0x0000803f0000004000000000"> : <!loop.record<12, "x" : f64 at 0, "y" : i32 at 8>, 1, constant>

// IR: define internal i32 @"stage.gather.body"(
// V4-LABEL: stage.gather:
// V3-LABEL: stage.gather:
// V3-NOT: gather{{[dq]}}
loop.func @gather axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %zero = loop.constant 0 : i64 -> i64
  %a = loop.get_table @eight : !loop.buffer<!loop.record<8, "x" : f32 at 0, "y" : i16 at 4>, 1, constant>
  %b = loop.get_table @twelve : !loop.buffer<!loop.record<12, "x" : f64 at 0, "y" : i32 at 8>, 1, constant>
  %lane = loop.lane_numbers : vector<8xi32>
  %tree = loop.cast trunc %tb : i64 -> i32
  // IR: insertelement <8 x i32> <i32 undef, {{.*}}>, i32 %"{{.*}}", i32 0
  // IR-NEXT: shufflevector
  %at = loop.splat %tree : i32 -> vector<8xi32>
  // IR: getelementptr inbounds [8 x i8], ptr %".{{[0-9]+}}", <8 x i32> %".{{[0-9]+}}"
  // IR-NEXT: call <8 x i64> @"llvm.masked.gather.v8i64.v8p0"
  // V4: vpgatherdq (%{{.*}},%ymm{{[0-9]+}},8), %zmm
  %whole = loop.gather %a[%zero] plus [%at] : !loop.buffer<!loop.record<8, "x" : f32 at 0, "y" : i16 at 4>, 1, constant>, vector<8xi32> -> vector<8xi64>
  // Nothing gathers 2 bytes: the 4 there are taken.
  // IR: call <8 x i32> @"llvm.masked.gather.v8i32.v8p0"
  // IR-NEXT: trunc <8 x i32> %".{{[0-9]+}}" to <8 x i16>
  %y = loop.gather %a[%zero] plus [%at] "y" : !loop.buffer<!loop.record<8, "x" : f32 at 0, "y" : i16 at 4>, 1, constant>, vector<8xi32> -> vector<8xi16>
  // IR: mul nsw <8 x i32> %".{{[0-9]+}}", <i32 3, i32 3
  // IR-NEXT: getelementptr inbounds [4 x i8]
  // IR-NEXT: call <8 x double> @"llvm.masked.gather.v8f64.v8p0"
  %x = loop.gather %b[%zero] plus [%at] "x" : !loop.buffer<!loop.record<12, "x" : f64 at 0, "y" : i32 at 8>, 1, constant>, vector<8xi32> -> vector<8xf64>
  %low = loop.cast trunc %whole : vector<8xi64> -> vector<8xi32>
  %wide = loop.cast zext %y : vector<8xi16> -> vector<8xi32>
  %sum = loop.binary add %low, %wide : vector<8xi32>
  // A caller's strides are known at run time only: indices of 64 bits.
  // IR: sext <8 x i32> %".{{[0-9]+}}" to <8 x i64>
  // IR: call <8 x float> @"llvm.masked.gather.v8f32.v8p0"
  %value = loop.gather %rows[%rb, %zero] plus [%lane, %sum] : !loop.buffer<f32, 2, global>, vector<8xi32>, vector<8xi32> -> vector<8xf32>
  %narrow = loop.cast fptrunc %x : vector<8xf64> -> vector<8xf32>
  %less = loop.compare olt %value, %narrow : vector<8xf32> -> vector<8xi1>
  // IR: call i1 @"llvm.vector.reduce.or.v8i1"
  %any = loop.any_lane %less : vector<8xi1>
  loop.if %any {
    // IR: call void @"llvm.masked.scatter.v8f32.v8p0"
    // V4: vscatter
    loop.scatter %value, %out[%rb, %zero] plus [%lane, %lane] : vector<8xf32>, !loop.buffer<f32, 2, global>, vector<8xi32>, vector<8xi32>
    loop.yield
  } else {
    loop.yield
  }
  loop.return
}
