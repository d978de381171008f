"""Benchmarks: the product beside hand-written SQL, in one run on one server; never timed tests."""
