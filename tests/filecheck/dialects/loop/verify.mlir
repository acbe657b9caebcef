// RUN: tree-opt %s --verify-diagnostics --split-input-file | filecheck %s

loop.table @t <"<f4", [1, 2], "0x0000803f00000040"> : <f32, 1, constant>
// CHECK: a table's data has one dimension

// -----

loop.table @t <"<f4", [2], "0x0000803f00000040"> : <f64, 1, constant>
// CHECK: elements of the data have 4 bytes, f64 has 8

// -----

loop.table @t <"<f4", [2], "0x0000803f00000040"> : <f32, 1, global>
// CHECK: a table lives in constant scope

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %t = loop.get_table @t : !loop.buffer<f32, 1, constant>
  loop.return
}
// CHECK: there is no table @t

// -----

loop.table @t <"<f4", [2], "0x0000803f00000040"> : <f32, 1, constant>
loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %t = loop.get_table @t : !loop.buffer<i32, 1, constant>
  loop.return
}
// CHECK: the table @t is !loop.buffer<f32, 1, constant>, not !loop.buffer<i32, 1, constant>

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %w = loop.alloc [4] : !loop.buffer<f32, 2, workspace>
  loop.return
}
// CHECK: one extent per dimension is needed

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %w = loop.alloc [4] : !loop.buffer<f32, 1, global>
  loop.return
}
// CHECK: can't allocate in global scope

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %w = loop.alloc [4] : !loop.buffer<f32, 1, constant>
  loop.return
}
// CHECK: can't allocate in constant scope

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %i = loop.constant 1 : i64 -> i64
  %x = loop.load %rows[%i] : !loop.buffer<f32, 2, global> -> f32
  loop.return
}
// CHECK: 1 indices into a buffer of rank 2

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %i = loop.constant 1 : i64 -> i64
  %x = loop.load %rows[%i, %i] : !loop.buffer<f32, 2, global> -> f64
  loop.return
}
// CHECK: the buffer holds f32, not f64

// -----

loop.table @t <"a:0:<f4;b:4:<i4;8", [1], "0x0000803f00000040"> : <!loop.record<8, "a" : f32 at 0, "b" : i32 at 4>, 1, constant>
loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %i = loop.constant 1 : i64 -> i64
  %n = loop.get_table @t : !loop.buffer<!loop.record<8, "a" : f32 at 0, "b" : i32 at 4>, 1, constant>
  %x = loop.load %n[%i] : !loop.buffer<!loop.record<8, "a" : f32 at 0, "b" : i32 at 4>, 1, constant> -> f32
  loop.return
}
// CHECK: a record is read one field at a time

// -----

loop.table @t <"a:0:<f4;b:4:<i4;8", [1], "0x0000803f00000040"> : <!loop.record<8, "a" : f32 at 0, "b" : i32 at 4>, 1, constant>
loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %i = loop.constant 1 : i64 -> i64
  %n = loop.get_table @t : !loop.buffer<!loop.record<8, "a" : f32 at 0, "b" : i32 at 4>, 1, constant>
  %x = loop.load %n[%i] "c" : !loop.buffer<!loop.record<8, "a" : f32 at 0, "b" : i32 at 4>, 1, constant> -> f32
  loop.return
}
// CHECK: the record has no field 'c'

// -----

loop.table @t <"a:0:<f4;b:4:<i4;8", [1], "0x0000803f00000040"> : <!loop.record<8, "a" : f32 at 0, "b" : i32 at 4>, 1, constant>
loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %i = loop.constant 1 : i64 -> i64
  %n = loop.get_table @t : !loop.buffer<!loop.record<8, "a" : f32 at 0, "b" : i32 at 4>, 1, constant>
  %x = loop.load %n[%i] "b" : !loop.buffer<!loop.record<8, "a" : f32 at 0, "b" : i32 at 4>, 1, constant> -> f32
  loop.return
}
// CHECK: the buffer holds i32, not f32

// -----

loop.table @t <"a:0:<f4;b:4:<i4;8", [1], "0x0000803f00000040"> : <!loop.record<8, "a" : f32 at 0, "b" : i32 at 4>, 1, constant>
loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %i = loop.constant 1 : i64 -> i64
  %n = loop.get_table @t : !loop.buffer<!loop.record<8, "a" : f32 at 0, "b" : i32 at 4>, 1, constant>
  %x = loop.load %n[%i] "a" : !loop.buffer<!loop.record<8, "a" : f32 at 0, "b" : i32 at 4>, 1, constant> -> vector<4xf32>
  loop.return
}
// CHECK: records are not read as vectors

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %i = loop.constant 1 : i64 -> i64
  %x = loop.load %rows[%i, %i] "a" : !loop.buffer<f32, 2, global> -> f32
  loop.return
}
// CHECK: only records have fields

// -----

