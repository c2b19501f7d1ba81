"""Brands judged: what is seen of one, and whether releases of it can work."""
