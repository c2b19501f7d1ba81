"""Kinds of requests, told from a journal: which verb, on what, and whether on one object or on many."""

from support.fault_proxy import Request


def kind_of(request: Request) -> str:
    """For example `PUT brandreleases/status`, `GET pods in a list`, `POST jobs (dry run)`."""
    parts = request.path.strip("/").split("/")
    parts = parts[2:] if parts[0] == "api" else parts[3:]
    if parts[:1] == ["namespaces"] and len(parts) > 2:
        parts = parts[2:]
    resource, name, subresource = [*parts, "", "", ""][:3]
    if request.is_watch:
        return f"WATCH {resource}"
    what = f"{resource}/{subresource}" if subresource else resource
    many = " in a list" if request.method == "GET" and not name else ""
    paged = ", page by page" if "limit" in request.query else ""
    dry = " (dry run)" if "dryRun" in request.query else ""
    return f"{request.method} {what}{many}{paged}{dry}"