loop.table @t <"<f4", [2], "0x0000803f00000040"> : <f32, 1, constant>
loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %i = loop.constant 1 : i64 -> i64
  %x = loop.constant 1.0 : f32 -> f32
  %t = loop.get_table @t : !loop.buffer<f32, 1, constant>
  loop.store %x, %t[%i] : f32, !loop.buffer<f32, 1, constant>
  loop.return
}
// CHECK: a constant table can't be written

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %x = loop.constant 1.0 : f32 -> f64
  loop.return
}
// CHECK: a constant of f32 is not of type f64

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %x = loop.constant 1.0 : f32 -> f32
  %y = loop.binary and %x, %x : f32
  loop.return
}
// CHECK: and is for integers

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %x = loop.constant 1.0 : f32 -> f32
  %y = loop.compare slt %x, %x : f32 -> i1
  loop.return
}
// CHECK: slt does not compare f32

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %i = loop.constant 1 : i64 -> i64
  %y = loop.compare olt %i, %i : i64 -> i1
  loop.return
}
// CHECK: olt does not compare i64

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %i = loop.constant 1 : i64 -> i64
  %y = loop.compare eq %i, %i : i64 -> i8
  loop.return
}
// CHECK: a compare gives i1, one per lane

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %i = loop.constant 1 : i64 -> i64
  %y = loop.select %i, %i, %i : i64, i64
  loop.return
}
// CHECK: a condition is i1, or one i1 per lane

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %x = loop.constant 1.0 : f32 -> f32
  %y = loop.cast zext %x : f32 -> i64
  loop.return
}
// CHECK: can't zext f32 to i64

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %i = loop.constant 1 : i64 -> i64
  %y = loop.cast sitofp %i : i64 -> i32
  loop.return
}
// CHECK: can't sitofp i64 to i32

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %i = loop.constant 1 : i64 -> i64
  %y = loop.cast zext %i : i64 -> i64
  loop.return
}
// CHECK: can't zext i64 to i64

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %b = loop.constant 1 : i1 -> i1
  %y = loop.cast trunc %b : i1 -> i64
  loop.return
}
// CHECK: can't trunc i1 to i64

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %i = loop.constant 1 : i64 -> i64
  %y = loop.cast bitcast %i : i64 -> f32
  loop.return
}
// CHECK: can't bitcast i64 to f32

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %b = loop.constant 1 : i1 -> i1
  %y = loop.cast sext %b : i1 -> vector<4xi64>
  loop.return
}
// CHECK: can't sext i1 to vector<4xi64>

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %i = loop.constant 1 : i64 -> i64
  %y = loop.compare eq %i, %i : i64 -> vector<4xi1>
  loop.return
}
// CHECK: a compare gives i1, one per lane

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %c = loop.constant 1 : i1 -> vector<2xi1>
  %v = loop.constant 1 : i64 -> vector<4xi64>
  %y = loop.select %c, %v, %v : vector<2xi1>, vector<4xi64>
  loop.return
}
// CHECK: a condition is i1, or one i1 per lane

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %i = loop.constant 1 : i64 -> i64
  %y = loop.math exp %i : i64
  loop.return
}
// CHECK: exp is for floats

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %i = loop.constant 1 : i64 -> i64
  %y = loop.fma %i, %i, %i : i64
  loop.return
}
// CHECK: a fused multiply-add is of floats

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %i = loop.constant 1 : i64 -> i64
  loop.for serial %k = %i to %i step %i {
    loop.return
  }
  loop.return
}
// CHECK: a for ends in loop.yield

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %i = loop.constant 1 : i64 -> i64
  %x = loop.constant 1.0 : f32 -> f32
  %y = loop.for serial %k = %i to %i step %i carry(%c = %x) : (f32) {
    loop.yield %k : i64
  }
  loop.return
}
// CHECK: for: carried values differ in number or type

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  loop.repeat {
    loop.yield
  }
  loop.return
}
// CHECK: a repeat ends in loop.repeat_while

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %x = loop.constant 1.0 : f32 -> f32
  %b = loop.constant 1 : i1 -> i1
  %y = loop.repeat carry(%c = %x) : (f32) {
    loop.repeat_while %b
  }
  loop.return
}
// CHECK: repeat: carried values differ in number or type

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %b = loop.constant 1 : i1 -> i1
  loop.if %b {
    loop.yield
  } else {
    loop.return
  }
  loop.return
}
// CHECK: each side of an if ends in loop.yield

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %b = loop.constant 1 : i1 -> i1
  %x = loop.constant 1.0 : f32 -> f32
  %y = loop.if %b : (f32) {
    loop.yield %x : f32
  } else {
    loop.yield
  }
  loop.return
}
// CHECK: if: carried values differ in number or type

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>) {
  loop.return
}
// CHECK: a stage takes rows, out, row_begin, row_end, tree_begin, tree_end

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 1, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  loop.return
}
// CHECK: a stage takes rows, out, row_begin, row_end, tree_begin, tree_end

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, workspace>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  loop.return
}
// CHECK: a stage takes rows, out, row_begin, row_end, tree_begin, tree_end

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  loop.yield
}
// CHECK: a stage ends in loop.return

