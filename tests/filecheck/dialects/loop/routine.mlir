// RUN: tree-opt %s | tree-opt | filecheck %s
// RUN: TREE_OPT_ROUNDTRIP

// CHECK: loop.routine @none () {
loop.routine @none () {
  loop.return
}

// CHECK: loop.routine @some (%{{.*}}: !loop.buffer<f32, 2, global>, %{{.*}}: !loop.buffer<i8, 2, workspace> [4, 8], %{{.*}}: i64) {
loop.routine @some (%rows : !loop.buffer<f32, 2, global>, %w : !loop.buffer<i8, 2, workspace> [4, 8], %n : i64) {
  // CHECK-NEXT: loop.call @none()
  loop.call @none()
  loop.return
}

// CHECK: loop.routine @outer
loop.routine @outer (%rows : !loop.buffer<f32, 2, global>, %w : !loop.buffer<i8, 2, workspace> [4, 8]) {
  %n = loop.constant 1 : i64 -> i64
  // CHECK: loop.call @some(%{{.*}}, %{{.*}}, %{{.*}}) : !loop.buffer<f32, 2, global>, !loop.buffer<i8, 2, workspace>, i64
  loop.call @some(%rows, %w, %n) : !loop.buffer<f32, 2, global>, !loop.buffer<i8, 2, workspace>, i64
  loop.return
}

loop.func @stage axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %w = loop.alloc [4, 8] : !loop.buffer<i8, 2, workspace>
  // CHECK: loop.call @outer
  loop.call @outer(%rows, %w) : !loop.buffer<f32, 2, global>, !loop.buffer<i8, 2, workspace>
  loop.return
}
