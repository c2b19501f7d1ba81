"""Values for the chart that tests try: from as little as can be to everything at once."""

from typing import Any, Final

Values = dict[str, Any]

IMAGE: Final = {"repository": "registry.example.com/brandrelease", "digest": f"sha256:{'a' * 64}"}
LEAST: Final[Values] = {"image": IMAGE}

EVERYTHING: Final[Values] = {
    "image": {**IMAGE, "pullPolicy": "Always"},
    "imagePullSecrets": [{"name": "registry"}],
    "replicas": 3,
    "resources": {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "2Gi"}},
    "priorityClassName": "system-cluster-critical",
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [{"key": "platform", "operator": "Exists", "effect": "NoSchedule"}],
    "podLabels": {"team": "platform"},
    "podAnnotations": {"example.com/owner": "platform"},
    "serviceAccount": {"annotations": {"example.com/owner": "platform"}},
    "rbac": {"mode": "Namespaces"},
    "brandNamespaces": [
        {"name": "drumeo-production", "hooks": True, "secretsInLogs": True},
        {"name": "drumeo-staging"},
    ],
    "aws": {"region": "us-east-2", "roleArn": "arn:aws:iam::123456789012:role/brandrelease", "webhook": False},
    "builds": {
        "namespace": "builds-of-brands",
        "maxConcurrent": 2,
        "image": "registry.example.com/buildkit:v1",
        "securityProfile": "rootless",
        "networkPolicy": {"inside": ["10.0.0.0/8", "fd00::/8"], "reachable": ["10.1.2.3/32"]},
    },
    "sources": {"allowInsecure": True},
    "registries": {"insecure": ["registry.example.com:5000"]},
    "notifications": {"allowInsecureEndpoints": True},
    "board": {
        "enabled": True,
        "tokenSecretName": "brandrelease-board",
        "reachedFrom": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress-nginx"}}}],
    },
    "log": {"level": "debug", "format": "console"},
    "workers": 4,
    "resyncSeconds": 30,
    "cacheSize": "2Gi",
    "env": {"HTTPS_PROXY": "http://proxy.example.com:3128"},
    "metrics": {
        "serviceMonitor": {"enabled": True, "interval": "15s", "labels": {"release": "kube-prometheus-stack"}},
        "alerts": {"enabled": True, "labels": {"release": "kube-prometheus-stack"}},
    },
    "networkPolicy": {
        "metricsFrom": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}],
        "ports": [443],
        "egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}], "ports": [{"protocol": "TCP", "port": 5000}]}],
    },
    "namespace": {"create": True},
}
NOTHING_OPTIONAL: Final[Values] = {
    "image": {"repository": "registry.example.com/brandrelease", "tag": "v1"},
    "aws": {"secretName": "brandrelease-aws"},
    "builds": {
        "createNamespace": False,
        "limits": False,
        "admissionPolicy": False,
        "networkPolicy": {"enabled": False},
    },
    "board": {"enabled": True, "open": True},
    "podDisruptionBudget": {"enabled": False},
    "networkPolicy": {"enabled": False},
}
PRIVILEGED: Final[Values] = {"image": IMAGE, "builds": {"securityProfile": "privileged"}, "replicas": 0}

IN_SHARDS: Final[Values] = {"image": IMAGE, "shards": 3, "replicas": 1}
SETS: Final[dict[str, Values]] = {
    "as little as can be": LEAST,
    "everything": EVERYTHING,
    "nothing that is optional": NOTHING_OPTIONAL,
    "privileged builds, and no replica": PRIVILEGED,
    "three shards": IN_SHARDS,
}