// -----

loop.func @f axis 0 grain 0 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  loop.return
}
// CHECK: a stage needs an axis of 0, or of 1 with groups, and a grain of at least 1

// -----

loop.func @f axis 2 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  loop.return
}
// CHECK: a stage needs an axis of 0, or of 1 with groups, and a grain of at least 1

// -----

loop.func @f axis 1 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  loop.return
}
// CHECK: a stage needs an axis of 0, or of 1 with groups, and a grain of at least 1

// -----

loop.func @f axis 0 grain 1 groups 2 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64, %gb : i64, %ge : i64) {
  loop.return
}
// CHECK: a stage needs an axis of 0, or of 1 with groups, and a grain of at least 1

// -----

loop.func @f axis 1 grain 1 groups 2 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  loop.return
}
// CHECK: a stage takes rows, out, row_begin, row_end, tree_begin, tree_end, group_begin, group_end

// -----

loop.func @f axis 0 grain 1 lines 2 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64, %scratch : !loop.buffer<f32, 1, global>) {
  loop.return
}
// CHECK: scratch can't be of type

// -----

loop.func @f axis 0 grain 1 lines -2 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64, %scratch : !loop.buffer<f32, 2, global>) {
  loop.return
}
// CHECK: a number of groups or of lines is not negative

// -----

loop.kernel [@absent] {task = 0 : i32, row_dtype = 0 : i32, rows_max = 10 : i64}
// CHECK: there is no stage @absent

// -----

loop.kernel [] {task = 0 : i32, row_dtype = 0 : i32, rows_max = 10 : i64}
// CHECK: a kernel has at least one stage

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  loop.return
}
loop.kernel [@f] {task = 0 : i32, row_dtype = 0 : i32, rows_max = 10 : i64, row_cost = 0 : i64}
// CHECK: a row takes some time

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  loop.for grid w %i = %rb to %re step %rb {
    loop.yield
  }
  loop.return
}
// CHECK: dimensions are x, y, z, not 'w'

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %0 = loop.for block x %i = %rb to %re step %rb carry(%c = %tb) : (i64) {
    loop.yield %c : i64
  }
  loop.return
}
// CHECK: iterations of a block loop run at the same time: they carry nothing

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  loop.for block x %i = %rb to %re step %rb {
    loop.for serial %j = %rb to %re step %rb {
      loop.barrier
      loop.yield
    }
    loop.yield
  }
  loop.return
}
// CHECK: a barrier inside of a block loop would wait for threads that are not in it

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  loop.for block x %i = %rb to %re step %rb extent 0 {
    loop.yield
  }
  loop.return
}
// CHECK: a loop's extent is at least 1

// -----

loop.func @f axis 0 grain 1 threads 64, 0, 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  loop.return
}
// CHECK: a block has at least one thread in each of three dimensions

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  loop.prefetch %rows[%rb] : !loop.buffer<f32, 2, global>
  loop.return
}
// CHECK: 1 indices into a buffer of rank 2

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %m = loop.alloc [2 : i64, 2 : i64] : !loop.buffer<f32, 2, shared>
  %v = loop.read_lane %m[%tb, %rb] : !loop.buffer<f32, 2, shared> -> f32
  loop.return
}
// CHECK: threads read one another's memory of scope lanes, not !loop.buffer<f32, 2, shared>

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %m = loop.alloc [2 : i64, 2 : i64] : !loop.buffer<f32, 2, lanes>
  %v = loop.read_lane %m[%tb] : !loop.buffer<f32, 2, lanes> -> f32
  loop.return
}
// CHECK: 1 indices into a buffer of rank 2

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %m = loop.alloc [2 : i64, 2 : i64] : !loop.buffer<f32, 2, lanes>
  %v = loop.read_lane %m[%tb, %rb] : !loop.buffer<f32, 2, lanes> -> f64
  loop.return
}
// CHECK: the buffer holds f32, not f64

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %v = loop.load %rows[%tb, %rb] : !loop.buffer<f32, 2, global> -> f32
  loop.atomic_add %v, %out[%tb, %rb] : f32, !loop.buffer<f32, 2, global>
  loop.return
}
// CHECK: threads add to shared memory, not to !loop.buffer<f32, 2, global>

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %m = loop.alloc [2 : i64] : !loop.buffer<i64, 1, shared>
  loop.atomic_add %tb, %m[%tb] : i64, !loop.buffer<i64, 1, shared>
  loop.return
}
// CHECK: floats are added, to such floats, not i64 to i64
