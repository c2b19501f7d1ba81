"""`Brand`: where a site's source is, how its image is built and what healthy means. It belongs to the platform team."""

from typing import Annotated, Any, ClassVar

from pydantic import Field

from brandrelease.apis.build import Build
from brandrelease.apis.checks import CHECKS_LIMIT, Check
from brandrelease.apis.cloudfront import CloudFront
from brandrelease.apis.healing import Hooks, RollbackPolicy
from brandrelease.apis.model import ApiModel, list_atomic, list_map, list_set, rules
from brandrelease.apis.names import dns_label, dns_subdomain
from brandrelease.apis.notifications import NOTIFICATIONS_LIMIT, Notification
from brandrelease.apis.windows import WINDOWS_LIMIT, Window

# Whether environments a and b have the same Deployment, names that are left out filled in as `Brand.environment` does.
# Two that are left out differ, as the names of environments do. Written without ever joining strings: up to Kubernetes 1.36
# the API server takes metadata.name for endless, and refuses a rule that joins or searches it for each pair. `namespace`
# is a word of CEL's own; without the underscores, its maxLength would not be seen either.
_IS_DEFAULT = (
    "{0}.endsWith('-' + {1}.name{2}) && {0}.substring(0, {0}.size() - {1}.name.size() - {3}) == self.metadata.name"
)
_NAMESPACE_OF_A_IS_DEFAULT_OF_B = _IS_DEFAULT.format("a.__namespace__", "b", "", 1)
_SAME_NAMESPACE = f"has(a.__namespace__) && (has(b.__namespace__) ? a.__namespace__ == b.__namespace__ : {_NAMESPACE_OF_A_IS_DEFAULT_OF_B})"
"""The other way round is the pair of b and a."""
_DEPLOYMENT_IS_DEFAULT = (
    _IS_DEFAULT.format(f"{one}.deployment", other, " + '-deployment'", 12) for one, other in ("ab", "ba")
)
_OF_A, _OF_B = _DEPLOYMENT_IS_DEFAULT
_SAME_DEPLOYMENT = (
    f"{_SAME_NAMESPACE} && (has(a.deployment) ? (has(b.deployment) ? a.deployment == b.deployment : {_OF_A})"
    f" : has(b.deployment) && {_OF_B})"
)


def _about(field_path: str, declared: dict[str, Any]) -> dict[str, Any]:
    """Rules on the whole object that complain about one field of it; without this, they complain about `<nil>`."""
    return {key: [each | {"fieldPath": field_path} for each in pairs] for key, pairs in declared.items()}


SecretName = Annotated[
    str,
    Field(
        max_length=253,
        json_schema_extra=dns_subdomain("a Secret in the build namespace, for example 'drumeo-credentials'"),
    ),
]
DnsLabel = Annotated[str, Field(max_length=63)]


class Source(ApiModel):
    """The git repository."""

    url: str = Field(
        max_length=2048,
        description="Address of the git repository, as https:// or ssh:// (plain http:// only where the operator's "
        "setting BRANDRELEASE_ALLOW_INSECURE_SOURCES is true). Credentials go into the Secret, never into the address.",
        json_schema_extra=rules(
            (
                "self.matches('^(https|ssh|http)://')",
                (
                    "must begin with https:// or ssh://, for example 'https://git.example.com/drumeo.git', or "
                    "'ssh://git@git.example.com/drumeo.git' for what git also knows as git@git.example.com:drumeo.git"
                ),
            ),
            (
                "!self.matches('^[a-z]+://[^/@]*:[^/@]*@')",
                (
                    "must not contain a password; put username and password into a Secret and name it in "
                    "spec.source.secretName"
                ),
            ),
            (
                "!self.matches('^https?://[^/@:]*@')",
                (
                    "must not contain a user name; put username and password into a Secret and name it in "
                    "spec.source.secretName"
                ),
            ),
            (
                "!self.matches('(?s)^(https|ssh|http)://.*[^A-Za-z0-9@._:~/%+-]')",
                "must be a plain address: no spaces, quotes, '?', '#' or other special characters",
            ),
            # Only about addresses that the rules above let through, so that one mistake gets one answer.
            (
                (
                    "!self.matches('^(https|ssh|http)://[A-Za-z0-9@._:~/%+-]*$')"
                    " || self.matches('^[a-z]+://([^/]*@)?[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?/.+')"
                ),
                (
                    "must name a host and a path, for example 'https://git.example.com/drumeo.git'; "
                    "the host begins and ends with a letter or digit, and a port has at most five digits"
                ),
            ),
            (
                "!self.matches('^ssh://(@|[^A-Za-z0-9_/@:][^/]*@|[^/]*@[^/]*@)')",
                "must name one user that begins with a letter, for example 'ssh://git@git.example.com/drumeo.git'",
            ),
        ),
    )
    secret_name: SecretName | None = Field(
        default=None,
        description="Secret in the build namespace with username and password, or identity and known_hosts; "
        "optionally caFile, and host: the only host that it may be used for, whatever this url becomes.",
    )


