// RUN: tree-opt %s | tree-opt | filecheck %s
// RUN: TREE_OPT_ROUNDTRIP

// Compares and category sets, minus zero, infinity, a NaN with a payload in a leaf, weights and counts.
// CHECK: forest.model @full {
// CHECK-NEXT: ^bb0(%0: !forest.rows):
// CHECK-NEXT:   %1 = forest.inputs %0 {
// CHECK-NEXT:     n_features = 3 : i64,
// CHECK-NEXT:     dtype = f32,
// CHECK-NEXT:     missing_value = -9.990000e+02 : f64,
// CHECK-NEXT:     column = #forest.blob<"<i4", [2], "0x0200000000000000">
// CHECK-NEXT:   }
// CHECK-NEXT:   %2 = forest.predicates %1 {
// CHECK-NEXT:     input = #forest.blob<"<i4", [3], "0x000000000100000000000000">,
// CHECK-NEXT:     test = #forest.blob<"|u1", [3], "0x000301">,
// CHECK-NEXT:     threshold = #forest.blob<"<f4", [3], "0x00000080000000000000807f">,
// CHECK-NEXT:     missing = #forest.blob<"|u1", [3], "0x010200">,
// CHECK-NEXT:     missing_left = #forest.blob<"|b1", [3], "0x010000">,
// CHECK-NEXT:     category_set = #forest.blob<"<i4", [3], "0xffffffff00000000ffffffff">,
// CHECK-NEXT:     invalid_left = #forest.blob<"|b1", [3], "0x000100">,
// CHECK-NEXT:     set_offset = #forest.blob<"<i8", [2], "0x00000000000000000200000000000000">,
// CHECK-NEXT:     set_words = #forest.blob<"<u4", [2], "0x0500000001000000">,
// CHECK-NEXT:     category_cast = 0 : i64
// CHECK-NEXT:   }
// CHECK-NEXT:   %3 = forest.trees %2 {
// CHECK-NEXT:     node_offset = #forest.blob<"<i8", [4], "0x0000000000000000020000000000000003000000000000000300000000000000">,
// CHECK-NEXT:     leaf_offset = #forest.blob<"<i8", [4], "0x0000000000000000030000000000000005000000000000000600000000000000">,
// CHECK-NEXT:     predicate = #forest.blob<"<i4", [3], "0x000000000100000002000000">,
// CHECK-NEXT:     left = #forest.blob<"<i4", [3], "0x01000000ffffffffffffffff">,
// CHECK-NEXT:     right = #forest.blob<"<i4", [3], "0xfdfffffffefffffffeffffff">,
// CHECK-NEXT:     leaf_row = #forest.blob<"<i4", [6], "0x000000000100000002000000010000000000000002000000">,
// CHECK-NEXT:     leaf_id = #forest.blob<"<i4", [6], "0x030000000400000001000000010000000200000000000000">,
// CHECK-NEXT:     column = #forest.blob<"<i4", [3], "0x000000000100000000000000">,
// CHECK-NEXT:     iteration_offset = #forest.blob<"<i4", [4], "0x00000000010000000200000003000000">,
// CHECK-NEXT:     weight = #forest.blob<"<f4", [3], "0x0000803f0000003f0000803e">,
// CHECK-NEXT:     node_count = #forest.blob<"<f8", [3], "0x000000000000224000000000000010400000000000002240">,
// CHECK-NEXT:     leaf_count = #forest.blob<"<f8", [6], "0x000000000000004000000000000000400000000000001440000000000000104000000000000014400000000000002240">
// CHECK-NEXT:   }
// CHECK-NEXT:   %4 = forest.sum %3 {
// CHECK-NEXT:     values = #forest.blob<"<f4", [3, 1], "0x0100c07f000000800000807f">,
// CHECK-NEXT:     dtype = f32,
// CHECK-NEXT:     base = #forest.blob<"<f4", [2], "0x0000003f00000080">,
// CHECK-NEXT:     base_first = false,
// CHECK-NEXT:     final = "scale_bias",
// CHECK-NEXT:     operand = 2.000000e+00 : f64,
// CHECK-NEXT:     bias = -0.000000e+00 : f64
// CHECK-NEXT:   }
// CHECK-NEXT:   %5 = forest.link %4 {
// CHECK-NEXT:     link = "xgb_softmax",
// CHECK-NEXT:     scale = 1.000000e+00 : f64,
// CHECK-NEXT:     average = 1.000000e+00 : f64
// CHECK-NEXT:   }
// CHECK-NEXT:   forest.output raw %4 response %5 leaves %3
// CHECK-NEXT: }
forest.model @full {
^bb0(%0: !forest.rows):
  %1 = forest.inputs %0 {
    n_features = 3 : i64,
    dtype = f32,
    missing_value = -9.990000e+02 : f64,
    column = #forest.blob<"<i4", [2], "0x0200000000000000">
  }
  %2 = forest.predicates %1 {
    input = #forest.blob<"<i4", [3], "0x000000000100000000000000">,
    test = #forest.blob<"|u1", [3], "0x000301">,
    threshold = #forest.blob<"<f4", [3], "0x00000080000000000000807f">,
    missing = #forest.blob<"|u1", [3], "0x010200">,
    missing_left = #forest.blob<"|b1", [3], "0x010000">,
    category_set = #forest.blob<"<i4", [3], "0xffffffff00000000ffffffff">,
    invalid_left = #forest.blob<"|b1", [3], "0x000100">,
    set_offset = #forest.blob<"<i8", [2], "0x00000000000000000200000000000000">,
    set_words = #forest.blob<"<u4", [2], "0x0500000001000000">,
    category_cast = 0 : i64
  }
  %3 = forest.trees %2 {
    node_offset = #forest.blob<"<i8", [4], "0x0000000000000000020000000000000003000000000000000300000000000000">,
    leaf_offset = #forest.blob<"<i8", [4], "0x0000000000000000030000000000000005000000000000000600000000000000">,
    predicate = #forest.blob<"<i4", [3], "0x000000000100000002000000">,
    left = #forest.blob<"<i4", [3], "0x01000000ffffffffffffffff">,
    right = #forest.blob<"<i4", [3], "0xfdfffffffefffffffeffffff">,
    leaf_row = #forest.blob<"<i4", [6], "0x000000000100000002000000010000000000000002000000">,
    leaf_id = #forest.blob<"<i4", [6], "0x030000000400000001000000010000000200000000000000">,
    column = #forest.blob<"<i4", [3], "0x000000000100000000000000">,
    iteration_offset = #forest.blob<"<i4", [4], "0x00000000010000000200000003000000">,
    weight = #forest.blob<"<f4", [3], "0x0000803f0000003f0000803e">,
    node_count = #forest.blob<"<f8", [3], "0x000000000000224000000000000010400000000000002240">,
    leaf_count = #forest.blob<"<f8", [6], "0x000000000000004000000000000000400000000000001440000000000000104000000000000014400000000000002240">
  }
  %4 = forest.sum %3 {
    values = #forest.blob<"<f4", [3, 1], "0x0100c07f000000800000807f">,
    dtype = f32,
    base = #forest.blob<"<f4", [2], "0x0000003f00000080">,
    base_first = false,
    final = "scale_bias",
    operand = 2.000000e+00 : f64,
    bias = -0.000000e+00 : f64
  }
  %5 = forest.link %4 {
    link = "xgb_softmax",
    scale = 1.000000e+00 : f64,
    average = 1.000000e+00 : f64
  }
  forest.output raw %4 response %5 leaves %3
}

