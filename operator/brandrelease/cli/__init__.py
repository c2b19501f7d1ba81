"""The command line: `brandrelease`, `python -m brandrelease`, and `kubectl brandrelease`.

`run` is the operator itself. All other commands are for people and scripts: they read and write BrandReleases with the
rights of whoever calls them, and do nothing that `kubectl annotate` could not do.
"""

from brandrelease.cli.main import main

__all__ = ["main"]
