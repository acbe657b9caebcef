// RUN: tree-opt %s | tree-opt | filecheck %s
// RUN: TREE_OPT_ROUNDTRIP

// CHECK: loop.table @thresholds <"<f4", [2], "0x0000803f0000c07f"> : <f32, 1, constant>
loop.table @thresholds <"<f4", [2], "0x0000803f0000c07f"> : <f32, 1, constant>

// CHECK-NEXT: loop.table @nodes <"threshold:0:<f4;meta:4:<u4;8", [1], "0x0000803f00000040">
// CHECK-SAME: : <!loop.record<8, "threshold" : f32 at 0, "meta" : i32 at 4>, 1, constant>
loop.table @nodes <"threshold:0:<f4;meta:4:<u4;8", [1], "0x0000803f00000040"> : <!loop.record<8, "threshold" : f32 at 0, "meta" : i32 at 4>, 1, constant>

// CHECK-NEXT: loop.func @every axis 0 grain 64 (
loop.func @every axis 0 grain 64 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  // CHECK: loop.constant 1 : i64 -> i64
  %one = loop.constant 1 : i64 -> i64
  %zero = loop.constant 0 : i64 -> i64
  // CHECK: loop.constant 0x7fc00000 : f32 -> f32
  %nan = loop.constant 0x7fc00000 : f32 -> f32
  // CHECK: loop.constant 1.500000e+00 : f64 -> vector<4xf64>
  %many = loop.constant 1.5 : f64 -> vector<4xf64>
  // CHECK: loop.get_table @thresholds : !loop.buffer<f32, 1, constant>
  %t = loop.get_table @thresholds : !loop.buffer<f32, 1, constant>
  %n = loop.get_table @nodes : !loop.buffer<!loop.record<8, "threshold" : f32 at 0, "meta" : i32 at 4>, 1, constant>
  // CHECK: loop.alloc [4 : i64, 8 : i64] : !loop.buffer<f32, 2, workspace>
  %w = loop.alloc [4, 8] : !loop.buffer<f32, 2, workspace>
  // CHECK: loop.alloc [4 : i64] : !loop.buffer<i64, 1, shared>
  %s = loop.alloc [4] : !loop.buffer<i64, 1, shared>
  // CHECK: loop.alloc [4 : i64] : !loop.buffer<i8, 1, local>
  %l = loop.alloc [4] : !loop.buffer<i8, 1, local>
  // CHECK: loop.for parallel "row" %{{.*}} = %{{.*}} to %{{.*}} step %{{.*}} {
  loop.for parallel "row" %r = %rb to %re step %one {
    // CHECK: loop.for serial %{{.*}} = %{{.*}} to %{{.*}} step %{{.*}} carry(%{{.*}} = %{{.*}}) : (f32) {
    %a = loop.for serial %k = %zero to %one step %one carry(%acc = %nan) : (f32) {
      // CHECK: loop.load %{{.*}}[%{{.*}}, %{{.*}}] : !loop.buffer<f32, 2, global> -> f32
      %x = loop.load %rows[%r, %k] : !loop.buffer<f32, 2, global> -> f32
      // CHECK: loop.load %{{.*}}[%{{.*}}, %{{.*}}] : !loop.buffer<f32, 2, global> -> vector<8xf32>
      %v = loop.load %rows[%r, %k] : !loop.buffer<f32, 2, global> -> vector<8xf32>
      // CHECK: loop.load %{{.*}}[%{{.*}}] "meta" : !loop.buffer<!loop.record<8, {{.*}}>, 1, constant> -> i32
      %m = loop.load %n[%k] "meta" : !loop.buffer<!loop.record<8, "threshold" : f32 at 0, "meta" : i32 at 4>, 1, constant> -> i32
      // CHECK: loop.compare olt %{{.*}}, %{{.*}} : f32 -> i1
      %c = loop.compare olt %x, %acc : f32 -> i1
      // CHECK: loop.compare uno %{{.*}}, %{{.*}} : vector<8xf32> -> vector<8xi1>
      %cv = loop.compare uno %v, %v : vector<8xf32> -> vector<8xi1>
      // CHECK: loop.prefetch %{{.*}}[%{{.*}}, %{{.*}}] : !loop.buffer<f32, 2, global>
      loop.prefetch %rows[%r, %k] : !loop.buffer<f32, 2, global>
      // CHECK: loop.opaque %{{.*}}
      %opaque = loop.opaque %r
      // CHECK: loop.select %{{.*}}, %{{.*}}, %{{.*}} : i1, f32
      %y = loop.select %c, %x, %acc : i1, f32
      // CHECK: loop.select %{{.*}}, %{{.*}}, %{{.*}} : vector<8xi1>, vector<8xf32>
      %sv = loop.select %cv, %v, %v : vector<8xi1>, vector<8xf32>
      // CHECK: loop.binary add %{{.*}}, %{{.*}} : f32
      %z = loop.binary add %y, %x : f32
      // CHECK: loop.cast bitcast %{{.*}} : vector<8xi1> -> i8
      %bits = loop.cast bitcast %cv : vector<8xi1> -> i8
      // CHECK: loop.cast fptosi %{{.*}} : f32 -> i32
      %q = loop.cast fptosi %z : f32 -> i32
      // CHECK: loop.if %{{.*}} : (f32) {
      // CHECK: } else {
      %i = loop.if %c : (f32) {
        loop.yield %x : f32
      } else {
        loop.yield %z : f32
      }
      // CHECK: loop.if %{{.*}} {
      loop.if %c {
        loop.yield
      } else {
        loop.yield
      }
      // CHECK: loop.repeat carry(%{{.*}} = %{{.*}}) : (f32) {
      %u = loop.repeat carry(%e = %i) : (f32) {
        // CHECK: loop.fma %{{.*}}, %{{.*}}, %{{.*}} : f32
        %fused = loop.fma %e, %e, %e : f32
        // CHECK: loop.math exp %{{.*}} : f32
        %ee = loop.math exp %e : f32
        // CHECK: loop.repeat_while %{{.*}} %{{.*}} : f32
        loop.repeat_while %c %ee : f32
      }
      loop.yield %u : f32
    }
    // CHECK: loop.store %{{.*}}, %{{.*}}[%{{.*}}, %{{.*}}] : f32, !loop.buffer<f32, 2, global>
    loop.store %a, %out[%r, %zero] : f32, !loop.buffer<f32, 2, global>
    loop.yield
  }
  // CHECK: loop.return
  loop.return
}