// f64, value tables, linear leaves, NaN as a leaf value.
// CHECK: forest.model @linear {
// CHECK-NEXT: ^bb0(%0: !forest.rows):
// CHECK-NEXT:   %1 = forest.inputs %0 {
// CHECK-NEXT:     n_features = 2 : i64,
// CHECK-NEXT:     dtype = f64,
// CHECK-NEXT:     missing_value = 0x7ff8000000000000 : f64,
// CHECK-NEXT:     column = #forest.blob<"<i4", [2], "0x0000000001000000">,
// CHECK-NEXT:     table_offset = #forest.blob<"<i8", [3], "0x000000000000000002000000000000000200000000000000">,
// CHECK-NEXT:     table_value = #forest.blob<"<f8", [2], "0x000000000000f03f0000000000001c40">
// CHECK-NEXT:   }
// CHECK-NEXT:   %2 = forest.predicates %1 {
// CHECK-NEXT:     input = #forest.blob<"<i4", [1], "0x00000000">,
// CHECK-NEXT:     test = #forest.blob<"|u1", [1], "0x02">,
// CHECK-NEXT:     threshold = #forest.blob<"<f8", [1], "0x000000000000f03f">,
// CHECK-NEXT:     missing = #forest.blob<"|u1", [1], "0x00">,
// CHECK-NEXT:     missing_left = #forest.blob<"|b1", [1], "0x00">,
// CHECK-NEXT:     category_set = #forest.blob<"<i4", [1], "0xffffffff">,
// CHECK-NEXT:     invalid_left = #forest.blob<"|b1", [1], "0x00">,
// CHECK-NEXT:     set_offset = #forest.blob<"<i8", [1], "0x0000000000000000">,
// CHECK-NEXT:     set_words = #forest.blob<"<u4", [0], "0x">,
// CHECK-NEXT:     category_cast = 0 : i64
// CHECK-NEXT:   }
// CHECK-NEXT:   %3 = forest.trees %2 {
// CHECK-NEXT:     node_offset = #forest.blob<"<i8", [2], "0x00000000000000000100000000000000">,
// CHECK-NEXT:     leaf_offset = #forest.blob<"<i8", [2], "0x00000000000000000200000000000000">,
// CHECK-NEXT:     predicate = #forest.blob<"<i4", [1], "0x00000000">,
// CHECK-NEXT:     left = #forest.blob<"<i4", [1], "0xffffffff">,
// CHECK-NEXT:     right = #forest.blob<"<i4", [1], "0xfeffffff">,
// CHECK-NEXT:     leaf_row = #forest.blob<"<i4", [2], "0x0000000001000000">,
// CHECK-NEXT:     leaf_id = #forest.blob<"<i4", [2], "0x0000000001000000">,
// CHECK-NEXT:     column = #forest.blob<"<i4", [1], "0x00000000">,
// CHECK-NEXT:     iteration_offset = #forest.blob<"<i4", [2], "0x0000000001000000">
// CHECK-NEXT:   }
// CHECK-NEXT:   %4 = forest.sum %3 {
// CHECK-NEXT:     values = #forest.blob<"<f8", [2, 1], "0x000000000000f03f000000000000f87f">,
// CHECK-NEXT:     linear_offset = #forest.blob<"<i8", [3], "0x000000000000000001000000000000000100000000000000">,
// CHECK-NEXT:     linear_input = #forest.blob<"<i4", [1], "0x01000000">,
// CHECK-NEXT:     linear_coefficient = #forest.blob<"<f8", [1], "0x000000000000e03f">,
// CHECK-NEXT:     linear_const = #forest.blob<"<f8", [2], "0x000000000000d03f0000000000000080">,
// CHECK-NEXT:     dtype = f64,
// CHECK-NEXT:     base = #forest.blob<"<f8", [1], "0x0000000000000000">,
// CHECK-NEXT:     base_first = true,
// CHECK-NEXT:     final = "divide",
// CHECK-NEXT:     operand = 1.000000e+00 : f64,
// CHECK-NEXT:     bias = 0.000000e+00 : f64
// CHECK-NEXT:   }
// CHECK-NEXT:   %5 = forest.link %4 {
// CHECK-NEXT:     link = "lgb_sigmoid",
// CHECK-NEXT:     scale = 5.000000e-01 : f64,
// CHECK-NEXT:     average = 3.000000e+00 : f64
// CHECK-NEXT:   }
// CHECK-NEXT:   forest.output raw %4 response %5 leaves %3
// CHECK-NEXT: }
forest.model @linear {
^bb0(%0: !forest.rows):
  %1 = forest.inputs %0 {
    n_features = 2 : i64,
    dtype = f64,
    missing_value = 0x7ff8000000000000 : f64,
    column = #forest.blob<"<i4", [2], "0x0000000001000000">,
    table_offset = #forest.blob<"<i8", [3], "0x000000000000000002000000000000000200000000000000">,
    table_value = #forest.blob<"<f8", [2], "0x000000000000f03f0000000000001c40">
  }
  %2 = forest.predicates %1 {
    input = #forest.blob<"<i4", [1], "0x00000000">,
    test = #forest.blob<"|u1", [1], "0x02">,
    threshold = #forest.blob<"<f8", [1], "0x000000000000f03f">,
    missing = #forest.blob<"|u1", [1], "0x00">,
    missing_left = #forest.blob<"|b1", [1], "0x00">,
    category_set = #forest.blob<"<i4", [1], "0xffffffff">,
    invalid_left = #forest.blob<"|b1", [1], "0x00">,
    set_offset = #forest.blob<"<i8", [1], "0x0000000000000000">,
    set_words = #forest.blob<"<u4", [0], "0x">,
    category_cast = 0 : i64
  }
  %3 = forest.trees %2 {
    node_offset = #forest.blob<"<i8", [2], "0x00000000000000000100000000000000">,
    leaf_offset = #forest.blob<"<i8", [2], "0x00000000000000000200000000000000">,
    predicate = #forest.blob<"<i4", [1], "0x00000000">,
    left = #forest.blob<"<i4", [1], "0xffffffff">,
    right = #forest.blob<"<i4", [1], "0xfeffffff">,
    leaf_row = #forest.blob<"<i4", [2], "0x0000000001000000">,
    leaf_id = #forest.blob<"<i4", [2], "0x0000000001000000">,
    column = #forest.blob<"<i4", [1], "0x00000000">,
    iteration_offset = #forest.blob<"<i4", [2], "0x0000000001000000">
  }
  %4 = forest.sum %3 {
    values = #forest.blob<"<f8", [2, 1], "0x000000000000f03f000000000000f87f">,
    linear_offset = #forest.blob<"<i8", [3], "0x000000000000000001000000000000000100000000000000">,
    linear_input = #forest.blob<"<i4", [1], "0x01000000">,
    linear_coefficient = #forest.blob<"<f8", [1], "0x000000000000e03f">,
    linear_const = #forest.blob<"<f8", [2], "0x000000000000d03f0000000000000080">,
    dtype = f64,
    base = #forest.blob<"<f8", [1], "0x0000000000000000">,
    base_first = true,
    final = "divide",
    operand = 1.000000e+00 : f64,
    bias = 0.000000e+00 : f64
  }
  %5 = forest.link %4 {
    link = "lgb_sigmoid",
    scale = 5.000000e-01 : f64,
    average = 3.000000e+00 : f64
  }
  forest.output raw %4 response %5 leaves %3
}

