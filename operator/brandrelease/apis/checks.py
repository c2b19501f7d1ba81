"""Signals besides pods: the part of a `Brand` that says what else is looked at while a release is watched."""

from datetime import timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, Field, model_validator

from brandrelease.apis.model import ApiModel, list_set, rules
from brandrelease.apis.names import AwsRegion, OperatorSecretName, address

CHECKS_LIMIT = 10
ALARMS_LIMIT = 10
"""CodeDeploy watches so many alarms of a deployment at most; more are as good as none."""


class OnFailure(StrEnum):
    """What a check that has failed leads to."""

    Rollback = "Rollback"
    Hold = "Hold"
    Ignore = "Ignore"


class OnError(StrEnum):
    """What it leads to that the source of a check does not answer: that is never the release's failure."""

    Hold = "Hold"
    Ignore = "Ignore"


def _is_decimal(text: str) -> str:
    try:
        Decimal(text)
    except InvalidOperation:
        message = f"{text!r} is not a number"
        raise ValueError(message) from None
    return text


def _decimal(examples: str) -> dict[str, Any]:
    """A number that may have a fraction. The Kubernetes API has no such type, so it is text, as amounts of CPU are."""
    return rules(
        ("self.matches('^-?[0-9]{1,15}([.][0-9]{1,9})?$')", f"must be a number in quotes, for example {examples}")
    )


_Bound = Annotated[str, AfterValidator(_is_decimal), Field(max_length=32, json_schema_extra=_decimal("'250' or '0.5'"))]
_Ratio = Annotated[str, AfterValidator(_is_decimal), Field(max_length=32, json_schema_extra=_decimal("'2' or '1.5'"))]

_ADDRESS = address("https://www.example.com/", encrypted=False)


class HttpCheck(ApiModel):
    """The site itself, as visitors reach it, and beside it the pods."""

    url: str = Field(
        max_length=2048,
        json_schema_extra=_ADDRESS,
        description="Public address that is asked, for example https://www.drumeo.com/.",
    )
    statuses: tuple[Annotated[int, Field(ge=100, le=599)], ...] = Field(
        default=(200,),
        min_length=1,
        max_length=16,
        json_schema_extra=list_set(),
        description="HTTP statuses that are good; default is 200.",
    )
    body_contains: str | None = Field(
        default=None, max_length=512, description="Text that the first MiB of the body must contain."
    )
    max_latency_milliseconds: int | None = Field(
        default=None, ge=1, le=60_000, description="Longest time until the answer is there, body included."
    )
    timeout_seconds: int = Field(default=5, ge=1, le=60, description="Seconds after which there is no answer.")
    follow_redirects: bool = Field(
        default=False, description="Whether redirects are followed (at most 5); else a redirect is the answer."
    )
    allow_private_addresses: bool = Field(
        default=False,
        description="Whether a redirect to another host may lead to a private address, such as 10.0.0.1.",
    )
    pod_port: int | None = Field(
        default=None,
        ge=1,
        le=65_535,
        description="Port of the pods, spoken to in plain HTTP with the Host of url: they are asked for the same path, so that "
        "a fault of the edge in front is told apart from one of the pods. Absent: only url is asked.",
    )
    tls_warning_days: int = Field(
        default=14,
        ge=0,
        le=365,
        description="Days before the end of the certificate from which on the message warns; 0 never does.",
    )


class PrometheusCheck(ApiModel):
    """An instant query that gives one number."""

    schema_rules: ClassVar[dict[str, Any]] = rules(
        (
            "has(self.min) || has(self.max) || has(self.maxRatio)",
            "must say what is good: min, max or maxRatio, for example max: '0.05'",
        ),
        (
            "has(self.maxRatio) == has(self.floor)",
            (
                "maxRatio and floor go together: a value up to the floor is good whatever it was before the release, "
                "for example maxRatio: '2' with floor: '0.01'"
            ),
        ),
    )

    url: str = Field(
        max_length=2048,
        json_schema_extra=_ADDRESS,
        description="Address of Prometheus, for example http://prometheus.monitoring:9090.",
    )
    query: str = Field(
        min_length=1,
        max_length=4096,
        description="PromQL that gives one number (a scalar, or a vector of one element).",
    )
    secret_name: OperatorSecretName | None = Field(
        default=None,
        description="Secret in the operator's namespace with token, or username and password; optionally caFile.",
    )
    min: _Bound | None = Field(default=None, description="Least value that is good.")
    max: _Bound | None = Field(default=None, description="Greatest value that is good.")
    max_ratio: _Ratio | None = Field(
        default=None, description="How many times the value before the release is still good."
    )
    floor: _Bound | None = Field(
        default=None, description="Up to this, a value is good whatever it was before the release."
    )
    timeout_seconds: int = Field(default=10, ge=1, le=60, description="Seconds after which there is no answer.")


