"""A place to try the operator out: `make playground`, for docs/tutorial.md."""
