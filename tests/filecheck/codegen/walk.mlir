// RUN: tree-opt %s -t treec-llvm | filecheck %s --check-prefix IR
// RUN: tree-opt %s -t 'treec-llvm{level=x86-64-v3 show=assembly}' | filecheck %s --check-prefix ASM

// A scalar walk: the loop from node to node has one branch, the one back, and no multiply for rows with adjacent columns.

// IR: @"table.nodes" = hidden externally_initialized constant [80 x i8] zeroinitializer, section ".rodata.treec.0", align 64
loop.table @nodes <"threshold:0:<f4;feature:4:<u2;left:6:<u2;8", [2], "0x0000803f000001000000004001000000"> : <!loop.record<8, "threshold" : f32 at 0, "feature" : i16 at 4, "left" : i16 at 6>, 1, constant>
loop.table @leaves <"<f4", [4], "0x0000803f000000400000804000000041"> : <f32, 1, constant>
loop.table @roots <"<i4", [2], "0x0000000001000000"> : <i32, 1, constant>

// IR: define internal i32 @"stage.walk.body"(ptr captures(none) noalias nonnull readonly %"rows", i64 %"row_stride", i64 %"column_stride", ptr captures(none) noalias nonnull %"out", i64 %"out_row_stride", i64 %"out_column_stride", i64 %"row_begin", i64 %"row_end", i64 %"tree_begin", i64 %"tree_end", i64 %"group_begin", i64 %"group_end", ptr captures(none) noalias %"workspace", ptr captures(none) noalias %"scratch", i64 %"scratch_rows") "target-cpu"="x86-64" "tune-cpu"="generic" alwaysinline nounwind
// ASM-LABEL: stage.walk:
loop.func @walk axis 0 grain 64 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %one = loop.constant 1 : i64 -> i64
  %zero = loop.constant 0 : i64 -> i64
  %base = loop.constant 0.5 : f32 -> f32
  %z16 = loop.constant 0 : i16 -> i16
  %onei = loop.constant 1 : i32 -> i32
  %n = loop.get_table @nodes : !loop.buffer<!loop.record<8, "threshold" : f32 at 0, "feature" : i16 at 4, "left" : i16 at 6>, 1, constant>
  %l = loop.get_table @leaves : !loop.buffer<f32, 1, constant>
  %rt = loop.get_table @roots : !loop.buffer<i32, 1, constant>
  // IR: row:
  // IR-NEXT: %".18" = phi  i64 [%"row_begin", %"entry"], [%".{{[0-9]+}}", %"tree.end"]
  loop.for parallel "row" %r = %rb to %re step %one {
    // IR: tree:
    // IR-NEXT: phi  i64 [%"tree_begin", %"row.body"]
    // IR-NEXT: phi  float [0x3fe0000000000000, %"row.body"]
    %sum = loop.for serial "tree" %t = %tb to %te step %one carry(%acc = %base) : (f32) {
      %root = loop.load %rt[%t] : !loop.buffer<i32, 1, constant> -> i32
      // IR: repeat:
      // IR-NEXT: phi  i32
      // ASM: movzwl 4(%{{.*}},%{{.*}},8)
      %end = loop.repeat carry(%i = %root) : (i32) {
        %node = loop.cast zext %i : i32 -> i64
        // IR: load float, ptr %".{{.*}}", align 8, !invariant.load !0
        %x = loop.load %n[%node] "threshold" : !loop.buffer<!loop.record<8, "threshold" : f32 at 0, "feature" : i16 at 4, "left" : i16 at 6>, 1, constant> -> f32
        // IR: load i16, ptr %".{{.*}}", align 4, !invariant.load !0
        %f = loop.load %n[%node] "feature" : !loop.buffer<!loop.record<8, "threshold" : f32 at 0, "feature" : i16 at 4, "left" : i16 at 6>, 1, constant> -> i16
        // IR: load i16, ptr %".{{.*}}", align 2, !invariant.load !0
        %lf = loop.load %n[%node] "left" : !loop.buffer<!loop.record<8, "threshold" : f32 at 0, "feature" : i16 at 4, "left" : i16 at 6>, 1, constant> -> i16
        %fx = loop.cast zext %f : i16 -> i64
        // IR: mul nsw i64 %".{{.*}}", %"row_stride"
        // IR-NEXT: getelementptr inbounds float, ptr %"rows"
        // IR-NEXT: mul nsw i64 %".{{.*}}", %"column_stride"
        // IR: load float, ptr %".{{.*}}", align 1
        // ASM-NOT: imul
        %v = loop.load %rows[%r, %fx] : !loop.buffer<f32, 2, global> -> f32
        // IR: fcmp olt float
        // ASM-NOT: {{[^a-z]j[a-z]+}}
        // ASM: vucomiss (%{{.*}},%{{.*}},4)
        %less = loop.compare olt %v, %x : f32 -> i1
        %left = loop.cast zext %lf : i16 -> i32
        %right = loop.binary add %left, %onei : i32
        %l2 = loop.binary add %i, %left : i32
        %r2 = loop.binary add %i, %right : i32
        // IR: select  i1 %".{{.*}}", i32 %".{{.*}}", i32 %".{{.*}}" , !unpredictable !0
        %next = loop.select %less, %l2, %r2 : i1, i32
        %more = loop.compare ne %lf, %z16 : i16 -> i1
        // IR: br i1 %".{{.*}}", label %"repeat", label %"repeat.end"
        // ASM-NOT: {{[^a-z]j[a-z]+}}
        // ASM: testl
        // ASM-NEXT: jne .LBB0_
        // ASM: vaddss (%{{.*}},%{{.*}},4)
        loop.repeat_while %more %next : i32
      }
      %e = loop.cast zext %end : i32 -> i64
      %leaf = loop.load %l[%e] : !loop.buffer<f32, 1, constant> -> f32
      // IR: fadd float
      %a2 = loop.binary add %acc, %leaf : f32
      loop.yield %a2 : f32
    }
    // IR: store float %".{{.*}}", ptr %".{{.*}}", align 1
    loop.store %sum, %out[%r, %zero] : f32, !loop.buffer<f32, 2, global>
    loop.yield
  }
  // IR: ret i32 0
  loop.return
}

// Two copies of the body, one for rows whose columns lie side by side.
// IR: define i32 @"stage.walk"(
// IR: icmp eq i64 %"column_stride", 1
// IR: call i32 @"stage.walk.body"(ptr %"rows", i64 %"row_stride", i64 1,
// IR: call i32 @"stage.walk.body"(ptr %"rows", i64 %"row_stride", i64 %"column_stride",