class Image(ApiModel):
    """Where images are kept."""

    repository: str = Field(
        max_length=255,
        description="Registry and repository without tag or digest, for example "
        "123456789012.dkr.ecr.us-east-2.amazonaws.com/drumeo.",
        json_schema_extra=rules(
            (
                "!self.contains('://')",
                "must not begin with a scheme; write 'registry.example.com/drumeo' without https://",
            ),
            ("!self.contains('@')", "must not contain a digest; the operator chooses the digest of each release"),
            (
                "self.contains('@') || !self.matches('/[^/]*:[^/]*$') || self.contains('://')",
                "must not contain a tag; the operator chooses the tag of each build",
            ),
            # Without this, the kubelet would look for 'sites/drumeo' at docker.io, and the operator at a host 'sites'.
            (
                "self.matches('[@]|://|^([^/]*[.:][^/]*|localhost)/')",
                (
                    "must begin with the registry's host, for example 'registry.example.com/sites/drumeo'; "
                    "for Docker Hub write 'docker.io/...'"
                ),
            ),
            (
                (
                    "self.matches('[@]|://|:[^/]*$|^[^/.:]*/|^[^/]*$') || self.matches("
                    "'^[a-zA-Z0-9]([a-zA-Z0-9.-]*[a-zA-Z0-9])?(:[0-9]{1,5})?(/[a-z0-9]+(([._]|__|-+)[a-z0-9]+)*)+$')"
                ),
                "must be a registry host and a lower case repository, for example 'registry.example.com/sites/drumeo'",
            ),
        ),
    )
    secret_name: SecretName | None = Field(
        default=None,
        description="Secret of type kubernetes.io/dockerconfigjson in the build namespace, for pushing and for "
        "looking images up. An ECR repository without one is looked up by the operator's own AWS credentials.",
    )


