// RUN: tree-opt %s --verify-diagnostics --split-input-file | filecheck %s

plan.target level "native" input "f16"
// CHECK: rows can't be of 'f16'

// -----

plan.packed_trees @trees {
  nodes = #forest.blob<"threshold:0:<f4;word0:4:<u2;6", [1], "0x000000000000">,
  fields = {step = #plan.bits<0 at 0 plus 1>, feature = #plan.bits<1 at 0 plus 0>, kind = #plan.bits<0 at 1 plus 0>, missing_left = #plan.bits<1 at 1 plus 0>},
  node_base = #forest.blob<"|u1", [2], "0x0002">,
  kinds = #forest.blob<"<i8", [1, 3], "0x000000000000000001000000000000000000000000000000">,
  set_offset = #forest.blob<"|u1", [1], "0x00">,
  set_words = #forest.blob<"<u4", [0], "0x">
}
// CHECK: node_base does not cover 0 to 1 without a gap

// -----

plan.packed_trees @trees {
  nodes = #forest.blob<"threshold:0:<f4;word0:4:<u2;6", [1], "0x000000000000">,
  fields = {step = #plan.bits<0 at 0 plus 1>, feature = #plan.bits<1 at 0 plus 0>, kind = #plan.bits<0 at 1 plus 0>, missing_left = #plan.bits<1 at 1 plus 0>},
  node_base = #forest.blob<"|u1", [2], "0x0001">,
  kinds = #forest.blob<"<i8", [1, 2], "0x00000000000000000100000000000000">,
  set_offset = #forest.blob<"|u1", [1], "0x00">,
  set_words = #forest.blob<"<u4", [0], "0x">
}
// CHECK: kinds has three columns

// -----

plan.packed_trees @trees {
  nodes = #forest.blob<"threshold:0:<f4;word0:4:<u2;6", [1], "0x000000000000">,
  fields = {step = #plan.bits<0 at 0 plus 1>, feature = #plan.bits<1 at 0 plus 0>, kind = #plan.bits<0 at 1 plus 0>, missing_left = #plan.bits<1 at 1 plus 0>},
  node_base = #forest.blob<"|u1", [2], "0x0001">,
  kinds = #forest.blob<"<i8", [1, 3], "0x000000000000000001000000000000000000000000000000">,
  set_offset = #forest.blob<"|u1", [1], "0x00">,
  set_words = #forest.blob<"<u4", [0], "0x">,
  predicates = #forest.blob<"threshold:0:<f4;word0:4:<u2;6", [1], "0x000000000000">
}
// CHECK: predicates and predicate_fields go together

// -----

plan.packed_trees @trees {
  nodes = #forest.blob<"threshold:0:<f4;word0:4:<u2;6", [1], "0x000000000000">,
  fields = {step = #plan.bits<0 at 0 plus 1>},
  node_base = #forest.blob<"|u1", [2], "0x0001">,
  kinds = #forest.blob<"<i8", [1, 3], "0x000000000000000001000000000000000000000000000000">,
  set_offset = #forest.blob<"|u1", [1], "0x00">,
  set_words = #forest.blob<"<u4", [0], "0x">
}
// CHECK: nodes: expected the fields feature, kind, missing_left, step, got step

// -----

plan.packed_trees @trees {
  nodes = #forest.blob<"threshold:0:<f4;word0:4:<u2;6", [1], "0x000000000000">,
  fields = {step = #plan.bits<0 at 0 plus 1>, feature = #plan.bits<16 at 1 plus 0>, kind = #plan.bits<0 at 1 plus 0>, missing_left = #plan.bits<1 at 1 plus 0>},
  node_base = #forest.blob<"|u1", [2], "0x0001">,
  kinds = #forest.blob<"<i8", [1, 3], "0x000000000000000001000000000000000000000000000000">,
  set_offset = #forest.blob<"|u1", [1], "0x00">,
  set_words = #forest.blob<"<u4", [0], "0x">
}
// CHECK: nodes: field feature does not fit the record

// -----

plan.packed_trees @trees {
  nodes = #forest.blob<"word0:0:<u2;2", [1], "0x0000">,
  fields = {step = #plan.bits<0 at 0 plus 1>, feature = #plan.bits<1 at 0 plus 0>, kind = #plan.bits<0 at 1 plus 0>, missing_left = #plan.bits<1 at 1 plus 0>},
  node_base = #forest.blob<"|u1", [2], "0x0001">,
  kinds = #forest.blob<"<i8", [1, 3], "0x000000000000000001000000000000000000000000000000">,
  set_offset = #forest.blob<"|u1", [1], "0x00">,
  set_words = #forest.blob<"<u4", [0], "0x">
}
// CHECK: nodes: a record of word0 is not a threshold and a word

// -----

plan.packed_trees @trees {
  nodes = #forest.blob<"threshold:0:<f4;word0:4:<u2;6", [1], "0x000000000000">,
  fields = {step = #plan.bits<0 at 0 plus 1>, feature = #plan.bits<1 at 0 plus 0>, kind = #plan.bits<0 at 1 plus 0>, missing_left = #plan.bits<1 at 1 plus 0>},
  node_base = #forest.blob<"|u1", [2], "0x0001">,
  kinds = #forest.blob<"<i8", [1, 3], "0x000000000000000001000000000000000000000000000000">,
  set_offset = #forest.blob<"|u1", [2], "0x0001">,
  set_words = #forest.blob<"<u4", [0], "0x">
}
// CHECK: set_offset does not cover 0 to 0 without a gap

// -----

plan.packed_trees @trees {
  nodes = #forest.blob<"threshold:0:<f4;word0:4:<u2;6", [1], "0x000000000000">,
  fields = {step = #plan.bits<0 at 0 plus 1>, feature = #plan.bits<1 at 0 plus 0>, kind = #plan.bits<0 at 1 plus 0>, missing_left = #plan.bits<1 at 1 plus 0>},
  node_base = #forest.blob<"|u1", [2], "0x0001">,
  kinds = #forest.blob<"<i8", [1, 3], "0x000000000000000001000000000000000000000000000000">,
  set_offset = #forest.blob<"|u1", [1], "0x00">,
  set_words = #forest.blob<"<u4", [0], "0x">,
  leaf_row = #forest.blob<"|u1", [1], "0x00">
}
// CHECK: leaf_row has 1 entries, not 2

// -----

plan.packed_trees @trees {
  nodes = #forest.blob<"threshold:0:<f4;word0:4:<u2;6", [1], "0x000000000000">,
  fields = {step = #plan.bits<0 at 0 plus 1>, feature = #plan.bits<1 at 0 plus 0>, kind = #plan.bits<0 at 1 plus 0>, missing_left = #plan.bits<1 at 1 plus 0>},
  node_base = #forest.blob<"|u1", [2], "0x0001">,
  kinds = #forest.blob<"<i8", [1, 3], "0x000000000000000001000000000000000000000000000000">,
  set_offset = #forest.blob<"|u1", [1], "0x00">,
  set_words = #forest.blob<"<u4", [0], "0x">,
  column = #forest.blob<"<i4", [1], "0x00000000">
}
// CHECK: column has dtype int32 and 1 dimensions

// -----


plan.kernel @main of @other rows 9223372036854775807 {
  plan.for serial "row" row step 1 {
    plan.for serial "tree" tree step 1 {
      plan.walk
    }
  }
}
// CHECK: there is no model @other

// -----


plan.kernel @main of @small rows 0 {
  plan.for serial "row" row step 1 {
    plan.for serial "tree" tree step 1 {
      plan.walk
    }
  }
}
// CHECK: a kernel serves calls of at least one row

// -----

forest.model @small {
^bb0(%0: !forest.rows):
  %1 = forest.inputs %0 {n_features = 2 : i64, dtype = f32, missing_value = 0x7ff8000000000000 : f64, column = #forest.blob<"<i4", [2], "0x0000000001000000"> }
  %2 = forest.predicates %1 {input = #forest.blob<"<i4", [3], "0x010000000000000001000000">, test = #forest.blob<"|u1", [3], "0x000000">, threshold = #forest.blob<"<f4", [3], "0x0000003f000000800000003f">, missing = #forest.blob<"|u1", [3], "0x010101">, missing_left = #forest.blob<"|b1", [3], "0x010001">, category_set = #forest.blob<"<i4", [3], "0xffffffffffffffffffffffff">, invalid_left = #forest.blob<"|b1", [3], "0x000000">, set_offset = #forest.blob<"<i8", [1], "0x0000000000000000">, set_words = #forest.blob<"<u4", [0], "0x">, category_cast = 0 : i64 }
  %3 = forest.trees %2 {node_offset = #forest.blob<"<i8", [3], "0x000000000000000002000000000000000300000000000000">, leaf_offset = #forest.blob<"<i8", [3], "0x000000000000000003000000000000000500000000000000">, predicate = #forest.blob<"<i4", [3], "0x000000000100000002000000">, left = #forest.blob<"<i4", [3], "0x01000000ffffffffffffffff">, right = #forest.blob<"<i4", [3], "0xfdfffffffefffffffeffffff">, leaf_row = #forest.blob<"<i4", [5], "0x0000000001000000020000000300000004000000">, leaf_id = #forest.blob<"<i4", [5], "0x0200000003000000040000000100000002000000">, column = #forest.blob<"<i4", [2], "0x0000000000000000">, iteration_offset = #forest.blob<"<i4", [3], "0x000000000100000002000000"> }
  %4 = forest.sum %3 {values = #forest.blob<"<f4", [5, 1], "0x0000803f000000400000803f0000000000000080">, dtype = f32, base = #forest.blob<"<f4", [1], "0x0000003f">, base_first = true, final = "none", operand = 1.000000e+00 : f64, bias = 0.000000e+00 : f64 }
  %5 = forest.link %4 {link = "identity", scale = 1.000000e+00 : f64, average = 1.000000e+00 : f64 }
  forest.output raw %4 response %5 leaves %3
}
plan.kernel @main of @small rows 9223372036854775807 {
  plan.for serial "row" row step 1 {
    plan.for serial "tree" tree step 1 {
      plan.walk {trees = @gone}
    }
  }
}
// CHECK: there are no trees @gone

// -----


plan.kernel @main of @small rows 9223372036854775807 {
  plan.walk
  plan.walk
}
// CHECK: a kernel holds one nest

// -----


plan.kernel @main of @small rows 9223372036854775807 {
  plan.for serial "row" row step 1 {
    plan.walk
    plan.walk
  }
}
// CHECK: a loop holds one loop or one walk

// -----


plan.kernel @main of @small rows 9223372036854775807 {
  plan.for serial "row" row step 0 {
    plan.for serial "tree" tree step 1 {
      plan.walk
    }
  }
}
// CHECK: a loop's step is at least 1

// -----


plan.kernel @main of @small rows 9223372036854775807 {
  plan.for serial "row" row step 1 {
    plan.for serial "row" tree step 1 {
      plan.walk
    }
  }
}
// CHECK: two loops are named 'row'

// -----


plan.kernel @main of @small rows 9223372036854775807 {
  plan.for serial "row" row step 1 of "block" {
    plan.for serial "tree" tree step 1 {
      plan.walk
    }
  }
}
// CHECK: loop 'row' is not inside the loop 'block' that it divides

// -----


plan.kernel @main of @small rows 9223372036854775807 {
  plan.for serial "block" row step 8 {
    plan.for serial "row" row step 1 {
      plan.for serial "tree" tree step 1 {
        plan.walk
      }
    }
  }
}
// CHECK: two loops cover the same range as 'row'

// -----


plan.kernel @main of @small rows 9223372036854775807 {
  plan.for serial "row" row step 1 {
    plan.walk
  }
}
// CHECK: the tree loops do not divide one another down to single steps

// -----


plan.kernel @main of @small rows 9223372036854775807 {
  plan.for serial "row" row step 8 {
    plan.for serial "tree" tree step 1 {
      plan.walk
    }
  }
}
// CHECK: the innermost row loop steps by more than 1

// -----


plan.kernel @main of @small rows 9223372036854775807 {
  plan.for serial "tree" tree step 1 {
    plan.for parallel "row" row step 1 {
      plan.walk
    }
  }
}
// CHECK: the parallel loop 'row' is not the outermost one, over rows or reduced

// -----


plan.kernel @main of @small rows 9223372036854775807 {
  plan.for parallel "tree" tree step 1 {
    plan.for serial "row" row step 1 {
      plan.walk
    }
  }
}
// CHECK: the parallel loop 'tree' is not the outermost one, over rows or reduced

// -----


plan.kernel @main of @small rows 9223372036854775807 {
  plan.for serial "tree" tree step 1 {
    plan.for vector "row" row step 1 {
      plan.walk
    }
  }
}
// CHECK: a vector loop, and no other, says how many lanes a vector has

// -----


plan.kernel @main of @small rows 9223372036854775807 {
  plan.for serial "tree" tree step 1 {
    plan.for serial "row" row step 1 lanes 4 {
      plan.walk
    }
  }
}
// CHECK: a vector loop, and no other, says how many lanes a vector has

// -----


plan.kernel @main of @small rows 9223372036854775807 {
  plan.for serial "tree" tree step 1 {
    plan.for vector "row" row step 1 lanes 3 {
      plan.walk
    }
  }
}
// CHECK: a vector can't have 3 lanes

// -----


plan.kernel @main of @small rows 9223372036854775807 {
  plan.for serial "tree" tree step 1 {
    plan.for serial "row" row step 1 {
      plan.walk {strategy = "lanes", trees = @trees}
    }
  }
}
// CHECK: a walk of lanes, and no other, stands in a vector loop

// -----


plan.kernel @main of @small rows 9223372036854775807 {
  plan.for serial "tree" tree step 1 {
    plan.for vector "row" row step 1 lanes 4 {
      plan.walk {strategy = "scalar", trees = @trees}
    }
  }
}
// CHECK: a walk of lanes, and no other, stands in a vector loop

// -----


plan.kernel @main of @small rows 9223372036854775807 {
  plan.for vector "row" row step 1 lanes 4 {
    plan.for serial "tree" tree step 1 {
      plan.walk
    }
  }
}
// CHECK: the vector loop 'row' is not the innermost one over rows

// -----


plan.kernel @main of @small rows 9223372036854775807 {
  plan.for serial "row" row step 1 {
    plan.for serial "tree" tree step 1 {
      plan.walk {strategy = "fly", trees = @trees}
    }
  }
}
// CHECK: unknown strategy 'fly'

// -----


plan.kernel @main of @small rows 9223372036854775807 {
  plan.for serial "row" row step 1 {
    plan.for serial "tree" tree step 1 {
      plan.walk {strategy = "scalar"}
    }
  }
}
// CHECK: a walk with a strategy needs trees

// -----


plan.kernel @main of @small rows 9223372036854775807 {
  plan.for serial "row" row step 1 {
    plan.for serial "tree" tree step 1 {
      plan.walk {strategy = "scalar", trees = @trees, interleave = 2 : i64}
    }
  }
}
// CHECK: interleave and interleave_axis go together

// -----


plan.kernel @main of @small rows 9223372036854775807 {
  plan.for serial "row" row step 1 {
    plan.for serial "tree" tree step 1 {
      plan.walk {strategy = "scalar", trees = @trees, interleave = 0 : i64, interleave_axis = "row"}
    }
  }
}
// CHECK: at least one walk goes down at a time

// -----


plan.kernel @main of @small rows 9223372036854775807 {
  plan.for serial "row" row step 1 {
    plan.for serial "tree" tree step 1 {
      plan.walk {strategy = "scalar", trees = @trees, interleave = 2 : i64, interleave_axis = "leaf"}
    }
  }
}
// CHECK: can't interleave along 'leaf'

// -----


plan.kernel @main of @small rows 9223372036854775807 {
  plan.for serial "row" row step 1 {
    plan.for serial "tree" tree step 1 {
      plan.walk {strategy = "scalar", trees = @trees, peel = -1 : i64}
    }
  }
}
// CHECK: the number of peeled steps is at least 0

// -----


plan.kernel @main of @small rows 9223372036854775807 {
  plan.for serial "row" row step 1 {
    plan.for serial "tree" tree step 1 {
      plan.walk {strategy = "scalar", trees = @trees, unroll = "half"}
    }
  }
}
// CHECK: unroll is "full" or absent, not 'half'

// -----

plan.kernel @main of @small rows 9223372036854775807 {
  plan.for serial "block" row step 64 {
    plan.for serial "tree" tree step 1 {
      plan.for serial "row" row step 1 of "block" {
        plan.walk {strategy = "bitslice", trees = @trees, ranks = @ranks, ranks_at = "block", predicates = @bits}
      }
    }
  }
}
// CHECK: a bitslice walk, and no other, says how many rows a word has

// -----

plan.kernel @main of @small rows 9223372036854775807 {
  plan.for serial "block" row step 64 {
    plan.for serial "tree" tree step 1 {
      plan.for serial "row" row step 1 of "block" {
        plan.walk {strategy = "bitslice", trees = @trees, ranks = @ranks, ranks_at = "block", predicates = @bits, word = 48 : i64, lookup = "gather"}
      }
    }
  }
}
// CHECK: a bitslice walk reads bits of predicates, words of (64, 128, 256, 512, 1024) rows

// -----

plan.kernel @main of @small rows 9223372036854775807 {
  plan.for serial "block" row step 64 {
    plan.for serial "tree" tree step 1 {
      plan.for serial "row" row step 1 of "block" {
        plan.walk {strategy = "bitslice", trees = @trees, ranks = @ranks, ranks_at = "block", predicates = @bits, word = 64 : i64, lookup = "guess"}
      }
    }
  }
}
// CHECK: a bitslice walk, and no other, looks leaf values up, by one of ('gather', 'permute', 'bytes')

// -----

plan.kernel @main of @small rows 9223372036854775807 {
  plan.for serial "block" row step 64 {
    plan.for serial "tree" tree step 1 {
      plan.for serial "row" row step 1 of "block" {
        plan.walk {strategy = "bitslice", trees = @trees, ranks = @ranks, ranks_at = "block", predicates = @bits, word = 64 : i64, lookup = "bytes", together = 1 : i64}
      }
    }
  }
}
// CHECK: a bitslice walk, and no other, takes two trees or more together

// -----

plan.kernel @main of @small rows 9223372036854775807 {
  plan.for serial "block" row step 64 {
    plan.for serial "row" row step 1 of "block" {
      plan.for serial "tree" tree step 1 {
        plan.walk {strategy = "bitslice", trees = @trees, ranks = @ranks, ranks_at = "block", predicates = @bits, word = 64 : i64, lookup = "gather"}
      }
    }
  }
}
// CHECK: a bitslice walk has a loop over blocks of rows, then loops over trees, then one over rows

// -----

plan.kernel @main of @small rows 9223372036854775807 {
  plan.for serial "outer" row step 128 {
    plan.for serial "block" row step 64 of "outer" {
      plan.for serial "tree" tree step 1 {
        plan.for serial "row" row step 1 of "block" {
          plan.walk {strategy = "bitslice", trees = @trees, ranks = @ranks, ranks_at = "outer", predicates = @bits, word = 64 : i64, lookup = "gather"}
        }
      }
    }
  }
}
// CHECK: a bitslice walk has its rows ranked in the loop right outside of the trees

// -----

plan.tiled_trees @trees {
  kind = "reorg",
  size = 2 : i64,
  tiles = #forest.blob<"threshold:0:2<f4;asked:8:2|u1;word0:10:|u1;12", [1], "0x000000000000000000000000">,
  lane_fields = {missing_left = #plan.bits<1 at 0 plus 0>, kind = #plan.bits<0 at 1 plus 0>, feature = #plan.bits<1 at 1 plus 0>},
  fields = {shape = #plan.bits<0 at 0 plus 0>, inner = #plan.bits<0 at 0 plus 0>, child = #plan.bits<0 at 0 plus 1>},
  base = #forest.blob<"|u1", [2], "0x0001">,
  lookup = #forest.blob<"|u1", [1, 4], "0x00020001">,
  leaf_base = #forest.blob<"|u1", [1], "0x00">,
  leaf_row = #forest.blob<"|u1", [3], "0x000102">,
  leaf_id = #forest.blob<"|u1", [3], "0x000102">,
  kinds = #forest.blob<"<i8", [1, 3], "0x000000000000000001000000000000000000000000000000">,
  set_offset = #forest.blob<"|u1", [1], "0x00">,
  set_words = #forest.blob<"<u4", [0], "0x">
}
// CHECK: tiles can't lie as 'reorg'

// -----

plan.tiled_trees @trees {
  kind = "sparse",
  size = 17 : i64,
  tiles = #forest.blob<"threshold:0:2<f4;asked:8:2|u1;word0:10:|u1;12", [1], "0x000000000000000000000000">,
  lane_fields = {missing_left = #plan.bits<1 at 0 plus 0>, kind = #plan.bits<0 at 1 plus 0>, feature = #plan.bits<1 at 1 plus 0>},
  fields = {shape = #plan.bits<0 at 0 plus 0>, inner = #plan.bits<0 at 0 plus 0>, child = #plan.bits<0 at 0 plus 1>},
  base = #forest.blob<"|u1", [2], "0x0001">,
  lookup = #forest.blob<"|u1", [1, 4], "0x00020001">,
  leaf_base = #forest.blob<"|u1", [1], "0x00">,
  leaf_row = #forest.blob<"|u1", [3], "0x000102">,
  leaf_id = #forest.blob<"|u1", [3], "0x000102">,
  kinds = #forest.blob<"<i8", [1, 3], "0x000000000000000001000000000000000000000000000000">,
  set_offset = #forest.blob<"|u1", [1], "0x00">,
  set_words = #forest.blob<"<u4", [0], "0x">
}
// CHECK: a tile has 1 to 16 nodes

// -----

plan.tiled_trees @trees {
  kind = "sparse",
  size = 2 : i64,
  tiles = #forest.blob<"threshold:0:2<f4;asked:8:2|u1;word0:10:|u1;12", [1], "0x000000000000000000000000">,
  lane_fields = {missing_left = #plan.bits<1 at 0 plus 0>, kind = #plan.bits<0 at 1 plus 0>, feature = #plan.bits<1 at 1 plus 0>},
  fields = {shape = #plan.bits<0 at 0 plus 0>, inner = #plan.bits<0 at 0 plus 0>, child = #plan.bits<0 at 0 plus 1>},
  base = #forest.blob<"|u1", [2], "0x0002">,
  lookup = #forest.blob<"|u1", [1, 4], "0x00020001">,
  leaf_base = #forest.blob<"|u1", [1], "0x00">,
  leaf_row = #forest.blob<"|u1", [3], "0x000102">,
  leaf_id = #forest.blob<"|u1", [3], "0x000102">,
  kinds = #forest.blob<"<i8", [1, 3], "0x000000000000000001000000000000000000000000000000">,
  set_offset = #forest.blob<"|u1", [1], "0x00">,
  set_words = #forest.blob<"<u4", [0], "0x">
}
// CHECK: base does not cover 0 to 1 without a gap

// -----

plan.tiled_trees @trees {
  kind = "sparse",
  size = 3 : i64,
  tiles = #forest.blob<"threshold:0:2<f4;asked:8:2|u1;word0:10:|u1;12", [1], "0x000000000000000000000000">,
  lane_fields = {missing_left = #plan.bits<1 at 0 plus 0>, kind = #plan.bits<0 at 1 plus 0>, feature = #plan.bits<1 at 1 plus 0>},
  fields = {shape = #plan.bits<0 at 0 plus 0>, inner = #plan.bits<0 at 0 plus 0>, child = #plan.bits<0 at 0 plus 1>},
  base = #forest.blob<"|u1", [2], "0x0001">,
  lookup = #forest.blob<"|u1", [1, 4], "0x00020001">,
  leaf_base = #forest.blob<"|u1", [1], "0x00">,
  leaf_row = #forest.blob<"|u1", [3], "0x000102">,
  leaf_id = #forest.blob<"|u1", [3], "0x000102">,
  kinds = #forest.blob<"<i8", [1, 3], "0x000000000000000001000000000000000000000000000000">,
  set_offset = #forest.blob<"|u1", [1], "0x00">,
  set_words = #forest.blob<"<u4", [0], "0x">
}
// CHECK: a tile of this size has 4 lanes

// -----

plan.tiled_trees @trees {
  kind = "sparse",
  size = 2 : i64,
  tiles = #forest.blob<"threshold:0:2<f4;asked:8:2|u1;12", [1], "0x000000000000000000000000">,
  lane_fields = {missing_left = #plan.bits<1 at 0 plus 0>, kind = #plan.bits<0 at 1 plus 0>, feature = #plan.bits<1 at 1 plus 0>},
  fields = {shape = #plan.bits<0 at 0 plus 0>, inner = #plan.bits<0 at 0 plus 0>, child = #plan.bits<0 at 0 plus 1>},
  base = #forest.blob<"|u1", [2], "0x0001">,
  lookup = #forest.blob<"|u1", [1, 4], "0x00020001">,
  leaf_base = #forest.blob<"|u1", [1], "0x00">,
  leaf_row = #forest.blob<"|u1", [3], "0x000102">,
  leaf_id = #forest.blob<"|u1", [3], "0x000102">,
  kinds = #forest.blob<"<i8", [1, 3], "0x000000000000000001000000000000000000000000000000">,
  set_offset = #forest.blob<"|u1", [1], "0x00">,
  set_words = #forest.blob<"<u4", [0], "0x">
}
// CHECK: a tile's record has threshold, asked and word0

// -----

plan.tiled_trees @trees {
  kind = "array",
  size = 2 : i64,
  tiles = #forest.blob<"threshold:0:2<f4;asked:8:2|u1;word0:10:|u1;12", [1], "0x000000000000000000000000">,
  lane_fields = {missing_left = #plan.bits<1 at 0 plus 0>, kind = #plan.bits<0 at 1 plus 0>, feature = #plan.bits<1 at 1 plus 0>},
  fields = {shape = #plan.bits<0 at 0 plus 0>, inner = #plan.bits<0 at 0 plus 0>, child = #plan.bits<0 at 0 plus 1>},
  base = #forest.blob<"|u1", [2], "0x0001">,
  lookup = #forest.blob<"|u1", [1, 4], "0x00020001">,
  leaf_base = #forest.blob<"|u1", [1], "0x00">,
  leaf_row = #forest.blob<"|u1", [3], "0x000102">,
  leaf_id = #forest.blob<"|u1", [3], "0x000102">,
  kinds = #forest.blob<"<i8", [1, 3], "0x000000000000000001000000000000000000000000000000">,
  set_offset = #forest.blob<"|u1", [1], "0x00">,
  set_words = #forest.blob<"<u4", [0], "0x">
}
// CHECK: word0: expected the fields inner, shape, got shape, inner, child

// -----

plan.tiled_trees @trees {
  kind = "sparse",
  size = 2 : i64,
  tiles = #forest.blob<"threshold:0:2<f4;asked:8:2|u1;word0:10:|u1;12", [1], "0x000000000000000000000000">,
  lane_fields = {missing_left = #plan.bits<1 at 0 plus 0>, kind = #plan.bits<0 at 1 plus 0>, feature = #plan.bits<8 at 1 plus 0>},
  fields = {shape = #plan.bits<0 at 0 plus 0>, inner = #plan.bits<0 at 0 plus 0>, child = #plan.bits<0 at 0 plus 1>},
  base = #forest.blob<"|u1", [2], "0x0001">,
  lookup = #forest.blob<"|u1", [1, 4], "0x00020001">,
  leaf_base = #forest.blob<"|u1", [1], "0x00">,
  leaf_row = #forest.blob<"|u1", [3], "0x000102">,
  leaf_id = #forest.blob<"|u1", [3], "0x000102">,
  kinds = #forest.blob<"<i8", [1, 3], "0x000000000000000001000000000000000000000000000000">,
  set_offset = #forest.blob<"|u1", [1], "0x00">,
  set_words = #forest.blob<"<u4", [0], "0x">
}
// CHECK: asked: field feature does not fit its 8 bits

// -----

plan.tiled_trees @trees {
  kind = "sparse",
  size = 2 : i64,
  tiles = #forest.blob<"threshold:0:2<f4;asked:8:2|u1;word0:10:|u1;12", [1], "0x000000000000000000000000">,
  lane_fields = {missing_left = #plan.bits<1 at 0 plus 0>, kind = #plan.bits<0 at 1 plus 0>, feature = #plan.bits<1 at 1 plus 0>},
  fields = {shape = #plan.bits<0 at 0 plus 0>, inner = #plan.bits<0 at 0 plus 0>, child = #plan.bits<0 at 0 plus 1>},
  base = #forest.blob<"|u1", [2], "0x0001">,
  lookup = #forest.blob<"|u1", [1, 3], "0x000200">,
  leaf_base = #forest.blob<"|u1", [1], "0x00">,
  leaf_row = #forest.blob<"|u1", [3], "0x000102">,
  leaf_id = #forest.blob<"|u1", [3], "0x000102">,
  kinds = #forest.blob<"<i8", [1, 3], "0x000000000000000001000000000000000000000000000000">,
  set_offset = #forest.blob<"|u1", [1], "0x00">,
  set_words = #forest.blob<"<u4", [0], "0x">
}
// CHECK: lookup has an exit for each of 4 masks

// -----

plan.tiled_trees @trees {
  kind = "sparse",
  size = 2 : i64,
  tiles = #forest.blob<"threshold:0:2<f4;asked:8:2|u1;word0:10:|u1;12", [1], "0x000000000000000000000000">,
  lane_fields = {missing_left = #plan.bits<1 at 0 plus 0>, kind = #plan.bits<0 at 1 plus 0>, feature = #plan.bits<1 at 1 plus 0>},
  fields = {shape = #plan.bits<0 at 0 plus 0>, inner = #plan.bits<0 at 0 plus 0>, child = #plan.bits<0 at 0 plus 1>},
  base = #forest.blob<"|u1", [2], "0x0001">,
  lookup = #forest.blob<"|u1", [1, 4], "0x00020003">,
  leaf_base = #forest.blob<"|u1", [1], "0x00">,
  leaf_row = #forest.blob<"|u1", [3], "0x000102">,
  leaf_id = #forest.blob<"|u1", [3], "0x000102">,
  kinds = #forest.blob<"<i8", [1, 3], "0x000000000000000001000000000000000000000000000000">,
  set_offset = #forest.blob<"|u1", [1], "0x00">,
  set_words = #forest.blob<"<u4", [0], "0x">
}
// CHECK: a tile of 2 nodes has 3 exits

// -----

plan.tiled_trees @trees {
  kind = "sparse",
  size = 2 : i64,
  tiles = #forest.blob<"threshold:0:2<f4;asked:8:2|u1;word0:10:|u1;12", [1], "0x000000000000000000000000">,
  lane_fields = {missing_left = #plan.bits<1 at 0 plus 0>, kind = #plan.bits<0 at 1 plus 0>, feature = #plan.bits<1 at 1 plus 0>},
  fields = {shape = #plan.bits<0 at 0 plus 0>, inner = #plan.bits<0 at 0 plus 0>, child = #plan.bits<0 at 0 plus 1>},
  base = #forest.blob<"|u1", [2], "0x0001">,
  leaf_base = #forest.blob<"|u1", [1], "0x00">,
  leaf_row = #forest.blob<"|u1", [3], "0x000102">,
  leaf_id = #forest.blob<"|u1", [3], "0x000102">,
  kinds = #forest.blob<"<i8", [1, 3], "0x000000000000000001000000000000000000000000000000">,
  set_offset = #forest.blob<"|u1", [1], "0x00">,
  set_words = #forest.blob<"<u4", [0], "0x">
}
// CHECK: tiles of several nodes have one table of exits, and single nodes have none

// -----

plan.tiled_trees @trees {
  kind = "sparse",
  size = 2 : i64,
  tiles = #forest.blob<"threshold:0:2<f4;asked:8:2|u1;word0:10:|u1;12", [1], "0x000000000000000000000000">,
  lane_fields = {missing_left = #plan.bits<1 at 0 plus 0>, kind = #plan.bits<0 at 1 plus 0>, feature = #plan.bits<1 at 1 plus 0>},
  fields = {shape = #plan.bits<0 at 0 plus 0>, inner = #plan.bits<0 at 0 plus 0>, child = #plan.bits<0 at 0 plus 1>},
  base = #forest.blob<"|u1", [2], "0x0001">,
  ways = #forest.blob<"care:0:2|u1;want:2:4|u1;6", [1], "0x000000000000">,
  leaf_base = #forest.blob<"|u1", [1], "0x00">,
  leaf_row = #forest.blob<"|u1", [3], "0x000102">,
  leaf_id = #forest.blob<"|u1", [3], "0x000102">,
  kinds = #forest.blob<"<i8", [1, 3], "0x000000000000000001000000000000000000000000000000">,
  set_offset = #forest.blob<"|u1", [1], "0x00">,
  set_words = #forest.blob<"<u4", [0], "0x">
}
// CHECK: ways are records of care and want, 2 masks each

// -----

plan.kernel @main of @small rows 1 {
  plan.for block x "row" row step 1 {
    plan.for serial "tree" tree step 1 {
      plan.walk
    }
  }
}
// CHECK: threads share the loop 'row', which has no bound

// -----

plan.kernel @main of @small rows 1 {
  plan.for serial "tree" tree step 1 {
    plan.for grid x "row" row step 1 {
      plan.walk
    }
  }
}
// CHECK: the bound loop 'row' is over trees, or inside of a loop over trees

// -----

plan.kernel @main of @small rows 1 {
  plan.for grid x "block" row step 4 {
    plan.for grid x "row" row step 1 of "block" {
      plan.for serial "tree" tree step 1 {
        plan.walk
      }
    }
  }
}
// CHECK: loops 'block' and 'row' are both bound to grid.x

// -----

plan.kernel @main of @small rows 1 {
  plan.for serial "block" row step 4 {
    plan.for grid x "row" row step 1 of "block" {
      plan.for serial "tree" tree step 1 {
        plan.walk
      }
    }
  }
}
// CHECK: the grid loop 'row' is inside of a serial one

// -----

plan.gpu_target arch "sm_90" input "f16"
// CHECK: rows can't be of 'f16'

// -----

plan.kernel @main of @small rows 1 {
  plan.for serial "row" row step 1 {
    plan.for serial "tree" tree step 1 {
      plan.walk {rows_in = "shared"}
    }
  }
}
// CHECK: rows_in is "shared" or absent, and says where rows that are copied lie

// -----

plan.reorg_trees @trees {
  depth = 32 : i64,
  asked = #forest.blob<"word0:0:|u1;1", [1], "0x00">,
  fields = {missing_left = #plan.bits<1 at 0 plus 0>, kind = #plan.bits<0 at 1 plus 0>, feature = #plan.bits<1 at 1 plus 0>},
  threshold = #forest.blob<"<f4", [1], "0x00000000">,
  kinds = #forest.blob<"<i8", [1, 3], "0x000000000000000001000000000000000000000000000000">,
  leaf_row = #forest.blob<"|u1", [2], "0x0001">,
  leaf_id = #forest.blob<"|u1", [2], "0x0001">,
  set_offset = #forest.blob<"|u1", [1], "0x00">,
  set_words = #forest.blob<"<u4", [0], "0x">
}
// CHECK: complete trees have less than 32 levels

// -----

plan.reorg_trees @trees {
  depth = 1 : i64,
  asked = #forest.blob<"word0:0:|u1;1", [1], "0x00">,
  fields = {missing_left = #plan.bits<1 at 0 plus 0>, kind = #plan.bits<0 at 1 plus 0>, feature = #plan.bits<1 at 1 plus 0>},
  threshold = #forest.blob<"<f4", [1], "0x00000000">,
  kinds = #forest.blob<"<i8", [1, 3], "0x000000000000000001000000000000000000000000000000">,
  leaf_row = #forest.blob<"|u1", [3], "0x000100">,
  leaf_id = #forest.blob<"|u1", [2], "0x0001">,
  set_offset = #forest.blob<"|u1", [1], "0x00">,
  set_words = #forest.blob<"<u4", [0], "0x">
}
// CHECK: leaf_row has 3 entries, not 2

// -----

plan.reorg_trees @trees {
  depth = 1 : i64,
  asked = #forest.blob<"word0:0:|u1;1", [1], "0x00">,
  fields = {missing_left = #plan.bits<1 at 0 plus 0>, kind = #plan.bits<0 at 1 plus 0>, feature = #plan.bits<1 at 1 plus 0>},
  threshold = #forest.blob<"<f4", [1], "0x00000000">,
  kinds = #forest.blob<"<i8", [1, 3], "0x000000000000000001000000000000000000000000000000">,
  leaf_row = #forest.blob<"|u1", [2], "0x0001">,
  leaf_id = #forest.blob<"|u1", [1], "0x00">,
  set_offset = #forest.blob<"|u1", [1], "0x00">,
  set_words = #forest.blob<"<u4", [0], "0x">
}
// CHECK: leaf_id has 1 entries, not 2

// -----

plan.reorg_trees @trees {
  depth = 1 : i64,
  asked = #forest.blob<"word0:0:|u1;1", [2], "0x0000">,
  fields = {missing_left = #plan.bits<1 at 0 plus 0>, kind = #plan.bits<0 at 1 plus 0>, feature = #plan.bits<1 at 1 plus 0>},
  threshold = #forest.blob<"<f4", [1], "0x00000000">,
  kinds = #forest.blob<"<i8", [1, 3], "0x000000000000000001000000000000000000000000000000">,
  leaf_row = #forest.blob<"|u1", [2], "0x0001">,
  leaf_id = #forest.blob<"|u1", [2], "0x0001">,
  set_offset = #forest.blob<"|u1", [1], "0x00">,
  set_words = #forest.blob<"<u4", [0], "0x">
}
// CHECK: 1 complete trees of depth 1 have 1 nodes

// -----

plan.reorg_trees @trees {
  depth = 1 : i64,
  asked = #forest.blob<"word0:0:|u1;1", [1], "0x00">,
  fields = {threshold = #plan.bits<1 at 0 plus 0>, kind = #plan.bits<0 at 1 plus 0>, feature = #plan.bits<1 at 1 plus 0>},
  threshold = #forest.blob<"<f4", [1], "0x00000000">,
  kinds = #forest.blob<"<i8", [1, 3], "0x000000000000000001000000000000000000000000000000">,
  leaf_row = #forest.blob<"|u1", [2], "0x0001">,
  leaf_id = #forest.blob<"|u1", [2], "0x0001">,
  set_offset = #forest.blob<"|u1", [1], "0x00">,
  set_words = #forest.blob<"<u4", [0], "0x">
}
// CHECK: asked: expected the fields feature, kind, missing_left, got feature, kind, threshold

// -----

plan.reorg_trees @trees {
  depth = 1 : i64,
  asked = #forest.blob<"word0:0:|u1;1", [1], "0x00">,
  fields = {missing_left = #plan.bits<1 at 0 plus 0>, kind = #plan.bits<0 at 1 plus 0>, feature = #plan.bits<1 at 1 plus 0>},
  kinds = #forest.blob<"<i8", [1, 3], "0x000000000000000001000000000000000000000000000000">,
  leaf_row = #forest.blob<"|u1", [2], "0x0001">,
  leaf_id = #forest.blob<"|u1", [2], "0x0001">,
  set_offset = #forest.blob<"|u1", [1], "0x00">,
  set_words = #forest.blob<"<u4", [0], "0x">
}
// CHECK: thresholds have a table unless they are ranks

// -----

plan.reorg_trees @trees {
  depth = 1 : i64,
  asked = #forest.blob<"word0:0:|u1;1", [1], "0x00">,
  fields = {missing_left = #plan.bits<1 at 0 plus 0>, kind = #plan.bits<0 at 1 plus 0>, feature = #plan.bits<1 at 1 plus 0>},
  threshold = #forest.blob<"<f4", [2], "0x0000000000000000">,
  kinds = #forest.blob<"<i8", [1, 3], "0x000000000000000001000000000000000000000000000000">,
  leaf_row = #forest.blob<"|u1", [2], "0x0001">,
  leaf_id = #forest.blob<"|u1", [2], "0x0001">,
  set_offset = #forest.blob<"|u1", [1], "0x00">,
  set_words = #forest.blob<"<u4", [0], "0x">
}
// CHECK: threshold has 2 entries, not 1

// -----

plan.reorg_trees @trees {
  depth = 1 : i64,
  asked = #forest.blob<"word0:0:|u1;1", [1], "0x00">,
  fields = {missing_left = #plan.bits<1 at 0 plus 0>, kind = #plan.bits<0 at 1 plus 0>, feature = #plan.bits<1 at 1 plus 0>},
  threshold = #forest.blob<"<f4", [1], "0x00000000">,
  kinds = #forest.blob<"<i8", [1, 2], "0x00000000000000000100000000000000">,
  leaf_row = #forest.blob<"|u1", [2], "0x0001">,
  leaf_id = #forest.blob<"|u1", [2], "0x0001">,
  set_offset = #forest.blob<"|u1", [1], "0x00">,
  set_words = #forest.blob<"<u4", [0], "0x">
}
// CHECK: kinds has three columns

// -----

plan.reorg_trees @trees {
  depth = 1 : i64,
  asked = #forest.blob<"word0:0:|u1;1", [1], "0x00">,
  fields = {missing_left = #plan.bits<1 at 0 plus 0>, kind = #plan.bits<0 at 1 plus 0>, feature = #plan.bits<1 at 1 plus 0>},
  threshold = #forest.blob<"<f4", [1], "0x00000000">,
  kinds = #forest.blob<"<i8", [1, 3], "0x000000000000000001000000000000000000000000000000">,
  leaf_row = #forest.blob<"|u1", [2], "0x0001">,
  leaf_id = #forest.blob<"|u1", [2], "0x0001">,
  column = #forest.blob<"|u1", [2], "0x0000">,
  set_offset = #forest.blob<"|u1", [1], "0x00">,
  set_words = #forest.blob<"<u4", [0], "0x">
}
// CHECK: column has 2 entries, not 1

// -----

plan.reorg_trees @trees {
  depth = 1 : i64,
  asked = #forest.blob<"word0:0:|u1;1", [1], "0x00">,
  fields = {missing_left = #plan.bits<1 at 0 plus 0>, kind = #plan.bits<0 at 1 plus 0>, feature = #plan.bits<1 at 1 plus 0>},
  threshold = #forest.blob<"<f4", [1], "0x00000000">,
  kinds = #forest.blob<"<i8", [1, 3], "0x000000000000000001000000000000000000000000000000">,
  leaf_row = #forest.blob<"|u1", [2], "0x0001">,
  leaf_id = #forest.blob<"|u1", [2], "0x0001">,
  set_offset = #forest.blob<"|u1", [1], "0x01">,
  set_words = #forest.blob<"<u4", [0], "0x">
}
// CHECK: set_offset does not cover 0 to 0 without a gap

// -----

plan.reorg_trees @trees {
  depth = 1 : i64,
  asked = #forest.blob<"word0:0:|u1;1", [1], "0x00">,
  fields = {threshold = #plan.bits<1 at 0 plus 0>, kind = #plan.bits<0 at 1 plus 0>, feature = #plan.bits<1 at 1 plus 0>},
  kinds = #forest.blob<"<i8", [1, 3], "0x000000000000000001000000000000000000000000000000">,
  leaf_row = #forest.blob<"|u1", [2], "0x0001">,
  leaf_id = #forest.blob<"|u1", [2], "0x0001">,
  set_offset = #forest.blob<"|u1", [1], "0x00">,
  set_words = #forest.blob<"<u4", [0], "0x">,
  ranks = @ranks
}
// CHECK: there are no ranks @ranks

// -----

forest.model @wide {
^bb0(%0: !forest.rows):
  %1 = forest.inputs %0 {n_features = 2 : i64, dtype = f64, missing_value = 0x7ff8000000000000 : f64, column = #forest.blob<"<i4", [2], "0x0000000001000000"> }
  %2 = forest.predicates %1 {input = #forest.blob<"<i4", [3], "0x010000000000000001000000">, test = #forest.blob<"|u1", [3], "0x010000">, threshold = #forest.blob<"<f8", [3], "0x9a9999999999b93f0000000000000080000000000000e03f">, missing = #forest.blob<"|u1", [3], "0x010101">, missing_left = #forest.blob<"|b1", [3], "0x010001">, category_set = #forest.blob<"<i4", [3], "0xffffffffffffffffffffffff">, invalid_left = #forest.blob<"|b1", [3], "0x000000">, set_offset = #forest.blob<"<i8", [1], "0x0000000000000000">, set_words = #forest.blob<"<u4", [0], "0x">, category_cast = 0 : i64 }
  %3 = forest.trees %2 {node_offset = #forest.blob<"<i8", [3], "0x000000000000000002000000000000000300000000000000">, leaf_offset = #forest.blob<"<i8", [3], "0x000000000000000003000000000000000500000000000000">, predicate = #forest.blob<"<i4", [3], "0x000000000100000002000000">, left = #forest.blob<"<i4", [3], "0x01000000ffffffffffffffff">, right = #forest.blob<"<i4", [3], "0xfdfffffffefffffffeffffff">, leaf_row = #forest.blob<"<i4", [5], "0x0000000001000000020000000300000004000000">, leaf_id = #forest.blob<"<i4", [5], "0x0200000003000000040000000100000002000000">, column = #forest.blob<"<i4", [2], "0x0000000000000000">, iteration_offset = #forest.blob<"<i4", [3], "0x000000000100000002000000"> }
  %4 = forest.sum %3 {values = #forest.blob<"<f4", [5, 1], "0x0000803f000000400000803f0000000000000080">, dtype = f32, base = #forest.blob<"<f4", [1], "0x0000003f">, base_first = true, final = "none", operand = 1.000000e+00 : f64, bias = 0.000000e+00 : f64 }
  %5 = forest.link %4 {link = "identity", scale = 1.000000e+00 : f64, average = 1.000000e+00 : f64 }
  forest.output raw %4 response %5 leaves %3
}
plan.target level "x86-64-v3" input "any"
plan.reorg_trees @trees {
  depth = 1 : i64,
  asked = #forest.blob<"word0:0:|u1;1", [2], "0x0000">,
  fields = {missing_left = #plan.bits<1 at 0 plus 0>, kind = #plan.bits<0 at 1 plus 0>, feature = #plan.bits<1 at 1 plus 0>},
  threshold = #forest.blob<"<f4", [2], "0x0000000000000000">,
  kinds = #forest.blob<"<i8", [1, 3], "0x000000000000000001000000000000000000000000000000">,
  leaf_row = #forest.blob<"|u1", [4], "0x00010000">,
  leaf_id = #forest.blob<"|u1", [4], "0x00010000">,
  set_offset = #forest.blob<"|u1", [1], "0x00">,
  set_words = #forest.blob<"<u4", [0], "0x">
}
plan.kernel @main of @wide rows 1 {
  plan.for serial "row" row step 1 {
    plan.for serial "tree" tree step 1 {
      plan.walk {trees = @trees, strategy = "scalar"}
    }
  }
}
// CHECK: thresholds in f32 of a model of f64 are for f32 rows

plan.kernel @main of @small rows 9223372036854775807 {
  plan.for serial "row" row step 1 reduce "vector" {
    plan.for serial "tree" tree step 1 {
      plan.walk
    }
  }
}
// CHECK: only a loop over all trees is reduced

// -----


plan.kernel @main of @small rows 9223372036854775807 {
  plan.for serial "group" tree step 4 {
    plan.for serial "tree" tree step 1 of "group" reduce "vector" {
      plan.for serial "row" row step 1 {
        plan.walk
      }
    }
  }
}
// CHECK: only a loop over all trees is reduced

// -----


plan.kernel @main of @small rows 9223372036854775807 {
  plan.for serial "group" tree step 4 reduce "atomic" {
    plan.for serial "tree" tree step 1 of "group" {
      plan.for serial "row" row step 1 {
        plan.walk
      }
    }
  }
}
// CHECK: partial sums can't be added up 'atomic'

// -----


plan.kernel @main of @small rows 9223372036854775807 {
  plan.for serial "row" row step 1 {
    plan.for serial "tree" tree step 1 reduce "staged" {
      plan.walk
    }
  }
}
// CHECK: the reduced loop 'tree' has no loop over the trees of one step

// -----

plan.kernel @main of @small rows 1 {
  plan.for serial "row" row step 1 {
    plan.for serial "tree" tree step 1 {
      plan.walk {prefetch_at = "row"}
    }
  }
}
// CHECK: prefetch_at and prefetch_ahead go together

// -----

plan.kernel @main of @small rows 1 {
  plan.for serial "row" row step 1 {
    plan.for serial "tree" tree step 1 {
      plan.walk {prefetch_at = "row", prefetch_ahead = 0 : i64}
    }
  }
}
// CHECK: rows are asked for at least one step ahead

// -----

plan.kernel @main of @small rows 1 {
  plan.for serial "tree" tree step 1 {
    plan.for serial "row" row step 1 {
      plan.walk {prefetch_at = "row", prefetch_ahead = 1 : i64}
    }
  }
}
// CHECK: rows are prefetched at 'row', which is no row loop outside of all tree loops
