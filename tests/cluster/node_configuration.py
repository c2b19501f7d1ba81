"""The configuration files of the node's programs. JSON is written where YAML is read: every JSON text is YAML."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cluster import cgroups
from cluster.addresses import Addresses

CNI_PLUGINS = "/usr/lib/cni"
CONTAINERD_SOCKET = "/run/containerd/containerd.sock"
PAUSE_IMAGE = "pause:1"
CLUSTER_DOMAIN = "cluster.local"
MOST_PROCESSES_OF_A_POD = 1024


@dataclass(frozen=True)
class NodeConfiguration:
    """Writes the configuration of the cluster ``name`` below ``directory`` (its run directory)."""

    name: str
    directory: Path
    programs: Path
    addresses: Addresses

    def write(self) -> None:
        """Write all files; the directories they name are made too."""
        for each in ("configuration", "cni", "registries", "kubelet", "pod-logs", "volume-plugins"):
            (self.directory / each).mkdir(parents=True, exist_ok=True)
        self.file("containerd.toml").write_text(self._containerd())
        self.file("kubelet.json").write_text(json.dumps(self._kubelet(), indent=2))
        self.file("kube-proxy.json").write_text(json.dumps(self._kube_proxy(), indent=2))
        self.file("Corefile").write_text(self._coredns())
        self.file("resolv.conf").write_text("options ndots:1\n")
        (self.directory / "cni" / "10-pods.conflist").write_text(json.dumps(self._cni(), indent=2))
        allow_plain_http(self.directory, self.addresses.registry)

    def file(self, name: str) -> Path:
        """Return the path of a configuration file."""
        return self.directory / "configuration" / name

    def _containerd(self) -> str:
        directory = self.directory
        return f"""\
version = 3
root = "{directory}/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.nri.v1.nri"]

[grpc]
address = "{CONTAINERD_SOCKET}"

[plugins."io.containerd.internal.v1.opt"]
path = "{directory}/containerd-opt"

[plugins."io.containerd.cri.v1.runtime"]
# Without CAP_SYS_RESOURCE (as in most sandboxes) a lower oom_score_adj is refused and every sandbox would fail.
restrict_oom_score_adj = true

[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
BinaryName = "{self.programs}/runc"
SystemdCgroup = false

[plugins."io.containerd.cri.v1.runtime".cni]
bin_dirs = ["{CNI_PLUGINS}"]
conf_dir = "{directory}/cni"

[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = "{self.addresses.registry}/{PAUSE_IMAGE}"

[plugins."io.containerd.cri.v1.images".registry]
config_path = "{directory}/registries"
"""

    def _kubelet(self) -> dict[str, Any]:
        keys = self.directory / "keys"
        return {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": True},
                "x509": {"clientCAFile": str(keys / "ca.crt")},
            },
            "authorization": {"mode": "Webhook"},
            "tlsCertFile": str(keys / "kubelet.crt"),
            "tlsPrivateKeyFile": str(keys / "kubelet.key"),
            "containerRuntimeEndpoint": f"unix://{CONTAINERD_SOCKET}",
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": cgroups.root_of(self.name),
            "failCgroupV1": False,
            "failSwapOn": False,
            "clusterDNS": [self.addresses.node],
            "clusterDomain": CLUSTER_DOMAIN,
            "resolvConf": str(self.file("resolv.conf")),
            "podLogsDir": str(self.directory / "pod-logs"),
            "volumePluginDir": str(self.directory / "volume-plugins"),
            # The machine's disk is shared: a node that evicts pods or deletes images because of it would be a riddle.
            "imageGCHighThresholdPercent": 100,
            "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
            "registryPullQPS": 0,
            # As docs/builds.md wants it of nodes that run builds, but smaller and sooner.
            "podPidsLimit": MOST_PROCESSES_OF_A_POD,
            "volumeStatsAggPeriod": "5s",
        }

    def _kube_proxy(self) -> dict[str, Any]:
        return {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "mode": "nftables",
            "clusterCIDR": self.addresses.pods,
            # The table's size is a setting of the whole machine, which the node leaves alone.
            "conntrack": {"maxPerCore": 0},
            "clientConnection": {"kubeconfig": str(self.file("kube-proxy.kubeconfig"))},
        }

    def _coredns(self) -> str:
        # It runs beside the kubelet, not as a pod, so that no image is needed. Names outside the cluster are refused at once.
        return f"""\
. {{
    bind {self.addresses.node}
    errors
    kubernetes {CLUSTER_DOMAIN} in-addr.arpa {{
        kubeconfig {self.directory}/kubeconfig
    }}
}}
"""

    def _cni(self) -> dict[str, Any]:
        # ptp routes every packet between pods through the node. With a bridge, answers between two pods of the same
        # node would bypass kube-proxy's translation unless the machine has the br_netfilter module.
        ptp = {
            "type": "ptp",
            "ipMasq": False,
            "ipam": {
                "type": "host-local",
                "ranges": [[{"subnet": self.addresses.pods}]],
                "routes": [{"dst": "0.0.0.0/0"}],
                "dataDir": "/run/cni-addresses",
            },
        }
        portmap = {"type": "portmap", "capabilities": {"portMappings": True}}
        return {"cniVersion": "0.4.0", "name": "pods", "plugins": [ptp, portmap]}


def allow_plain_http(run_directory: Path, registry: str, host: str = "") -> None:
    """Let the node pull from ``registry`` (``host:port``) without TLS, also what is named after ``host`` if one is given.

    containerd reads this at every pull, so it is complete at any moment.
    """
    directory = run_directory / "registries" / (host or registry)
    directory.mkdir(parents=True, exist_ok=True)
    text = f'server = "http://{registry}"\n\n[host."http://{registry}"]\ncapabilities = ["pull", "resolve"]\n'
    scratch = directory / f".{os.getpid()}"
    scratch.write_text(text)
    scratch.rename(directory / "hosts.toml")
