// RUN: tree-opt %s --verify-diagnostics --split-input-file | filecheck %s

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %value = loop.decide #forest.blob<"<i4", [1, 4], "0x00000000ffffffff0000000000000000"> leaves #forest.blob<"<f4", [2], "0x0000803f00000040"> : f32
  ask (%column : i64) [#forest.blob<"<i8", [1], "0x0100000000000000">] {
    %answer = loop.compare ne %column, %rb : i64 -> i1
    loop.yield %answer : i1
  }
  loop.return
}
// CHECK: a child is a later node

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %value = loop.decide #forest.blob<"<i4", [1, 4], "0x01000000ffffffff0000000000000000"> leaves #forest.blob<"<f4", [2], "0x0000803f00000040"> : f32
  ask (%column : i64) [#forest.blob<"<i8", [1], "0x0100000000000000">] {
    %answer = loop.compare ne %column, %rb : i64 -> i1
    loop.yield %answer : i1
  }
  loop.return
}
// CHECK: a child is a later node

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %value = loop.decide #forest.blob<"<i4", [1, 4], "0xfffffffffdffffff0000000000000000"> leaves #forest.blob<"<f4", [2], "0x0000803f00000040"> : f32
  ask (%column : i64) [#forest.blob<"<i8", [1], "0x0100000000000000">] {
    %answer = loop.compare ne %column, %rb : i64 -> i1
    loop.yield %answer : i1
  }
  loop.return
}
// CHECK: there are 2 leaves

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %value = loop.decide #forest.blob<"<i4", [1, 4], "0xfffffffffeffffff0100000000000000"> leaves #forest.blob<"<f4", [2], "0x0000803f00000040"> : f32
  ask (%column : i64) [#forest.blob<"<i8", [1], "0x0100000000000000">] {
    %answer = loop.compare ne %column, %rb : i64 -> i1
    loop.yield %answer : i1
  }
  loop.return
}
// CHECK: there are 1 questions

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %value = loop.decide #forest.blob<"<i4", [1, 4], "0xfffffffffeffffff0000000001000000"> leaves #forest.blob<"<f4", [2], "0x0000803f00000040"> : f32
  ask (%column : i64) [#forest.blob<"<i8", [1], "0x0100000000000000">] {
    %answer = loop.compare ne %column, %rb : i64 -> i1
    loop.yield %answer : i1
  }
  loop.return
}
// CHECK: question 0: a node has no constants

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %value = loop.decide #forest.blob<"<i4", [1, 4], "0xfffffffffeffffff0000000000000000"> leaves #forest.blob<"<f8", [2], "0x00000000000000000000000000000000"> : f32
  ask (%column : i64) [#forest.blob<"<i8", [1], "0x0100000000000000">] {
    %answer = loop.compare ne %column, %rb : i64 -> i1
    loop.yield %answer : i1
  }
  loop.return
}
// CHECK: leaves of dtype float64 are not f32

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %value = loop.decide #forest.blob<"<i4", [1, 4], "0xfffffffffeffffff0000000000000000"> leaves #forest.blob<"<f4", [2], "0x0000803f00000040"> : f32
  ask (%column : i64) [#forest.blob<"<i4", [1], "0x01000000">] {
    %answer = loop.compare ne %column, %rb : i64 -> i1
    loop.yield %answer : i1
  }
  loop.return
}
// CHECK: question 0: constants of dtype int32 are not i64

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %value = loop.decide #forest.blob<"<i4", [1, 4], "0xfffffffffeffffff0000000000000000"> leaves #forest.blob<"<f4", [2], "0x0000803f00000040"> : f32
  ask (%column : i64) [] {
    %answer = loop.compare ne %column, %rb : i64 -> i1
    loop.yield %answer : i1
  }
  loop.return
}
// CHECK: question 0 has constants for each of its arguments

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %value = loop.decide #forest.blob<"<i4", [1, 4], "0xfffffffffeffffff0000000000000000"> leaves #forest.blob<"<f4", [2], "0x0000803f00000040"> : f32
  ask (%column : i64) [#forest.blob<"<i8", [1], "0x0100000000000000">] {
    loop.yield %column : i64
  }
  loop.return
}
// CHECK: a question yields one i1

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %value = loop.decide #forest.blob<"<i4", [0, 4], "0x"> leaves #forest.blob<"<f4", [1], "0x0000803f"> : f32
  loop.return
}
// CHECK: nodes are i32 [N, 4], at least one
