"""What kwok is told: how simulated nodes become ready, how pods start, crash and go, and what their logs say."""

from pathlib import Path
from typing import Any, Final

import yaml

from cluster.certificates import KeyPair
from cluster.control_plane import Layout
from cluster.processes import Program

Object = dict[str, Any]

STARTS_AFTER_MILLISECONDS: Final = 1000
"""From a pod's creation to Ready, or to its crash."""

FAILS_AFTER: Final = "simulated/fails-after-release"
"""Label of pods: those of each release with a higher number crash at their start."""

_API: Final = "kwok.x-k8s.io/v1alpha1"
_FAILS: Final = (
    f'((.metadata.labels["{FAILS_AFTER}"] // "999999999") | tonumber)'
    ' < ((.metadata.labels["brandrelease.dev/release"] // "0") | tonumber)'
)
_READY: Final = """\
{{ $now := Now }}
phase: Running
startTime: {{ $now | Quote }}
hostIP: 127.0.0.1
podIP: {{ PodIP | Quote }}
conditions:
{{ range $each := list "Initialized" "Ready" "ContainersReady" }}
- {type: {{ $each }}, status: "True", lastTransitionTime: {{ $now | Quote }}}
{{ end }}
containerStatuses:
{{ range .spec.containers }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  imageID: {{ .image | Quote }}
  ready: true
  started: true
  restartCount: 0
  state: {running: {startedAt: {{ $now | Quote }}}}
{{ end }}
"""
_CRASHED: Final = """\
{{ $now := Now }}
phase: Running
startTime: {{ $now | Quote }}
hostIP: 127.0.0.1
podIP: {{ PodIP | Quote }}
conditions:
- {type: Initialized, status: "True", lastTransitionTime: {{ $now | Quote }}}
- {type: Ready, status: "False", reason: ContainersNotReady, lastTransitionTime: {{ $now | Quote }}}
- {type: ContainersReady, status: "False", reason: ContainersNotReady, lastTransitionTime: {{ $now | Quote }}}
containerStatuses:
{{ range .spec.containers }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  imageID: {{ .image | Quote }}
  ready: false
  started: false
  restartCount: 3
  state: {waiting: {reason: CrashLoopBackOff, message: back-off 40s restarting failed container}}
  lastState:
    terminated: {exitCode: 255, reason: Error, startedAt: {{ $now | Quote }}, finishedAt: {{ $now | Quote }}}
{{ end }}
"""
_NODE: Final = """\
{{ $now := Now }}
phase: Running
conditions:
{{ range NodeConditions }}
- type: {{ .type | Quote }}
  status: {{ .status | Quote }}
  reason: {{ .reason | Quote }}
  message: {{ .message | Quote }}
  lastHeartbeatTime: {{ $now | Quote }}
  lastTransitionTime: {{ $now | Quote }}
{{ end }}
addresses:
- {type: InternalIP, address: {{ NodeIP | Quote }}}
daemonEndpoints: {kubeletEndpoint: {Port: {{ NodePort }}}}
allocatable: {cpu: 1k, memory: 1Ti, pods: 1M}
capacity: {cpu: 1k, memory: 1Ti, pods: 1M}
"""


def program(layout: Layout, kubeconfig: Path, port: int, pair: KeyPair) -> Program:
    """Return kwok in place of all kubelets; it answers for their logs on ``port``, with the certificate of ``pair``."""
    configuration = layout.directory / "configuration" / "kwok.yaml"
    said = layout.directory / "configuration" / "said-by-a-pod.txt"
    said.write_text("The page could not be made: no such table.\n")
    configuration.write_text(yaml.safe_dump_all(_documents(said)))
    return layout.program(
        "kwok",
        f"--config={configuration}",
        f"--kubeconfig={kubeconfig}",
        "--manage-all-nodes=true",
        "--node-lease-duration-seconds=0",
        "--node-ip=127.0.0.1",
        f"--node-port={port}",
        f"--server-address=127.0.0.1:{port}",
        f"--tls-cert-file={pair.certificate}",
        f"--tls-private-key-file={pair.key}",
        "--v=WARN",
    )


def _documents(said: Path) -> list[Object]:
    starts = {"delay": {"durationMilliseconds": STARTS_AFTER_MILLISECONDS}}
    stays = _is(".metadata.deletionTimestamp", "DoesNotExist")
    pending = _is(".status.phase", "In", "Pending")
    not_ready = _is('.status.conditions.[] | select( .type == "Ready" ) | .status', "NotIn", "True")
    logs = {"apiVersion": _API, "kind": "ClusterLogs", "metadata": {"name": "all"}}
    return [
        _stage("node", "Node", [not_ready], {"statusTemplate": _NODE}),
        _stage("ready", "Pod", [stays, pending, _is(_FAILS, "In", "false")], {"statusTemplate": _READY}, starts),
        _stage("crashed", "Pod", [stays, pending, _is(_FAILS, "In", "true")], {"statusTemplate": _CRASHED}, starts),
        _stage("gone", "Pod", [_is(".metadata.deletionTimestamp", "Exists")], {"delete": True}),
        logs | {"spec": {"logs": [{"logsFile": str(said), "follow": False}]}},
    ]


def _stage(name: str, kind: str, when: list[Object], then: Object, more: Object | None = None) -> Object:
    spec = {"resourceRef": {"apiGroup": "v1", "kind": kind}, "selector": {"matchExpressions": when}, "next": then}
    return {"apiVersion": _API, "kind": "Stage", "metadata": {"name": name}, "spec": spec | (more or {})}


def _is(key: str, operator: str, *values: str) -> Object:
    return {"key": key, "operator": operator, **({"values": list(values)} if values else {})}
