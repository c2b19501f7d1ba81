"""The values of the Helm chart: what can be set, within which bounds, and what it means.

`charts/brandrelease/values.yaml`, its schema and the table in its README are generated from here. What the operator
itself is told by the environment has its default from the settings.
"""

from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from brandrelease.core.sharding import MOST
from brandrelease.settings import LogFormat, LogLevel, SecurityProfile, Settings


def _setting(name: str) -> Any:
    """The default of a setting of the operator."""
    return Settings.model_fields[name].default


class Group(BaseModel):
    """Values that belong together. What nobody knows is refused: it would be a typing error without effect."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, extra="forbid")


Quantity = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$")] | Annotated[float, Field(ge=0)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$", max_length=63)]
OptionalName = Annotated[str, Field(pattern=r"^([a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?)?$", max_length=253)]
Network = Annotated[str, Field(pattern=r"^[0-9a-fA-F:.]+/[0-9]{1,3}$")]
Port = Annotated[int, Field(ge=1, le=65_535)]
EnvironmentName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
Duration = Annotated[str, Field(pattern=r"^[0-9]+(ms|s|m|h)$")]


class PullPolicy(StrEnum):
    """When a node pulls the image."""

    IfNotPresent = "IfNotPresent"
    Always = "Always"
    Never = "Never"


class RbacMode(StrEnum):
    """Which namespaces the operator watches."""

    ClusterWide = "ClusterWide"
    Namespaces = "Namespaces"


class Image(Group):
    """The operator's image."""

    repository: str = Field(
        default="",
        max_length=300,
        description="Where the image is, without tag: a chart of a release has it filled in. Required.",
    )
    digest: str = Field(
        default="",
        pattern=r"^(sha256:[0-9a-f]{64})?$",
        description="Its digest. Goes before the tag, and is the better of both: a tag can be moved.",
    )
    tag: str = Field(
        default="",
        pattern=r"^([A-Za-z0-9_][A-Za-z0-9._-]{0,127})?$",
        description="Its tag where no digest is given; empty means the version of the chart.",
    )
    pull_policy: PullPolicy = Field(default=PullPolicy.IfNotPresent, description="IfNotPresent, Always or Never.")


class PullSecret(Group):
    """A Secret for the image's registry."""

    name: Name = Field(description="Name of a Secret in the operator's namespace.")


class Resources(Group):
    """What a pod of the operator reserves and may use."""

    requests: dict[str, Quantity] = Field(
        default={"cpu": "100m", "memory": "192Mi", "ephemeral-storage": "1Gi"}, description="What is reserved for it."
    )
    limits: dict[str, Quantity] = Field(
        default={"memory": "512Mi", "ephemeral-storage": "10Gi"},
        description="What it may use at most. No processor: to be held back makes the Lease late, and nothing safer.",
    )


class ServiceAccount(Group):
    """The operator's service account, `brandrelease`."""

    annotations: dict[str, str] = Field(default={}, description="More annotations of the service account.")


class Rbac(Group):
    """The operator's rights; docs/permissions.md lists every one."""

    mode: RbacMode = Field(
        default=RbacMode.ClusterWide,
        description="ClusterWide: BrandReleases, Deployments, pods and Jobs of all namespaces are seen; changed is only "
        "where brandNamespaces says so, or where deploy/rbac/brand-namespace.yaml is applied. Namespaces: nothing is seen "
        "but the namespaces in brandNamespaces.",
    )


class BrandNamespace(Group):
    """A namespace in which the operator may release."""

    name: Name = Field(description="Its name. It must exist.")
    hooks: bool = Field(
        default=False, description="Whether Brands may have hooks there: the operator may create and delete Jobs."
    )
    secrets_in_logs: bool = Field(
        default=False,
        description="Whether the operator may read Secrets there by name, to take their values out of logs. Without it "
        "the logs of pods that use Secrets are withheld.",
    )


class Aws(Group):
    """How the operator logs in to AWS: for CodeBuild, ECR, CloudWatch and CloudFront; docs/aws.md."""

    region: str = Field(
        default="", pattern=r"^([a-z]{2}(-[a-z]+)+-[0-9])?$", description="AWS_REGION; Brands name their own beside it."
    )
    role_arn: str = Field(
        default="",
        pattern=r"^(arn:aws[a-z-]*:iam::[0-9]{12}:role/.+)?$",
        max_length=2048,
        description="Role for the service account (IRSA).",
    )
    webhook: bool = Field(
        default=True,
        description="Whether the cluster has the pod identity webhook (kops: podIdentityWebhook; EKS always), which reads "
        "the annotation of the service account. false: the Deployment mounts the token itself.",
    )
    secret_name: OptionalName = Field(
        default="",
        description="Secret in the operator's namespace with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, where there is no role.",
    )


