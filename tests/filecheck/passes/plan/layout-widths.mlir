// RUN: tree-opt %s -p 'set-target{input=f32},plan-kernels,layout{threshold=f32 feature=u16 child=u8}' | filecheck %s
// RUN: tree-opt %s -p 'set-target{input=f32},plan-kernels,layout{threshold=f32},walk,lower-kernels' | filecheck %s --check-prefix LOOP

// Thresholds in f32 that decide alike for f32 rows: `<= 0.1` is rounded down, to 0x3dcccccc. Fields of a given width start at
// a byte and hold the number itself.

// CHECK: nodes = #forest.blob<"threshold:0:<f4;word0:4:<u4;8", [3], "0xcccccc3d0201000300000080010000000000003f01010002">,
// CHECK-NEXT: fields = {step = #plan.bits<8 at 0 plus 0>, feature = #plan.bits<16 at 8 plus 0>, kind = #plan.bits<1 at 24 plus 0>, missing_left = #plan.bits<1 at 25 plus 0>},

// A value becomes what the model compares, then what thresholds are: the number itself, both times.

// LOOP: loop.func @main_raw_f32
// LOOP: loop.load %rows[%row, %feature]
// LOOP-NEXT: %value = loop.cast fpext %{{\d+}} : f32 -> f64
// LOOP: %threshold = loop.load %{{\d+}}[%node] "threshold" : {{.*}} -> f32
// LOOP: loop.cast fptrunc %value : f64 -> f32
// LOOP: loop.compare ole %{{\d+}}, %threshold : f32 -> i1

forest.model @small {
^bb0(%0: !forest.rows):
  %1 = forest.inputs %0 {n_features = 2 : i64, dtype = f64, missing_value = 0x7ff8000000000000 : f64, column = #forest.blob<"<i4", [2], "0x0000000001000000"> }
  %2 = forest.predicates %1 {input = #forest.blob<"<i4", [3], "0x010000000000000001000000">, test = #forest.blob<"|u1", [3], "0x010000">, threshold = #forest.blob<"<f8", [3], "0x9a9999999999b93f0000000000000080000000000000e03f">, missing = #forest.blob<"|u1", [3], "0x010101">, missing_left = #forest.blob<"|b1", [3], "0x010001">, category_set = #forest.blob<"<i4", [3], "0xffffffffffffffffffffffff">, invalid_left = #forest.blob<"|b1", [3], "0x000000">, set_offset = #forest.blob<"<i8", [1], "0x0000000000000000">, set_words = #forest.blob<"<u4", [0], "0x">, category_cast = 0 : i64 }
  %3 = forest.trees %2 {node_offset = #forest.blob<"<i8", [3], "0x000000000000000002000000000000000300000000000000">, leaf_offset = #forest.blob<"<i8", [3], "0x000000000000000003000000000000000500000000000000">, predicate = #forest.blob<"<i4", [3], "0x000000000100000002000000">, left = #forest.blob<"<i4", [3], "0x01000000ffffffffffffffff">, right = #forest.blob<"<i4", [3], "0xfdfffffffefffffffeffffff">, leaf_row = #forest.blob<"<i4", [5], "0x0000000001000000020000000300000004000000">, leaf_id = #forest.blob<"<i4", [5], "0x0200000003000000040000000100000002000000">, column = #forest.blob<"<i4", [2], "0x0000000000000000">, iteration_offset = #forest.blob<"<i4", [3], "0x000000000100000002000000"> }
  %4 = forest.sum %3 {values = #forest.blob<"<f4", [5, 1], "0x0000803f000000400000803f0000000000000080">, dtype = f32, base = #forest.blob<"<f4", [1], "0x0000003f">, base_first = true, final = "none", operand = 1.000000e+00 : f64, bias = 0.000000e+00 : f64 }
  %5 = forest.link %4 {link = "identity", scale = 1.000000e+00 : f64, average = 1.000000e+00 : f64 }
  forest.output raw %4 response %5 leaves %3
}
