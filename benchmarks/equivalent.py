"""Mutants of `mutation_score` that no test can tell from the original, by name, and why."""

EQUIVALENT: dict[str, str] = {}