class BuildNetwork(Group):
    """What builds may reach."""

    enabled: bool = Field(
        default=True, description="NetworkPolicies of the build namespace. Not every network plugin enforces them."
    )
    inside: list[Network] = Field(
        default=[
            "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16", "fc00::/7", "fe80::/10",
        ],
        max_length=100,
        description="Networks that no build reaches: nodes, pods, Services, the API server, the metadata of the cloud. Add "
        "yours, and the public address of your API server, if they are elsewhere.",
    )  # fmt: skip
    reachable: list[Network] = Field(
        default=[],
        max_length=100,
        description="Networks of the inside that builds do reach: the git server, the registry, a mirror of packages; "
        "with endpoints of the VPC for ECR and S3, their subnets.",
    )


class Builds(Group):
    """Where and how images are built; docs/builds.md."""

    namespace: Name = Field(
        default=_setting("build_namespace"),
        description="Namespace of build Jobs, and of the Secrets for git and registries. Nothing else belongs there.",
    )
    create_namespace: bool = Field(
        default=True,
        description="Whether the chart makes it. It is kept when the chart is uninstalled: your Secrets are in it.",
    )
    max_concurrent: int = Field(
        default=_setting("max_concurrent_builds"),
        ge=1,
        le=100,
        description="How many builds run at the same time, of each shard.",
    )
    image: str = Field(
        default=_setting("build_image"), min_length=1, max_length=500, description="Image of build Jobs."
    )
    security_profile: SecurityProfile = Field(
        default=_setting("build_security_profile"),
        description="userns, rootless or privileged. privileged gives a Dockerfile that breaks out the node.",
    )
    limits: bool = Field(
        default=True,
        description="A LimitRange and a ResourceQuota: for twice as many builds of the default size as may run.",
    )
    admission_policy: bool = Field(
        default=True,
        description="A ValidatingAdmissionPolicy that lets only builds run there. Without effect with the profile privileged.",
    )
    network_policy: BuildNetwork = Field(default=BuildNetwork(), description="What builds may reach.")


class Sources(Group):
    """Where Brands may have their code."""

    allow_insecure: bool = Field(
        default=_setting("allow_insecure_sources"), description="Whether git may be read over plain http://."
    )


class Registries(Group):
    """Where images are kept."""

    insecure: list[Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]+(:[0-9]{1,5})?$")]] = Field(
        default=[], max_length=100, description="Registries, as host:port, that are spoken to in plain HTTP."
    )


class Notifications(Group):
    """Slack, webhooks and GitHub; what is told to whom stands in the Brands."""

    allow_insecure_endpoints: bool = Field(
        default=_setting("allow_insecure_endpoints"), description="Whether they may be sent over plain http://."
    )


class Board(Group):
    """The page on which everybody sees where every site stands, at /board; docs/board.md."""

    enabled: bool = Field(
        default=False,
        description="It shows commits, who asked for them, and ends of logs: to whom, has to be said below.",
    )
    token_secret_name: OptionalName = Field(
        default="",
        description="Secret in the operator's namespace with the key token: who wants to look has to type it once. It is "
        "read when a pod starts.",
    )
    open: bool = Field(
        default=False, description="No token: for all that reach the port, as behind an ingress that asks who it is."
    )
    reached_from: list[dict[str, Any]] = Field(
        default=[],
        max_length=50,
        description="Who reaches the port beside networkPolicy.metricsFrom, as NetworkPolicyPeers: your ingress.",
    )


class Log(Group):
    """The operator's log."""

    level: LogLevel = Field(default=_setting("log_level"), description="debug, info, warning or error.")
    format: LogFormat = Field(default=_setting("log_format"), description="json or console.")


class ServiceMonitor(Group):
    """For the Prometheus operator: where metrics are."""

    enabled: bool = Field(default=False, description="Needs the CRDs of the Prometheus operator.")
    interval: Duration = Field(default="30s", description="How often it asks.")
    labels: dict[str, str] = Field(default={}, description="Labels by which your Prometheus chooses ServiceMonitors.")


class Alerts(Group):
    """For the Prometheus operator: the rules of deploy/observability/alerts.yaml."""

    enabled: bool = Field(default=False, description="Needs the CRDs of the Prometheus operator.")
    labels: dict[str, str] = Field(default={}, description="Labels by which your Prometheus chooses PrometheusRules.")


class Metrics(Group):
    """What Prometheus collects; docs/metrics.md."""

    service_monitor: ServiceMonitor = Field(default=ServiceMonitor(), description="A ServiceMonitor.")
    alerts: Alerts = Field(default=Alerts(), description="A PrometheusRule.")


