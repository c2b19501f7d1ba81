"""`python -m support.permissions_audit --name e2e`: what the operators of all stories did, beside what they may do.

Read from the audit log of a cluster on which the whole end-to-end suite has run. Fails for a right that no story used, a
request that was denied, and a request that anything but the operator's roles has allowed.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from brandrelease.adapters.kube.permissions import GRANTS, Grant, Where
from brandrelease.adapters.system_clock import SystemClock
from cluster import api, audit
from cluster.places import run_directory

ALLOWED_BY: Final = re.compile(r'of (Role|ClusterRole) "([^"]+)" to ServiceAccount')
OPERATOR: Final = re.compile(r"system:serviceaccount:(.+)-system:brandrelease$")
DENIALS: Final = "denials"
REMOVALS: Final = "removals"
Removal = tuple[str, datetime, datetime]


@dataclass(frozen=True, order=True)
class Right:
    """One verb on one resource, by one role."""

    role: str
    resource: str
    verb: str

    def __str__(self) -> str:
        return f"{self.role}: {self.verb} {self.resource}"


@dataclass
class Use:
    """How often a right was used, and by the operator of which story first."""

    story: str
    count: int = 0


@dataclass
class Findings:
    """What came of it."""

    used: dict[Right, Use] = field(default_factory=dict)
    denied: dict[str, Use] = field(default_factory=dict)


def expect_denial(cluster_directory: Path, own_namespace: str, verb: str, resource: str) -> None:
    """A story says that its operator is denied this on purpose."""
    marks = cluster_directory / DENIALS / own_namespace.removesuffix("-system")
    marks.parent.mkdir(parents=True, exist_ok=True)
    with marks.open("a") as sink:
        sink.write(f"{verb} {resource}\n")


@contextmanager
def rights_are_taken(cluster_directory: Path, own_namespace: str) -> Iterator[None]:
    """While the block runs, the rights of this operator go before its pods do, as whoever uninstalls it has it."""
    clock = SystemClock()
    began = clock.now()
    yield
    notes = cluster_directory / REMOVALS / own_namespace.removesuffix("-system")
    notes.parent.mkdir(parents=True, exist_ok=True)
    with notes.open("a") as sink:
        sink.write(f"{began.isoformat()} {clock.now().isoformat()}\n")


def removals(cluster_directory: Path) -> set[Removal]:
    """Story, and from when to when its operator was removed."""
    notes = (cluster_directory / REMOVALS).glob("*")
    lines = ((path.name, line.split()) for path in notes for line in path.read_text().splitlines())
    return {(story, datetime.fromisoformat(began), datetime.fromisoformat(ended)) for story, (began, ended) in lines}


def expected_denials(cluster_directory: Path) -> set[tuple[str, str]]:
    """Story and denial, as the stories have said."""
    marks = (cluster_directory / DENIALS).glob("*")
    return {(path.name, line) for path in marks for line in path.read_text().splitlines()}


def granted() -> set[Right]:
    """Every right in the table."""
    return {
        Right(_role(grant), _resource(permission.resource.group, permission.kind), verb)
        for grant in GRANTS
        for permission in grant.permissions
        for verb in permission.verbs
    }


def read(lines: Iterable[str], expected: set[tuple[str, str]], removed: Iterable[Removal] = ()) -> Findings:
    """What the operators did, by an audit log with one event a line. removed: when operators lost their rights on purpose."""
    found = Findings()
    for story, event in _by_operators(lines):
        what = event.get("objectRef", {})
        kind = "/".join(filter(None, (what.get("resource", ""), what.get("subresource", ""))))
        resource, verb = _resource(what.get("apiGroup", ""), kind), str(event["verb"])
        notes = event.get("annotations", {})
        if notes.get("authorization.k8s.io/decision") == "forbid":
            meant = (story, f"{verb} {resource}") in expected or _is_during(removed, story, event)
            if not meant:
                denial = f"{verb} {resource} in {what.get('namespace') or 'the whole cluster'}"
                found.denied.setdefault(denial, Use(story)).count += 1
            continue
        allowed = ALLOWED_BY.search(notes.get("authorization.k8s.io/reason", ""))
        role = f"{allowed[1]} {allowed[2]}" if allowed else "nothing of ours"
        found.used.setdefault(Right(role, resource, verb), Use(story)).count += 1
    return found


def _is_during(removed: Iterable[Removal], story: str, event: dict[str, Any]) -> bool:
    moment = datetime.fromisoformat(event["requestReceivedTimestamp"])
    return any(whose == story and began <= moment <= ended for whose, began, ended in removed)


def report(found: Findings) -> list[str]:
    """The table, and what is wrong, each as a sentence."""
    rights = granted()
    for right in sorted(rights):
        use = found.used.get(right)
        print(f"{use.count if use else 0:7d}  {right!s:75} {use.story if use else '-'}")
    unused = [f"No story uses {right}." for right in sorted(rights - found.used.keys())]
    foreign = [
        f"{right} is not in the table (story {found.used[right].story})." for right in found.used.keys() - rights
    ]
    denied = [f"Denied {use.count} times: {what} (story {use.story})." for what, use in found.denied.items()]
    return [*unused, *sorted(foreign), *sorted(denied)]


def _by_operators(lines: Iterable[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each request once, with its story: a watch is logged when it begins and when it ends."""
    seen: set[str] = set()
    for line in lines:
        event = json.loads(line)
        who = OPERATOR.match(event["user"]["username"])
        if who and event["auditID"] not in seen:
            seen.add(event["auditID"])
            yield who[1], event


def _role(grant: Grant) -> str:
    kind = "ClusterRole" if grant.where in {Where.Cluster, Where.Brand} else "Role"
    return f"{kind} {grant.role}"


def _resource(group: str, kind: str) -> str:
    plural, _, subresource = kind.partition("/")
    return "/".join(filter(None, (f"{plural}.{group}" if group else plural, subresource)))


def main() -> int:
    """Compare, print, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m support.permissions_audit", description=__doc__)
    parser.add_argument("--name", required=True, help="name of the cluster")
    directory = run_directory(parser.parse_args().name)
    log = audit.log(directory)
    if not log.exists() and api.default_provider() != "local":
        print(
            "There is no audit log: only clusters of the provider local write one. The permissions were not compared."
        )
        return 0
    with log.open() as lines:
        wrong = report(read(lines, expected_denials(directory), removals(directory)))
    for sentence in wrong:
        print(sentence, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