class ElasticsearchCheck(ApiModel):
    """How many log lines a query finds, against how many it found before the release."""

    url: str = Field(
        max_length=2048,
        json_schema_extra=_ADDRESS,
        description="Address of Elasticsearch or OpenSearch, for example https://logs.example.com.",
    )
    index: str = Field(
        max_length=255,
        description="Index, data stream, alias or pattern, for example logs-drumeo-*.",
        json_schema_extra=rules(
            (
                "self.matches('^[.]?[a-z0-9*][a-z0-9._*,-]*$')",
                "must be the name or pattern of an index, for example 'logs-drumeo-*'",
            )
        ),
    )
    query: str = Field(
        min_length=1,
        max_length=4096,
        description="What to count, in the query string syntax, for example level:error AND brand:drumeo.",
    )
    time_field: str = Field(
        default="@timestamp",
        max_length=255,
        description="Field with the time of a line.",
        json_schema_extra=rules(
            ("self.matches('^[A-Za-z0-9_@][A-Za-z0-9_.@-]*$')", "must be the name of a field, for example '@timestamp'")
        ),
    )
    window_seconds: int = Field(default=300, ge=10, le=86_400, description="How far back lines count, from now on.")
    max_ratio: _Ratio = Field(default="2", description="How many times the count before the release is still good.")
    min_count: int = Field(
        default=10,
        ge=0,
        le=1_000_000_000,
        description="Up to so many lines are good, however few there were before the release.",
    )
    secret_name: OperatorSecretName | None = Field(
        default=None,
        description="Secret in the operator's namespace with apiKey, or username and password; optionally caFile.",
    )
    timeout_seconds: int = Field(default=10, ge=1, le=60, description="Seconds after which there is no answer.")


class CloudWatchAlarms(ApiModel):
    """Alarms of Amazon CloudWatch, metric and composite ones."""

    region: AwsRegion = Field(description="AWS region of the alarms, for example us-east-2.")
    names: tuple[Annotated[str, Field(min_length=1, max_length=255)], ...] = Field(
        min_length=1,
        max_length=ALARMS_LIMIT,
        json_schema_extra=list_set(),
        description="Names of the alarms; each must exist.",
    )


class CloudWatchMetric(ApiModel):
    """A metric of Amazon CloudWatch, for example the load of the database."""

    schema_rules: ClassVar[dict[str, Any]] = rules(
        (
            "has(self.max) || has(self.maxRatio)",
            "must say what is good: max or maxRatio, for example max: '8'",
        ),
        (
            "has(self.maxRatio) == has(self.floor)",
            (
                "maxRatio and floor go together: a value up to the floor is good whatever it was before the release, "
                "for example maxRatio: '2' with floor: '1'"
            ),
        ),
    )

    region: AwsRegion = Field(description="AWS region of the metric, for example us-east-2.")
    namespace: str = Field(
        max_length=255,
        description="Namespace of the metric, for example AWS/RDS.",
        json_schema_extra=rules(
            ("self.matches('^[A-Za-z0-9._/#:-]+$')", "must be the namespace of a metric, for example 'AWS/RDS'")
        ),
    )
    metric_name: str = Field(min_length=1, max_length=255, description="Name of the metric, for example DBLoad.")
    dimensions: dict[str, Annotated[str, Field(min_length=1, max_length=255)]] = Field(
        default_factory=dict,
        max_length=10,
        description="Which of them, for example {DBClusterIdentifier: production}.",
        json_schema_extra=rules(
            (
                "self.all(name, name.size() > 0 && name.size() < 256)",
                "names of dimensions must have 1 to 255 characters, for example 'DBClusterIdentifier'",
            )
        ),
    )
    statistic: str = Field(
        default="Average",
        max_length=16,
        description="Average, Maximum, Minimum, Sum, SampleCount or a percentile such as p99.",
        json_schema_extra=rules(
            (
                "self.matches('^(Average|Maximum|Minimum|Sum|SampleCount|p[0-9]{1,2}([.][0-9]{1,2})?)$')",
                "must be Average, Maximum, Minimum, Sum, SampleCount or a percentile, for example 'p99'",
            )
        ),
    )
    period_seconds: int = Field(
        default=60,
        ge=60,
        le=3600,
        multiple_of=60,
        description="Seconds that one value stands for; the newest whole period counts.",
    )
    max: _Bound | None = Field(default=None, description="Greatest value that is good.")
    max_ratio: _Ratio | None = Field(
        default=None, description="How many times the value before the release is still good."
    )
    floor: _Bound | None = Field(
        default=None, description="Up to this, a value is good whatever it was before the release."
    )


Source = HttpCheck | PrometheusCheck | ElasticsearchCheck | CloudWatchAlarms | CloudWatchMetric

AWS_TIMEOUT_SECONDS = 30
"""What a call to AWS may take, with the tries of boto3."""


