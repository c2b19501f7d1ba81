"""Logs that people may read: without what is in Secrets, and without what looks like a secret."""
