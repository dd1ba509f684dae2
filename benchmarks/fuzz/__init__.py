"""A fuzzer for everything that reads a stranger's file: ``python -m benchmarks.fuzz TARGET --executions N``."""