// One predicate per level.
// CHECK: forest.model @oblivious {
// CHECK-NEXT: ^bb0(%0: !forest.rows):
// CHECK-NEXT:   %1 = forest.inputs %0 {
// CHECK-NEXT:     n_features = 1 : i64,
// CHECK-NEXT:     dtype = f32,
// CHECK-NEXT:     missing_value = 0x7ff8000000000000 : f64,
// CHECK-NEXT:     column = #forest.blob<"<i4", [1], "0x00000000">
// CHECK-NEXT:   }
// CHECK-NEXT:   %2 = forest.predicates %1 {
// CHECK-NEXT:     input = #forest.blob<"<i4", [2], "0x0000000000000000">,
// CHECK-NEXT:     test = #forest.blob<"|u1", [2], "0x0000">,
// CHECK-NEXT:     threshold = #forest.blob<"<f4", [2], "0x0000803f00000040">,
// CHECK-NEXT:     missing = #forest.blob<"|u1", [2], "0x0101">,
// CHECK-NEXT:     missing_left = #forest.blob<"|b1", [2], "0x0000">,
// CHECK-NEXT:     category_set = #forest.blob<"<i4", [2], "0xffffffffffffffff">,
// CHECK-NEXT:     invalid_left = #forest.blob<"|b1", [2], "0x0000">,
// CHECK-NEXT:     set_offset = #forest.blob<"<i8", [1], "0x0000000000000000">,
// CHECK-NEXT:     set_words = #forest.blob<"<u4", [0], "0x">,
// CHECK-NEXT:     category_cast = 0 : i64
// CHECK-NEXT:   }
// CHECK-NEXT:   %3 = forest.oblivious_trees %2 {
// CHECK-NEXT:     level_offset = #forest.blob<"<i8", [2], "0x00000000000000000200000000000000">,
// CHECK-NEXT:     leaf_offset = #forest.blob<"<i8", [2], "0x00000000000000000400000000000000">,
// CHECK-NEXT:     predicate = #forest.blob<"<i4", [2], "0x0000000001000000">,
// CHECK-NEXT:     leaf_row = #forest.blob<"<i4", [4], "0x00000000010000000200000003000000">,
// CHECK-NEXT:     leaf_id = #forest.blob<"<i4", [4], "0x00000000010000000200000003000000">,
// CHECK-NEXT:     column = #forest.blob<"<i4", [1], "0x00000000">,
// CHECK-NEXT:     iteration_offset = #forest.blob<"<i4", [2], "0x0000000001000000">
// CHECK-NEXT:   }
// CHECK-NEXT:   %4 = forest.sum %3 {
// CHECK-NEXT:     values = #forest.blob<"<f4", [4, 1], "0x000000000000803f0000004000004040">,
// CHECK-NEXT:     dtype = f32,
// CHECK-NEXT:     base = #forest.blob<"<f4", [1], "0x00000000">,
// CHECK-NEXT:     base_first = true,
// CHECK-NEXT:     final = "none",
// CHECK-NEXT:     operand = 1.000000e+00 : f64,
// CHECK-NEXT:     bias = 0.000000e+00 : f64
// CHECK-NEXT:   }
// CHECK-NEXT:   %5 = forest.link %4 {
// CHECK-NEXT:     link = "identity",
// CHECK-NEXT:     scale = 1.000000e+00 : f64,
// CHECK-NEXT:     average = 1.000000e+00 : f64
// CHECK-NEXT:   }
// CHECK-NEXT:   forest.output raw %4 response %5 leaves %3
// CHECK-NEXT: }
forest.model @oblivious {
^bb0(%0: !forest.rows):
  %1 = forest.inputs %0 {
    n_features = 1 : i64,
    dtype = f32,
    missing_value = 0x7ff8000000000000 : f64,
    column = #forest.blob<"<i4", [1], "0x00000000">
  }
  %2 = forest.predicates %1 {
    input = #forest.blob<"<i4", [2], "0x0000000000000000">,
    test = #forest.blob<"|u1", [2], "0x0000">,
    threshold = #forest.blob<"<f4", [2], "0x0000803f00000040">,
    missing = #forest.blob<"|u1", [2], "0x0101">,
    missing_left = #forest.blob<"|b1", [2], "0x0000">,
    category_set = #forest.blob<"<i4", [2], "0xffffffffffffffff">,
    invalid_left = #forest.blob<"|b1", [2], "0x0000">,
    set_offset = #forest.blob<"<i8", [1], "0x0000000000000000">,
    set_words = #forest.blob<"<u4", [0], "0x">,
    category_cast = 0 : i64
  }
  %3 = forest.oblivious_trees %2 {
    level_offset = #forest.blob<"<i8", [2], "0x00000000000000000200000000000000">,
    leaf_offset = #forest.blob<"<i8", [2], "0x00000000000000000400000000000000">,
    predicate = #forest.blob<"<i4", [2], "0x0000000001000000">,
    leaf_row = #forest.blob<"<i4", [4], "0x00000000010000000200000003000000">,
    leaf_id = #forest.blob<"<i4", [4], "0x00000000010000000200000003000000">,
    column = #forest.blob<"<i4", [1], "0x00000000">,
    iteration_offset = #forest.blob<"<i4", [2], "0x0000000001000000">
  }
  %4 = forest.sum %3 {
    values = #forest.blob<"<f4", [4, 1], "0x000000000000803f0000004000004040">,
    dtype = f32,
    base = #forest.blob<"<f4", [1], "0x00000000">,
    base_first = true,
    final = "none",
    operand = 1.000000e+00 : f64,
    bias = 0.000000e+00 : f64
  }
  %5 = forest.link %4 {
    link = "identity",
    scale = 1.000000e+00 : f64,
    average = 1.000000e+00 : f64
  }
  forest.output raw %4 response %5 leaves %3
}

