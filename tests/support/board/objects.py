"""BrandReleases, Brands and pods as the API server has them, one for each way in which things can stand."""

from datetime import timedelta
from typing import Any, Final

from brandrelease.adapters.system_clock import SystemClock

Object = dict[str, Any]

NOW: Final = SystemClock().now()
IMAGE: Final = "registry.example.com/sites/{}@sha256:" + "5f" * 32
GOOD, BAD, NEW = "3d86f4553df2" + "0" * 28, "b00b1e5c0de5" + "1" * 28, "77aa88bb99cc" + "2" * 28
CRASH: Final = """PHP Fatal error:  Uncaught PDOException: SQLSTATE[42S22]: Column not found: 1054 Unknown column 'lessons.tier'
#0 /var/www/app/Models/Lesson.php(214): PDO->prepare('select * from l...')
#1 /var/www/app/Http/Kernel.php(61): App\\Models\\Lesson::tiers()
  thrown in /var/www/app/Models/Lesson.php on line 214"""


def at(minutes: float) -> str:
    """So many minutes before now."""
    return (NOW - timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")


def release(brand: str, environment: str, status: Object, version: int = 1, ref: str = "master") -> Object:
    name, namespace = brand, f"{brand}-{environment}"
    return {
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": f"uid-{namespace}",
            "generation": 3,
            "resourceVersion": str(version),
            "creationTimestamp": at(60 * 24 * 90),
        },
        "spec": {"brand": brand, "environment": environment, "ref": ref},
        "status": status,
    }


def ready(status: str, reason: str, message: str, since: float) -> Object:
    return {
        "type": "Ready",
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": at(since),
        "observedGeneration": 3,
    }


def past(number: int, outcome: str = "Succeeded", **more: Any) -> Object:
    return {
        "number": number,
        "commit": f"{number:012x}" + "9" * 28,
        "outcome": outcome,
        "reason": "Succeeded",
        "message": f"Release {number} is live.",
        "requestedBy": "kubectl-client-side-apply",
        "startedAt": at(3000 - number * 60),
        "finishedAt": at(2990 - number * 60),
        **more,
    }


def live(brand: str, number: int = 12, since: float = 95) -> Object:
    message = f"Release {number} of commit {GOOD[:12]} is live."
    current = {
        "number": number,
        "ref": "refs/heads/master",
        "commit": GOOD,
        "image": IMAGE.format(brand),
        "outcome": "Succeeded",
        "reason": "Succeeded",
        "message": message,
        "requestedBy": "kubectl",
        "startedAt": at(since + 14),
        "finishedAt": at(since),
        "build": {
            "builder": "codeBuild",
            "key": "k" * 10,
            "attempt": 1,
            "startedAt": at(since + 14),
            "finishedAt": at(since + 8),
            "logsURL": "https://us-east-2.console.aws.amazon.com/codesuite/codebuild/projects/drumeo",
        },
        "rollout": {"startedAt": at(since + 7), "finishedAt": at(since + 5)},
        "verification": {"startedAt": at(since + 5), "endsAt": at(since)},
        "changes": [{"commit": GOOD, "author": "Ada Lovelace", "subject": "Lessons load twice as fast"}],
        "changesTotal": 3,
    }
    return {
        "phase": "Live",
        "conditions": [ready("True", "Succeeded", message, since)],
        "current": current,
        "running": {
            "number": number,
            "commit": GOOD,
            "revision": GOOD[:12],
            "image": IMAGE.format(brand),
            "since": at(since),
        },
        "history": [past(number, commit=GOOD), *(past(each) for each in range(number - 1, number - 4, -1))],
    }


def deploying(brand: str) -> Object:
    message = "1 of 3 new pods is ready; pod drumeo-production-deployment-7d4-x2 waits for its image."
    return live(brand) | {
        "phase": "Deploying",
        "conditions": [ready("Unknown", "Deploying", message, 6)],
        "current": {
            "number": 13,
            "ref": "refs/heads/master",
            "commit": NEW,
            "image": IMAGE.format(brand),
            "requestedBy": "flux",
            "startedAt": at(6),
            "build": {
                "builder": "buildKit",
                "key": "k" * 10,
                "attempt": 1,
                "startedAt": at(6),
                "finishedAt": at(2),
                "id": "build-1",
            },
            "rollout": {"startedAt": at(1)},
            "baseline": [
                {"name": "home", "state": "Passed", "message": "200 within 120 ms.", "observedAt": at(1)},
                {
                    "name": "aurora-load",
                    "state": "NotCharged",
                    "message": "Alarm aurora-cpu is raised; it was before.",
                    "observedAt": at(1),
                },
            ],
            "changes": [
                {"commit": NEW, "author": "Grace Hopper", "subject": "Search finds lessons by teacher"},
                {"commit": BAD, "author": "Ada Lovelace", "subject": "Fix the trial banner on small screens"},
            ],
            "changesTotal": 2,
        },
    }


