"""Parsers of what strangers write, each as a function of bytes that raises only where something is wrong."""

import contextlib
import json
from collections.abc import Callable

from brandrelease.adapters.builders.codebuild_answers import name_in, view_of
from brandrelease.adapters.checks import elasticsearch, prometheus
from brandrelease.adapters.checks.asking import Answer, Server, Unanswered
from brandrelease.adapters.checks.login import Login
from brandrelease.adapters.git.addresses import address_problem, origin
from brandrelease.adapters.git.commits import UnreadableLog, read_log
from brandrelease.adapters.git.errors import recognise, unrecognised
from brandrelease.adapters.git.lineage import read_graph, read_reverts
from brandrelease.adapters.git.refs import answer, list_patterns, ref_problem
from brandrelease.adapters.kube.pod_events import pod_warnings
from brandrelease.adapters.kube.views import deployment_view, pod_view
from brandrelease.adapters.notify.sender import retry_after
from brandrelease.apis.brandrelease import BrandRelease
from brandrelease.core.builds.images import is_reference, split_reference
from brandrelease.core.scrubbing.scrub import SIZE, last_lines, scrub
from brandrelease.core.secret_hosts import not_for
from support.hostile import must_be_one_line, must_be_plain


def text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def git_errors(data: bytes) -> None:
    found = recognise("u", text(data), with_login=False) or unrecognised("u", 1, text(data))
    must_be_one_line(found.message)


def git_output(data: bytes) -> None:
    for read in (read_log, read_graph, read_reverts):
        with contextlib.suppress(UnreadableLog):
            read(data)
    answer("u", "master", data)


def refs(data: bytes) -> None:
    ref = text(data)
    if ref_problem(ref) is None:
        assert not any(each.startswith("-") for each in list_patterns((ref,)))
    if address_problem(ref, allow_insecure=False) is None:
        assert origin(ref)
    split_reference(ref)
    is_reference(ref)
    not_for({"host": data[:20]}, ref)
    retry_after({"Retry-After": ref})


def logs(data: bytes) -> None:
    secret, _, log = text(data).partition("\0")
    kept = last_lines(scrub(log, [secret]))
    must_be_plain(kept)
    assert len(kept.encode(errors="replace")) <= SIZE


def checks(data: bytes) -> None:
    with contextlib.suppress(ValueError, RecursionError):
        content = json.loads(data)
        server = Server(None, "Prometheus", "https://p", Login(), prometheus.TOKEN, "")  # type: ignore[arg-type]
        with contextlib.suppress(Unanswered):
            prometheus._number(prometheus._value(content, server, "up"), "up")
        elasticsearch._words(content.get("error") if isinstance(content, dict) else content)
        prometheus._words(Answer(400, content))


def objects(data: bytes) -> None:
    """Of other shapes than the API server has: a pass that meets one fails by one of these, and is repeated."""
    with contextlib.suppress(ValueError, RecursionError, KeyError, TypeError, AttributeError, IndexError):
        body = json.loads(data)
        for read in (deployment_view, pod_view, BrandRelease.from_object, view_of, name_in):
            with contextlib.suppress(ValueError, KeyError, TypeError, AttributeError, IndexError):
                read(body)
        pod_warnings(body, ["a"])


TARGETS: dict[str, Callable[[bytes], object]] = {
    "git-errors": git_errors,
    "git-output": git_output,
    "refs": refs,
    "logs": logs,
    "checks": checks,
    "objects": objects,
}