// Attributes that nobody asked for stay.
// CHECK: forest.model @marked {
// CHECK: seen,
// CHECK-NEXT: note = "kept"
forest.model @marked {
^bb0(%0: !forest.rows):
  %1 = forest.inputs %0 {
    n_features = 1 : i64,
    dtype = f32,
    missing_value = 0x7ff8000000000000 : f64,
    column = #forest.blob<"<i4", [1], "0x00000000">
  }
  %2 = forest.predicates %1 {
    input = #forest.blob<"<i4", [2], "0x0000000000000000">,
    test = #forest.blob<"|u1", [2], "0x0000">,
    threshold = #forest.blob<"<f4", [2], "0x0000803f00000040">,
    missing = #forest.blob<"|u1", [2], "0x0101">,
    missing_left = #forest.blob<"|b1", [2], "0x0000">,
    category_set = #forest.blob<"<i4", [2], "0xffffffffffffffff">,
    invalid_left = #forest.blob<"|b1", [2], "0x0000">,
    set_offset = #forest.blob<"<i8", [1], "0x0000000000000000">,
    set_words = #forest.blob<"<u4", [0], "0x">,
    category_cast = 0 : i64
  }
  %3 = forest.oblivious_trees %2 {
    level_offset = #forest.blob<"<i8", [2], "0x00000000000000000200000000000000">,
    leaf_offset = #forest.blob<"<i8", [2], "0x00000000000000000400000000000000">,
    predicate = #forest.blob<"<i4", [2], "0x0000000001000000">,
    leaf_row = #forest.blob<"<i4", [4], "0x00000000010000000200000003000000">,
    leaf_id = #forest.blob<"<i4", [4], "0x00000000010000000200000003000000">,
    column = #forest.blob<"<i4", [1], "0x00000000">,
    iteration_offset = #forest.blob<"<i4", [2], "0x0000000001000000">
  }
  %4 = forest.sum %3 {
    values = #forest.blob<"<f4", [4, 1], "0x000000000000803f0000004000004040">,
    dtype = f32,
    base = #forest.blob<"<f4", [1], "0x00000000">,
    base_first = true,
    final = "none",
    operand = 1.000000e+00 : f64,
    bias = 0.000000e+00 : f64
  }
  %5 = forest.link %4 {
    link = "identity",
    scale = 1.000000e+00 : f64,
    average = 1.000000e+00 : f64,
    seen,
    note = "kept"
  }
  forest.output raw %4 response %5 leaves %3
}
