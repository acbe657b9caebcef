// RUN: tree-opt %s --verify-diagnostics --split-input-file | filecheck %s

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  loop.call @r()
  loop.return
}
// CHECK: there is no routine @r before its caller

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  loop.call @r()
  loop.return
}
loop.routine @r () {
  loop.return
}
// CHECK: there is no routine @r before its caller

// -----

loop.routine @r () {
  loop.call @r()
  loop.return
}
// CHECK: there is no routine @r before its caller

// -----

loop.routine @r (%n : i64) {
  loop.return
}
loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  loop.call @r()
  loop.return
}
// CHECK: the arguments of @r are of other types

// -----

loop.routine @r (%w : !loop.buffer<i8, 1, workspace> [8]) {
  loop.return
}
loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %w = loop.alloc [4] : !loop.buffer<i8, 1, workspace>
  loop.call @r(%w) : !loop.buffer<i8, 1, workspace>
  loop.return
}
// CHECK: buffers of @r have other extents

// -----

loop.routine @r (%w : !loop.buffer<i8, 2, workspace> [8]) {
  loop.return
}
// CHECK: 1 extents for an argument of type !loop.buffer<i8, 2, workspace>

// -----

loop.routine @r (%t : !loop.buffer<i8, 1, constant>) {
  loop.return
}
// CHECK: a routine can't be given a buffer of type !loop.buffer<i8, 1, constant>

// -----

loop.routine @r (%n : i64) {
  loop.yield
}
// CHECK: a routine ends in loop.return
