// RUN: tree-opt %s -t 'treec-tir{show=opencl}' | filecheck %s --check-prefix CL
// RUN: tree-opt %s -t 'treec-tir{show=cuda}' | filecheck %s --check-prefix CUDA

// A row for each thread. Tables are arguments; a record is loaded as one word, and its fields are cut out of it.

// CL: #pragma OPENCL FP_CONTRACT OFF
// CL: __kernel void treec_walk(__global float* restrict table_leaves, __global uchar* restrict table_nodes, __global float* restrict rows, __global float* restrict out, long row_stride, long column_stride, long out_row_stride, long out_column_stride, long row_begin, long row_end, long tree_begin, long tree_end) {
// CUDA: __global__ void treec_walk(
// Integers that fit 32 bits are kept in as many.
// CL: int rb = (convert_int(row_begin));
// CUDA: int rb = ((int)row_begin);
loop.table @nodes <"threshold:0:<f4;feature:4:<u2;left:6:<u2;8", [2], "0x0000803f000001000000004001000000"> : <!loop.record<8, "threshold" : f32 at 0, "feature" : i16 at 4, "left" : i16 at 6>, 1, constant>
loop.table @leaves <"<f4", [4], "0x0000803f000000400000804000000041"> : <f32, 1, constant>

loop.func @walk axis 0 grain 64 threads 64, 1, 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %zero = loop.constant 0 : i64 -> i64
  %one = loop.constant 1 : i64 -> i64
  %block_rows = loop.constant 64 : i64 -> i64
  // Floats are written by their bits.
  // CL: as_float(1036831949)
  // CUDA: __int_as_float(1036831949)
  %base = loop.constant 0.1 : f32 -> f32
  %n = loop.get_table @nodes : !loop.buffer<!loop.record<8, "threshold" : f32 at 0, "feature" : i16 at 4, "left" : i16 at 6>, 1, constant>
  %l = loop.get_table @leaves : !loop.buffer<f32, 1, constant>
  // CL: __local float [[SHARED:.*]][128];
  // CUDA: __shared__ alignas(64) float [[SHARED:.*]][128];
  %copy = loop.alloc [64 : i64, 2 : i64] : !loop.buffer<f32, 2, shared>
  // CL: int block = (rb + ((convert_int(get_group_id(0))) * 64));
  // The grid has as many blocks as the loop has iterations; threads wait inside, and nothing guards that.
  // CL-NEXT: int end = (block + 64);
  loop.for grid x "block" %block = %rb to %re step %block_rows {
    %end = loop.binary add %block, %block_rows : i64
    %more = loop.compare slt %end, %re : i64 -> i1
    %last = loop.select %more, %end, %re : i1, i64
    // More iterations than threads: each takes every 64th.
    // CUDA: for (int [[AT:.*]] = at; [[AT]] < 128; [[AT]] += 64) {
    %n_values = loop.constant 128 : i64 -> i64
    loop.for block x "at" %at = %zero to %n_values step %one extent 128 {
      loop.store %base, %copy[%zero, %at] : f32, !loop.buffer<f32, 2, shared>
      loop.yield
    }
    // CL: barrier(CLK_LOCAL_MEM_FENCE);
    // CUDA: __syncthreads();
    loop.barrier
    // One for each thread.
    // CUDA: int thread = (block + ((int)threadIdx.x));
    // CUDA-NEXT: if (thread < {{.*}}) {
    loop.for block x "thread" %r = %block to %last step %one extent 64 {
      %sum = loop.for serial "tree" %t = %tb to %te step %one carry(%acc = %base) : (f32) {
        // CUDA: while (1) {
        %leaf = loop.repeat carry(%node = %zero) : (i64) {
          // CUDA: uint64_t word = ((uint64_t*)table_nodes)[node];
          // CUDA-NEXT: float x = __int_as_float(((int)((uint)word)));
          %x = loop.load %n[%node] "threshold" : !loop.buffer<!loop.record<8, "threshold" : f32 at 0, "feature" : i16 at 4, "left" : i16 at 6>, 1, constant> -> f32
          // CUDA-NEXT: short f = ((short)((ushort)(word >> (uint64_t)32ULL)));
          %f = loop.load %n[%node] "feature" : !loop.buffer<!loop.record<8, "threshold" : f32 at 0, "feature" : i16 at 4, "left" : i16 at 6>, 1, constant> -> i16
          %fi = loop.cast zext %f : i16 -> i64
          // CL: float v = rows[(((convert_long(thread)) * row_stride) + ((convert_long(fi)) * column_stride))];
          %v = loop.load %rows[%r, %fi] : !loop.buffer<f32, 2, global> -> f32
          %c = loop.compare olt %v, %x : f32 -> i1
          %next = loop.binary add %node, %one : i64
          // CUDA: if (!c) {
          // CUDA-NEXT: break;
          loop.repeat_while %c %next : i64
        }
        %value = loop.load %l[%leaf] : !loop.buffer<f32, 1, constant> -> f32
        // CL: float new_ = (acc + value);
        // CUDA: float new_ = __fadd_rn(acc, value);
        %new = loop.binary add %acc, %value : f32
        loop.yield %new : f32
      }
      loop.store %sum, %out[%r, %zero] : f32, !loop.buffer<f32, 2, global>
      loop.yield
    }
    loop.yield
  }
  loop.return
}
