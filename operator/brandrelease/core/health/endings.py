"""A container that ends more often than restartLimit forgives, and why it does.

Restarts are counted, not seconds: how long the kubelet holds a container back is a setting of the cluster.
"""

from dataclasses import dataclass, replace
from typing import Final

from brandrelease.core.health.case import Case
from brandrelease.core.health.creating import blames_the_node
from brandrelease.core.health.quoting import quoted
from brandrelease.core.health.rule import Sighting
from brandrelease.core.health.told import latest
from brandrelease.core.snapshot import ContainerKind, ContainerView, Running, Terminated
from brandrelease.core.words import how_it_ended, times

NOT_ITS_OWN_ENDING: Final = frozenset({"ContainerStatusUnknown", "Unknown"})
"""The node was started anew, or has forgotten the container: how it ended is not known (kubelet; containerd, code 255)."""

NEVER_BEGAN: Final = frozenset({"StartError", "ContainerCannotRun"})
"""The command was never run (containerd; docker)."""

NODE_EXIT: Final = 128
"""With ContainerCannotRun: the runtime's own failure (Shopify's krane, lib/krane/kubernetes_resource/pod.rb)."""

_STOPPED: Final = frozenset({0, 137, 143})
"""How a container ends that is asked to stop: by itself, or by SIGKILL or SIGTERM."""

_SAYING: Final = {
    126: " (the command cannot be executed)",
    127: " (a command was not found)",
}
"""What a shell means by an exit code."""


@dataclass(frozen=True, slots=True)
class Endings:
    """How often a container ended, how it did the last time, and whether the log of that is the previous one."""

    count: int
    last: Terminated
    previous: bool


def too_many_endings(case: Case) -> Endings | None:
    """The endings that count, if they are more than restartLimit forgives."""
    container = case.container
    last = container.state if isinstance(container.state, Terminated) else container.last
    if last is None or last.reason in NOT_ITS_OWN_ENDING or _has_done_its_work(container, last):
        return None
    count = container.restarts + _is_down(container)
    if count <= case.scene.rules.restart_limit:
        return None
    return Endings(count, last, previous=not isinstance(container.state, Terminated))


def memory_runs_out(case: Case) -> Sighting | None:
    """The kernel killed it because it used more memory than its limit."""
    endings, limit = _killed_for_memory(case), case.pod.memory_limits.get(case.container.name)
    if endings is None or limit is None:
        return None
    return _sighting(
        case, endings, f"was killed {times(endings.count)} because it used more than its memory limit of {limit}"
    )


def node_runs_out_of_memory(case: Case) -> Sighting | None:
    """The kernel killed it because its node had no memory left. Without a limit, that need not be its own doing."""
    endings = _killed_for_memory(case)
    if endings is None or case.container.name in case.pod.memory_limits:
        return None
    what = f"has no memory limit and was killed {times(endings.count)} because its node had no memory left"
    return _sighting(case, endings, f"{what}. Look at the node, and give the container a limit and a request")


def _killed_for_memory(case: Case) -> Endings | None:
    endings = too_many_endings(case)
    return endings if endings is not None and endings.last.reason == "OOMKilled" else None


def runtime_cannot_start_it(case: Case) -> Sighting | None:
    """It was never begun, for a cause that lies in the node."""
    endings = too_many_endings(case)
    if endings is None or not _never_began(endings.last) or not _is_the_nodes(endings.last):
        return None
    return _sighting(case, endings, _could_not_be_started(endings))


def command_cannot_be_started(case: Case) -> Sighting | None:
    """It was never begun: the command is not in the image, or is no program."""
    endings = too_many_endings(case)
    if endings is None or not _never_began(endings.last) or _is_the_nodes(endings.last):
        return None
    return _sighting(case, endings, _could_not_be_started(endings))


def probe_has_it_killed(case: Case) -> Sighting | None:
    """The kubelet stopped it because its liveness or startup probe failed."""
    endings = too_many_endings(case)
    words = latest(case.scene, case.pod, "Unhealthy", "liveness probe", "startup probe")
    if endings is None or words is None or case.container.kind is ContainerKind.Init:
        return None
    if endings.last.exit_code not in _STOPPED:
        return None
    return _sighting(case, endings, f"was stopped by the kubelet {times(endings.count)}: {words}")


def hook_has_it_killed(case: Case) -> Sighting | None:
    """The kubelet stopped it because its postStart hook failed."""
    endings = too_many_endings(case)
    words = latest(case.scene, case.pod, "FailedPostStartHook")
    if endings is None or words is None or endings.last.exit_code not in _STOPPED:
        return None
    return _sighting(
        case, endings, f"was stopped by the kubelet {times(endings.count)}, because its postStart hook fails: {words}"
    )


def ends_by_itself(case: Case) -> Sighting | None:
    """It ends, with whatever exit code: a container of a site has to stay."""
    endings = too_many_endings(case)
    if endings is None or _never_began(endings.last):
        return None
    how = how_it_ended(endings.last.exit_code, endings.last.signal)
    return _sighting(case, endings, f"{how}{_SAYING.get(endings.last.exit_code, '')} {times(endings.count)}")


def _sighting(case: Case, endings: Endings, what: str) -> Sighting:
    seen = case.sighting(f"{case.title} {what}")
    return replace(seen, previous=endings.previous, exit_code=endings.last.exit_code)


def _is_down(container: ContainerView) -> bool:
    """Each restart stands for one ending, and one more if it does not run now."""
    return not isinstance(container.state, Running)


def _has_done_its_work(container: ContainerView, last: Terminated) -> bool:
    return container.kind is ContainerKind.Init and last.exit_code == 0


def _never_began(last: Terminated) -> bool:
    return last.reason in NEVER_BEGAN


def _is_the_nodes(last: Terminated) -> bool:
    return blames_the_node(last.message) or (last.reason == "ContainerCannotRun" and last.exit_code == NODE_EXIT)


def _could_not_be_started(endings: Endings) -> str:
    return f"could not be started {times(endings.count)}: {quoted(endings.last.message)}"
