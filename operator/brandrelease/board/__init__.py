"""The board: pages that show how all BrandReleases stand, live. Read-only; nothing here asks the Kubernetes API."""
