"""The one error of the cluster tool."""


class ClusterError(Exception):
    """Something the cluster needs is missing or did not work; the message says what to do about it."""