// CHECK: loop.kernel [@every] {task = 0 : i32, row_dtype = 0 : i32, rows_max = 10 : i64, row_cost = 500 : i64}
loop.kernel [@every] {task = 0 : i32, row_dtype = 0 : i32, rows_max = 10 : i64, row_cost = 500 : i64}

// CHECK-LABEL: loop.func @threads axis 0 grain 1 threads 64, 2, 1 (
loop.func @threads axis 0 grain 1 threads 64, 2, 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  // CHECK-NEXT: loop.for grid x "block" %{{.*}} = %rb to %re step %te {
  loop.for grid x "block" %i = %rb to %re step %te {
    // CHECK-NEXT: loop.barrier
    loop.barrier
    // CHECK-NEXT: loop.barrier lanes
    loop.barrier lanes
    // CHECK-NEXT: loop.for block y %{{.*}} = %{{.*}} to %re step %te extent 2 {
    loop.for block y %j = %i to %re step %te extent 2 {
      loop.yield
    }
    // CHECK: %[[LANES:.*]] = loop.alloc [2 : i64, 64 : i64, 2 : i64] : !loop.buffer<f32, 3, lanes>
    %lanes = loop.alloc [2 : i64, 64 : i64, 2 : i64] : !loop.buffer<f32, 3, lanes>
    // CHECK-NEXT: %{{.*}} = loop.read_lane %[[LANES]][%tb, %re, %rb] : !loop.buffer<f32, 3, lanes> -> f32
    %other = loop.read_lane %lanes[%tb, %re, %rb] : !loop.buffer<f32, 3, lanes> -> f32
    %sums = loop.alloc [2 : i64] : !loop.buffer<f32, 1, shared>
    // CHECK: loop.atomic_add %{{.*}}, %{{.*}}[%tb] : f32, !loop.buffer<f32, 1, shared>
    loop.atomic_add %other, %sums[%tb] : f32, !loop.buffer<f32, 1, shared>
    loop.yield
  }
  loop.return
}

// CHECK: loop.func @groups axis 1 grain 1 groups 3 lines 6 (
// CHECK-SAME: %gb: i64, %ge: i64, %scratch: !loop.buffer<f32, 2, global>)
loop.func @groups axis 1 grain 1 groups 3 lines 6 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64, %gb : i64, %ge : i64, %scratch : !loop.buffer<f32, 2, global>) {
  loop.return
}
