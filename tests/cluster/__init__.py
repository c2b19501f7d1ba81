"""A real Kubernetes cluster for the tests, the demo and developers: ``python -m cluster up``.

README.md beside this file says how to use it; ``cluster.api`` is what tests import.
"""