class PodDisruptionBudget(Group):
    """How many replicas a drained node may take away."""

    enabled: bool = Field(default=True, description="At most one replica at a time; without effect with one replica.")


class NetworkPolicy(Group):
    """What the operator's pods may reach, and who reaches them. Not every network plugin enforces it."""

    enabled: bool = Field(default=True, description="Whether there is one.")
    metrics_from: list[dict[str, Any]] = Field(
        default=[
            {"namespaceSelector": {}, "podSelector": {"matchLabels": {"app.kubernetes.io/name": "prometheus"}}},
        ],
        max_length=50,
        description="Who may ask for metrics, as NetworkPolicyPeers.",
    )
    ports: list[Port] = Field(
        default=[22, 443, 6443],
        max_length=50,
        description="TCP ports that are reached anywhere: git, registries, AWS, Slack, GitHub, the API server. Never the "
        "metadata of the cloud.",
    )
    egress: list[dict[str, Any]] = Field(
        default=[],
        max_length=50,
        description="More NetworkPolicyEgressRules: a registry or a log store on another port.",
    )


class Namespace(Group):
    """The operator's own namespace."""

    create: bool = Field(
        default=False,
        description="Whether the chart makes it, with the labels of Pod Security. For `helm template`; `helm install` "
        "wants it to be there before, or --create-namespace.",
    )


class Values(Group):
    """Everything that can be set."""

    image: Image = Field(default=Image(), description="The operator's image.")
    image_pull_secrets: list[PullSecret] = Field(
        default=[], max_length=20, description="Secrets for its registry, each `name: ...`."
    )
    replicas: int = Field(
        default=2, ge=0, le=5, description="One leads, the others stand by. 0 stops the operator; the sites run on."
    )
    shards: int = Field(
        default=1,
        ge=1,
        le=MOST,
        description="Into how many parts the brands are divided, each with a Deployment of its own of so many replicas; docs/scaling.md.",
    )
    resources: Resources = Field(default=Resources(), description="What each replica reserves and may use.")
    priority_class_name: OptionalName = Field(
        default="", description="For a node that is full: system-cluster-critical, or a class of yours."
    )
    node_selector: dict[str, str] = Field(default={}, description="Labels of the nodes that it runs on.")
    tolerations: list[dict[str, Any]] = Field(default=[], max_length=50, description="Taints that it tolerates.")
    pod_labels: dict[str, str] = Field(default={}, description="More labels of its pods.")
    pod_annotations: dict[str, str] = Field(default={}, description="More annotations of its pods.")
    service_account: ServiceAccount = Field(default=ServiceAccount(), description="Its service account.")
    rbac: Rbac = Field(default=Rbac(), description="Its rights.")
    brand_namespaces: list[BrandNamespace] = Field(
        default=[],
        max_length=500,
        description="Namespaces in which it may release, each `name`, and if wanted `hooks` and `secretsInLogs`.",
    )
    aws: Aws = Field(default=Aws(), description="Its login to AWS.")
    builds: Builds = Field(default=Builds(), description="Where images are built.")
    sources: Sources = Field(default=Sources(), description="Where code comes from.")
    registries: Registries = Field(default=Registries(), description="Where images are.")
    notifications: Notifications = Field(default=Notifications(), description="Who is told.")
    board: Board = Field(default=Board(), description="The board.")
    log: Log = Field(default=Log(), description="Its log.")
    workers: int = Field(
        default=_setting("workers"), ge=1, le=256, description="How many objects are looked at at the same time."
    )
    resync_seconds: int = Field(
        default=_setting("resync_seconds"),
        ge=1,
        le=3600,
        description="How often everything is listed to find what a lost event hid.",
    )
    cache_size: Quantity = Field(
        default="8Gi",
        description="Room for the git mirrors, which are lost with the pod. Stay below limits.ephemeral-storage.",
    )
    env: dict[EnvironmentName, str] = Field(
        default={}, description="More environment variables: HTTPS_PROXY, or a setting that has no value here."
    )
    metrics: Metrics = Field(default=Metrics(), description="What Prometheus collects.")
    pod_disruption_budget: PodDisruptionBudget = Field(
        default=PodDisruptionBudget(), description="How many replicas a drained node may take away."
    )
    network_policy: NetworkPolicy = Field(default=NetworkPolicy(), description="What its pods may reach.")
    namespace: Namespace = Field(default=Namespace(), description="Its namespace.")


HELMS_OWN: Final = "global"
"""What Helm hands to a chart that is part of another; it is let through, and nothing reads it."""