class Environment(ApiModel):
    """One environment of the brand: which Deployment is released to, from which refs, and what healthy means there."""

    name: DnsLabel = Field(
        description="For example production or staging.",
        json_schema_extra=dns_label("an environment, for example 'production'"),
    )
    namespace: DnsLabel | None = Field(
        default=None,
        description="Namespace of the Deployment and of the BrandRelease; default is {brand}-{name}.",
        json_schema_extra=dns_label("a namespace, for example 'drumeo-production'"),
    )
    deployment: (
        Annotated[
            str,
            Field(
                max_length=253,
                json_schema_extra=dns_subdomain("a Deployment, for example 'drumeo-production-deployment'"),
            ),
        ]
        | None
    ) = Field(default=None, description="Name of the Deployment; default is {brand}-{name}-deployment.")
    container: DnsLabel | None = Field(
        default=None,
        description="Container that gets the image; default is the only container.",
        json_schema_extra=dns_label("a container of the Deployment, for example 'app'"),
    )
    allowed_refs: tuple[
        Annotated[
            str,
            Field(
                max_length=255,
                json_schema_extra=rules(
                    (
                        "self.matches('^refs/[^ ~^:]+$')",
                        (
                            "must be a full ref name or a glob over full ref names, "
                            "for example 'refs/heads/master' or 'refs/tags/v*'"
                        ),
                    ),
                ),
            ),
        ],
        ...,
    ] = Field(
        default=(),
        max_length=32,
        json_schema_extra=list_set(),
        description="Globs over full ref names, for example refs/heads/master or refs/tags/*; empty allows any. "
        "A bare commit id must be reachable from an allowed ref.",
    )
    progress_deadline_seconds: int = Field(
        default=600,
        ge=5,
        le=86400,
        description="Seconds from the change of the Deployment until all new pods must have become ready.",
    )
    soak_seconds: int = Field(
        default=300,
        ge=0,
        le=86400,
        description="Seconds for which a complete rollout is "
        "watched, ready to roll back, before the release is called Live.",
    )
    restart_limit: int = Field(
        default=2,
        ge=0,
        le=100,
        description="Restarts of a new pod's container that are forgiven during rollout and soak.",
    )
    revision_history_limit: int = Field(default=10, ge=1, le=50, description="Releases kept in status.history.")
    rollback: RollbackPolicy = Field(default_factory=RollbackPolicy, description="How a bad release is left.")
    hooks: Hooks = Field(default_factory=Hooks, description="What runs before and after the change of the Deployment.")
    checks: tuple[Annotated[Check, Field(json_schema_extra=Check.schema_rules)], ...] = Field(
        default=(),
        max_length=CHECKS_LIMIT,
        json_schema_extra=list_map("name"),
        description="Signals besides the pods, by name.",
    )
    windows: tuple[Window, ...] = Field(
        default=(),
        max_length=WINDOWS_LIMIT,
        json_schema_extra=list_atomic(),
        description="When releases wait (Deny), or when alone they need not (Allow). They are built meanwhile; a "
        "rollback never waits.",
    )
    cloud_front: CloudFront | None = Field(
        default=None,
        description="The CloudFront distribution in front of the site: it is invalidated when a release is live, and "
        "when one was rolled back. A release never fails for it.",
    )
    notifications: tuple[Annotated[Notification, Field(json_schema_extra=Notification.schema_rules)], ...] = Field(
        default=(),
        max_length=NOTIFICATIONS_LIMIT,
        json_schema_extra=list_map("name"),
        description="Who is told of releases, by name. No release waits for it or fails for it.",
    )


class BrandSpec(ApiModel):
    """What the platform team says about a brand."""

    source: Source = Field(description="The git repository.")
    image: Image = Field(description="Where images are kept.")
    build: Build = Field(description="How a commit becomes an image.", json_schema_extra=Build.schema_rules)
    environments: tuple[Environment, ...] = Field(
        min_length=1,
        max_length=32,
        json_schema_extra=list_map("name"),
        description="The environments that can be released to, by name.",
    )


class Brand(ApiModel):
    """Where a site's source is, how its image is built and what healthy means."""

    schema_rules: ClassVar[dict[str, Any]] = _about(
        ".spec.environments",
        rules(
            (
                "self.spec.environments.all(e, has(e.__namespace__) || self.metadata.name.size() + e.name.size() < 63)",
                (
                    "the default namespace {brand}-{name} of an environment would be longer than 63 characters; "
                    "give the environment a namespace, or the Brand a shorter name"
                ),
            ),
            (
                "!self.metadata.name.contains('.') || self.spec.environments.all(e, has(e.__namespace__))",
                (
                    "the default namespace {brand}-{name} of an environment would contain a '.'; "
                    "give each environment a namespace, or the Brand a name without '.'"
                ),
            ),
            (
                (
                    "self.spec.environments.all(a, self.spec.environments.all(b,"
                    f" a.name == b.name || !({_SAME_DEPLOYMENT})))"
                ),
                (
                    "two environments must not release to the same Deployment; "
                    "give each a namespace or a deployment of its own"
                ),
            ),
        ),
    )

    name: str
    uid: str
    spec: BrandSpec

    @classmethod
    def from_object(cls, body: dict[str, Any]) -> "Brand":
        """Read an API object; raises pydantic.ValidationError if a stored object breaks today's rules."""
        return cls(name=body["metadata"]["name"], uid=body["metadata"]["uid"], spec=body["spec"])

    def namespaces(self) -> dict[str, str]:
        """Namespace of each environment, the default filled in, by the environment's name."""
        return {each.name: each.namespace or f"{self.name}-{each.name}" for each in self.spec.environments}

    def environment(self, name: str) -> Environment | None:
        """The environment of this name, with every default filled in that depends on the names."""
        for environment in self.spec.environments:
            if environment.name == name:
                return environment.model_copy(
                    update={
                        "namespace": environment.namespace or f"{self.name}-{name}",
                        "deployment": environment.deployment or f"{self.name}-{name}-deployment",
                    }
                )
        return None
