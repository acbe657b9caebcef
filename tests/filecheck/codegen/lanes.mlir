// RUN: tree-opt %s -t 'treec-tir{show=opencl}' | filecheck %s --check-prefix CL
// RUN: tree-opt %s -t 'treec-tir{show=cuda}' | filecheck %s --check-prefix CUDA

// What lanes of a row read from one another is in registers in CUDA, and in shared memory in OpenCL, whose threads wait for it.
// Atomic additions are CUDA's, or a loop that compares and exchanges.

// CL: inline float treec_add_f32(volatile __local float* at, float value) {
// CL: atomic_cmpxchg((volatile __local uint*)at, old.bits, sum.bits)
// CL: __kernel void treec_lanes(
// CUDA: __global__ void treec_lanes(
loop.func @lanes axis 0 grain 1 threads 8, 16, 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %zero = loop.constant 0 : i64 -> i64
  %one = loop.constant 1 : i64 -> i64
  %three = loop.constant 3 : i64 -> i64
  %n_lanes = loop.constant 8 : i64 -> i64
  %n_rows = loop.constant 16 : i64 -> i64
  // CL: __local float [[LANES:.*]][256];
  // CUDA: float [[LANES:.*]][2];
  %values = loop.alloc [2 : i64, 8 : i64, 16 : i64] : !loop.buffer<f32, 3, lanes>
  // CL: __local float [[SUMS:.*]][16];
  // CUDA: __shared__ alignas(64) float [[SUMS:.*]][16];
  %sums = loop.alloc [16 : i64] : !loop.buffer<f32, 1, shared>
  loop.for grid x "block" %block = %rb to %re step %n_rows {
    loop.for block y "row" %row = %zero to %n_rows step %one extent 16 {
      loop.for block x "lane" %lane = %zero to %n_lanes step %one extent 8 {
        %at = loop.binary add %block, %row : i64
        %x = loop.load %rows[%at, %lane] : !loop.buffer<f32, 2, global> -> f32
        // CL: [[LANES]][(((1 * 128) + (lane * 16)) + row)] = x;
        // CUDA: [[LANES]][1] = x;
        loop.store %x, %values[%one, %lane, %row] : f32, !loop.buffer<f32, 3, lanes>
        loop.yield
      }
      loop.yield
    }
    // CL: barrier(CLK_LOCAL_MEM_FENCE);
    // CUDA-NOT: __syncthreads
    loop.barrier lanes
    loop.for block y "row" %row = %zero to %n_rows step %one extent 16 {
      loop.for block x "lane" %lane = %zero to %n_lanes step %one extent 8 {
        // CL: float other = [[LANES]][(((1 * 128) + (3 * 16)) + row
        // Only the eight threads of the row are asked for: others may have no row.
        // CUDA: float other = __shfl_sync(((uint)255 << {{.*}}), [[LANES]][1], 3, 8);
        %other = loop.read_lane %values[%one, %three, %row] : !loop.buffer<f32, 3, lanes> -> f32
        // CL: treec_add_f32({{.*}}[[SUMS]]{{.*}}, other);
        // CUDA: atomicAdd((&([[SUMS]][{{.*}}])), other);
        loop.atomic_add %other, %sums[%row] : f32, !loop.buffer<f32, 1, shared>
        loop.yield
      }
      loop.yield
    }
    loop.yield
  }
  loop.return
}
