// RUN: not tree-opt %s -p nosuch 2>&1 | filecheck %s --check-prefix PASS
// RUN: not tree-opt %s -p 'layout{kind' 2>&1 | filecheck %s --check-prefix SYNTAX
// RUN: not tree-opt %s.nosuch 2>&1 | filecheck %s --check-prefix FILE
// RUN: not tree-opt %s -p layout{kind=packed} 2>&1 | filecheck %s --check-prefix MODEL

// PASS: tree-opt: error: -p: the pipeline can't be read: Unrecognized passes: ['nosuch']
// PASS-NEXT: fix:
// SYNTAX: tree-opt: error: -p: the pipeline can't be read
// FILE: nosuch: cannot read: No such file or directory
// MODEL: tree-opt: error: expected one forest.model in the module, found 0
builtin.module {
}
