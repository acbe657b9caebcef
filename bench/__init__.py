"""Benchmarks. Not packaged: run from the repository's root."""