def rolled_back(brand: str) -> Object:
    message = (
        f'Release 13 of commit {BAD[:12]} was rolled back to release 12: container "app" of pod {brand}-production-'
        "deployment-5c9-kq exited with code 255 three times: PHP Fatal error: Uncaught PDOException. Correct the commit, or "
        "revert it: it is quarantined until then."
    )
    evidence = {"pod": f"{brand}-production-deployment-5c9-kq", "container": "app", "exitCode": 255, "logTail": CRASH}
    failed: Object = {
        "outcome": "RolledBack",
        "reason": "CrashLoopBackOff",
        "message": message,
        "blame": "Release",
        "requestedBy": "kubectl",
        "evidence": evidence,
    }
    current = {
        "number": 13,
        "ref": "refs/heads/master",
        "commit": BAD,
        "image": IMAGE.format(brand),
        "startedAt": at(31),
        "finishedAt": at(17),
        **failed,
        "build": {
            "builder": "codeBuild",
            "key": "k" * 10,
            "attempt": 1,
            "startedAt": at(31),
            "finishedAt": at(24),
            "logsURL": "https://us-east-2.console.aws.amazon.com/codesuite/codebuild/projects/drumeo",
        },
        "hooks": {
            "preDeploy": {
                "job": f"{brand}-13-pre",
                "startedAt": at(24),
                "finishedAt": at(23),
                "succeeded": True,
                "logTail": "Nothing to migrate.",
            }
        },
        "rollout": {"startedAt": at(23), "finishedAt": at(21)},
        "verification": {
            "startedAt": at(21),
            "endsAt": at(16),
            "checks": [
                {
                    "name": "home",
                    "state": "Failed",
                    "reason": "CheckFailed",
                    "badLooks": 3,
                    "message": "https://www.example.com/ answered 500 three times; 200 would be good.",
                    "observedAt": at(19),
                },
                {
                    "name": "errors",
                    "state": "Passed",
                    "message": "12 errors, 40 would be too many.",
                    "observedAt": at(19),
                },
            ],
        },
        "rollback": {
            "number": 12,
            "commit": GOOD,
            "image": IMAGE.format(brand),
            "startedAt": at(19),
            "finishedAt": at(17),
        },
        "changes": [
            {"commit": BAD, "author": "Ada Lovelace", "subject": "Tiers of lessons"},
            {"commit": NEW, "author": "Grace Hopper", "subject": "Search finds lessons by teacher"},
        ],
        "changesTotal": 24,
    }
    before = live(brand, since=2000)
    quarantined = {
        "type": "Quarantined",
        "status": "True",
        "reason": "CommitQuarantined",
        "message": f"Commit {BAD} was to blame for a failed release and will not be released again.",
        "lastTransitionTime": at(19),
        "observedGeneration": 3,
    }
    return before | {
        "phase": "RolledBack",
        "conditions": [ready("False", "CrashLoopBackOff", message, 19), quarantined],
        "current": current,
        "history": [
            past(13, commit=BAD, startedAt=at(31), finishedAt=at(17), **failed),
            *before["history"],
            past(8, "Superseded", reason="Superseded", message="A newer request has taken its place."),
        ],
    }


def blocked(brand: str) -> Object:
    message = f"Commit {NEW[:12]} contains {BAD[:12]}, which is quarantined. Revert it, or override it with a reason."
    return live(brand, since=4000) | {
        "phase": "Blocked",
        "conditions": [ready("False", "CommitQuarantined", message, 240)],
    }


def suspended(brand: str) -> Object:
    message = "Nothing is touched while spec.suspend is true; kubectl-edit has set it."
    return live(brand, since=9000) | {"phase": "Suspended", "conditions": [ready("True", "Suspended", message, 700)]}


def brand(name: str, *environments: str, trouble: str = "", version: int = 1) -> Object:
    condition = (
        ready("False", "SourceUnreachable", trouble, 12) if trouble else ready("True", "Succeeded", "Good.", 900)
    )
    environment = [{"name": each, "namespace": f"{name}-{each}"} for each in environments]
    return {
        "metadata": {"name": name, "uid": f"uid-{name}", "resourceVersion": str(version)},
        "status": {"conditions": [condition], "environments": environment},
    }


def pod(brand: str, environment: str, name: str, number: int, *, crashes: bool = False, version: int = 1) -> Object:
    waiting = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 20s"}}
    running = {"running": {"startedAt": at(20)}}
    return {
        "metadata": {
            "name": name,
            "namespace": f"{brand}-{environment}",
            "uid": f"uid-{name}",
            "resourceVersion": str(version),
            "creationTimestamp": at(22),
            "labels": {"brandrelease.dev/name": brand, "brandrelease.dev/release": str(number)},
        },
        "spec": {"containers": [{"name": "app"}]},
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "False" if crashes else "True"}],
            "containerStatuses": [
                {
                    "name": "app",
                    "ready": not crashes,
                    "restartCount": 3 if crashes else 0,
                    "state": waiting if crashes else running,
                }
            ],
        },
    }


def events() -> list[tuple[str, Object]]:
    """A company on a bad day: kind and object, as watches show them first."""
    names = ("drumeo", "guitareo", "musora", "pianote", "singeo")
    found = [("brands", brand(name, "production", "staging")) for name in names]
    found[2] = (
        "brands",
        brand("musora", "production", "staging", trouble="git.example.com refuses the password of Secret musora-git."),
    )
    statuses = {
        "drumeo": (rolled_back, live),
        "guitareo": (live, deploying),
        "musora": (live, live),
        "pianote": (deploying, blocked),
        "singeo": (suspended,),
    }
    for name, made in statuses.items():
        for environment, status in zip(("production", "staging"), made, strict=False):
            ref = "master" if environment == "production" else "staging"
            found.append(("brandreleases", release(name, environment, status(name), ref=ref)))
    found += [
        ("pods", pod("drumeo", "production", "drumeo-production-deployment-5c9-kq", 13, crashes=True)),
        *(("pods", pod("drumeo", "production", f"drumeo-production-deployment-7d4-{each}", 12)) for each in "abc"),
    ]
    return found
