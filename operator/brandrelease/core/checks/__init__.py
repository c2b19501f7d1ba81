"""Signals besides the pods: what a look means, what the state before a release was, and what a bad check leads to."""
