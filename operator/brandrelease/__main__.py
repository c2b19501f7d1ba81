"""`python -m brandrelease`."""

from brandrelease.cli import main

main()
