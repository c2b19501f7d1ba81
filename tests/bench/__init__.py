"""Measures: what the operator costs, each beside a peer from the same run. Nothing here is a test, and nothing fails by being slow."""