class Check(ApiModel):
    """One signal besides the pods, looked at before a release and while it is watched."""

    schema_rules: ClassVar[dict[str, Any]] = rules(
        (
            (
                "[has(self.http), has(self.prometheus), has(self.elasticsearch), has(self.cloudWatchAlarms), "
                "has(self.cloudWatchMetric)].filter(set, set).size() == 1"
            ),
            (
                "must name exactly one source: http, prometheus, elasticsearch, cloudWatchAlarms or cloudWatchMetric, "
                "for example http: {url: 'https://www.example.com/'}"
            ),
        ),
    )

    name: str = Field(
        max_length=63,
        description="For example home-page.",
        json_schema_extra=rules(
            (
                "self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",
                (
                    "must be a name such as 'home-page': lower case letters, digits and '-', beginning and ending with "
                    "a letter or digit"
                ),
            )
        ),
    )
    http: HttpCheck | None = Field(default=None, description="The site itself, and beside it the pods.")
    prometheus: PrometheusCheck | None = Field(
        default=None, description="A query to Prometheus.", json_schema_extra=PrometheusCheck.schema_rules
    )
    elasticsearch: ElasticsearchCheck | None = Field(
        default=None, description="The number of log lines that a query finds in Elasticsearch or OpenSearch."
    )
    cloud_watch_alarms: CloudWatchAlarms | None = Field(default=None, description="Alarms of Amazon CloudWatch.")
    cloud_watch_metric: CloudWatchMetric | None = Field(
        default=None,
        description="A metric of Amazon CloudWatch.",
        json_schema_extra=CloudWatchMetric.schema_rules,
    )
    interval_seconds: int = Field(default=15, ge=1, le=3600, description="Seconds between two looks.")
    initial_delay_seconds: int = Field(
        default=0, ge=0, le=3600, description="Seconds from the end of the rollout to the first look."
    )
    failure_limit: int = Field(
        default=3, ge=1, le=100, description="So many bad looks one after the other make the check fail."
    )
    on_failure: OnFailure | None = Field(
        default=None,
        description="Rollback: the release is rolled back. Hold: it is not called Live until the check is good again, and a "
        "person decides. Ignore: it is only told. Default is Rollback; Hold for cloudWatchAlarms and cloudWatchMetric, "
        "since many brands may share what they look at.",
    )
    on_error: OnError = Field(
        default=OnError.Hold,
        description="What happens while the source does not answer. Hold: the release waits for it. Ignore: it goes on.",
    )
    dry_run: bool = Field(default=False, description="True: it is looked at and told, and nothing follows from it.")

    @model_validator(mode="after")
    def _exactly_one_source(self) -> Self:
        if len(self._sources()) != 1:
            message = "a check must name exactly one source: http, prometheus, elasticsearch, cloudWatchAlarms or cloudWatchMetric"
            raise ValueError(message)
        return self

    def _sources(self) -> list[tuple[str, Source]]:
        named = {
            "http": self.http,
            "prometheus": self.prometheus,
            "elasticsearch": self.elasticsearch,
            "cloudWatchAlarms": self.cloud_watch_alarms,
            "cloudWatchMetric": self.cloud_watch_metric,
        }
        return [(name, source) for name, source in named.items() if source is not None]

    @property
    def source(self) -> Source:
        """Where it looks."""
        return self._sources()[0][1]

    @property
    def source_name(self) -> str:
        """The source as it is called in the Brand, for example cloudWatchAlarms."""
        return self._sources()[0][0]

    @property
    def secret_name(self) -> str | None:
        """The Secret in the operator's namespace that the source needs."""
        source = self.source
        return source.secret_name if isinstance(source, PrometheusCheck | ElasticsearchCheck) else None

    @property
    def consequence(self) -> OnFailure:
        """What its failure leads to, the default filled in."""
        if self.dry_run:
            return OnFailure.Ignore
        if self.on_failure is not None:
            return self.on_failure
        shared = isinstance(self.source, CloudWatchAlarms | CloudWatchMetric)
        return OnFailure.Hold if shared else OnFailure.Rollback

    @property
    def holds_on_error(self) -> bool:
        """Whether a release waits while the source does not answer."""
        return self.on_error is OnError.Hold and not self.dry_run

    @property
    def interval(self) -> timedelta:
        return timedelta(seconds=self.interval_seconds)

    @property
    def timeout(self) -> timedelta:
        """The longest that one look can take."""
        source = self.source
        if isinstance(source, CloudWatchAlarms | CloudWatchMetric):
            return timedelta(seconds=AWS_TIMEOUT_SECONDS)
        return timedelta(seconds=source.timeout_seconds)

    @property
    def time_to_fail(self) -> timedelta:
        """How long after the end of the rollout a fault that is there from the beginning makes it fail, at the latest."""
        looks = self.interval * (self.failure_limit - 1) + self.timeout
        return timedelta(seconds=self.initial_delay_seconds) + looks
