"""Benchmarks: each figure as a ratio to hand-written SQL in the same run."""
