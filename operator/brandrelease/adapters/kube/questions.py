"""What a request to the Kubernetes API asks for, in the words in which rights are given."""

from typing import Final

from brandrelease.core.kubernetes_trouble import Question

UNKNOWN: Final = Question("get", "objects", "", "")

_VERBS: Final = {"post": "create", "put": "update"}
"""Of methods that are not called as their verbs."""


def question(method: str, path: str) -> Question:
    """From a path of the API: /api/v1/... of the core group, /apis/GROUP/VERSION/... of the others."""
    prefix, *parts = path.strip("/").split("/")
    if not parts:  # /version
        return Question("get", prefix, "", "")
    group = "" if prefix == "api" else parts.pop(0)
    parts = parts[1:]  # the version
    namespace = ""
    if len(parts) > 2 and parts[0] == "namespaces":  # noqa: PLR2004 - namespaces, its name, what is in it
        _, namespace, *parts = parts
    resource, name, subresource = (*parts, "", "")[:3]
    verb = _VERBS.get(method, method)
    verb = "list" if verb == "get" and not name else verb
    return Question(verb, f"{resource}/{subresource}" if subresource else resource, group, namespace)
