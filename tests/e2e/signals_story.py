"""A story whose site is bad in ways that its pods do not show: PHP behind an nginx, with logs and a database elsewhere."""

import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from enum import Enum
from typing import Any
from urllib.parse import urlsplit

from cluster.certificates import Authority
from e2e.codebuild_story import REGION
from e2e.story import Story
from e2e.trial import Trial
from support.codebuild import CodeBuildServer
from support.codebuild.calls import client_at
from support.edge import Edge
from support.opensearch.server import OpenSearchServer
from support.php_site import HEALTH, PORT, push_files
from support.prometheus import PrometheusServer
from support.wire import Wire

SERVE = f"#!/bin/sh\nexec php -S 0.0.0.0:{PORT} /site/page.php\n"

PAGE = f"""\
<?php
if ($_SERVER['REQUEST_URI'] === '{HEALTH}') {{
    echo "ok\\n";
    return;
}}
$counts = is_file('/tmp/counts') ? unserialize(file_get_contents('/tmp/counts')) : ['ok' => 0, 'failed' => 0];
if ($_SERVER['REQUEST_URI'] === '/metrics') {{
    header('Content-Type: text/plain; version=0.0.4');
    echo '# TYPE site_requests_total counter' . PHP_EOL;
    foreach ($counts as $result => $count) echo 'site_requests_total{{result="' . $result . '"}} ' . $count . PHP_EOL;
    return;
}}
$result = 'ok';
%s
$counts[$result]++;
file_put_contents('/tmp/counts', serialize($counts));
echo '<html>%s</html>';
"""


class Page(Enum):
    """What the code of a commit does for each visitor, beside showing the page with status 200."""

    Good = ""
    BigHeaders = "for ($n = 0; $n < 40; $n++) header('Set-Cookie: course' . $n . '=' . str_repeat('x', 1000), false);"
    """More than nginx takes from what is behind it: it answers 502."""

    Errors = (
        'for ($n = 0; $n < 5; $n++) error_log("PHP Fatal error:  Uncaught PDOException: SQLSTATE[42S22]: Column not '
        "found: 1054 Unknown column level in field list in /site/courses.php:$n\"); $result = 'failed';"
    )
    """Caught somewhere, logged and counted, and the page is shown."""


@dataclass(kw_only=True)
class SignalsStory(Story):
    """A brand whose site is PHP, with checks."""

    def a_live_site(self, *checks: dict[str, Any], page: Page = Page.Good, replicas: int = 2) -> str:
        """A site whose first release is live; returns its commit."""
        self.checked_brand()
        self.php_deployment(replicas)
        self.is_rolled_out()
        self.operator.start()
        commit = self.push_page(page, "first page")
        self.release()
        self.becomes("Live", commit=commit)
        self.checked_brand(*checks)
        return commit

    def checked_brand(self, *checks: dict[str, Any], soak: int = 8) -> None:
        """The Brand with these checks; each looks every second, and fails at the third bad look."""
        usual = {"intervalSeconds": 1, "failureLimit": 3}
        self.brand(soakSeconds=soak, checks=[usual | check for check in checks])

    def php_deployment(self, replicas: int) -> None:
        container = {
            "readinessProbe": {"httpGet": {"path": HEALTH, "port": PORT}, "periodSeconds": 1},
            "lifecycle": {"preStop": {"sleep": {"seconds": 2}}},
            "volumeMounts": [],
        }
        image = self._push_image("by-hand", Page.Good, "by hand")
        self.deployment(replicas, image=image, container=container, terminationGracePeriodSeconds=4, memory="128Mi")

    def push_page(self, page: Page, text: str) -> str:
        """A commit of the site, with its image."""
        commit = self.repository.commit({"site/page.php": PAGE % (page.value, text)}, f"Show the {text}")
        self._push_image(commit, page, text)
        return commit

    def _push_image(self, tag: str, page: Page, text: str) -> str:
        files = {"site/start.sh": SERVE, "site/page.php": PAGE % (page.value, text)}
        return push_files(self.cluster, self.image_repository, tag, files)

    def checks(self) -> dict[str, str]:
        """How each check stands in the watch, by name."""
        verification = self.status.get("current", {}).get("verification", {})
        return {check["name"]: check["state"] for check in verification.get("checks", [])}


@dataclass(kw_only=True)
class EdgeStory(SignalsStory):
    """The site has an nginx in front, as an Ingress is; the operator trusts its certificate's authority alone."""

    authority: Authority

    def __post_init__(self) -> None:
        self.settings = {"SSL_CERT_FILE": str(self.authority.pair.certificate)}
        super().__post_init__()

    def edge(self) -> Edge:
        """The nginx, before the Service of the site."""
        pair = self.authority.issue("www", "www", addresses=["127.0.0.1"])
        return Edge(self.directory / "edge", pair, (urlsplit(self.address).netloc,))

    def visitors_get(self, edge: Edge) -> int:
        """The HTTP status of the home page for them; 0 where nobody answers."""
        context = ssl.create_default_context(cafile=str(self.authority.pair.certificate))
        try:
            with urllib.request.urlopen(edge.url, timeout=5, context=context) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as refusal:
            return refusal.code
        except urllib.error.URLError:
            return 0


@dataclass(kw_only=True)
class LoggedStory(SignalsStory):
    """The logs of the pods are shipped to an index of their own; the operator asks through a wire."""

    logs: OpenSearchServer
    wire: Wire

    @property
    def index(self) -> str:
        return f"logs-{self.name}"

    def namespaces(self) -> None:
        super().namespaces()
        metadata = {"name": "logs", "namespace": self.own}
        login = {"username": "brandrelease", "password": "may-read-logs"}
        self.kubectl.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": login})

    def new_errors(self, window: int) -> dict[str, Any]:
        """The check that counts errors in the index, over so many seconds."""
        where = {"url": self.wire.url, "secretName": "logs", "index": self.index, "query": "level:error"}
        return {
            "name": "new-errors",
            "elasticsearch": {**where, "windowSeconds": window, "minCount": 20, "maxRatio": "3"},
        }

    def errors(self) -> int:
        found = self.logs.ask("GET", f"/{self.index}/_count?q=level:error")
        return int(found["count"])


SHARE = 'sum(rate(site_requests_total{result="failed"}[5s])) / (sum(rate(site_requests_total[5s])) > 0) or vector(0)'


@dataclass(kw_only=True)
class MeteredStory(SignalsStory):
    """The site counts its requests, and Prometheus scrapes it through the Service."""

    def failed_requests(self, url: str) -> dict[str, Any]:
        """The check that at most one request of ten has failed in the last seconds."""
        return {"name": "failed-requests", "prometheus": {"url": url, "query": SHARE, "max": "0.1"}}

    def prometheus(self) -> PrometheusServer:
        directory = self.directory / "prometheus"
        directory.mkdir()
        return PrometheusServer(directory, [urlsplit(self.address).netloc])


@dataclass(kw_only=True)
class AlarmStory(SignalsStory):
    """The database has an alarm in CloudWatch; the operator asks AWS through a wire."""

    aws: CodeBuildServer
    wire: Wire

    def __post_init__(self) -> None:
        self.settings = {**self.aws.environment(REGION), "AWS_ENDPOINT_URL": self.wire.url}
        super().__post_init__()
        rule = {"EvaluationPeriods": 1, "ComparisonOperator": "GreaterThanThreshold", "Threshold": 8.0}
        metric = {"MetricName": "DBLoad", "Namespace": "AWS/RDS", "Period": 60, "Statistic": "Average"}
        self._cloudwatch = client_at(self.aws.url, "cloudwatch", REGION)
        self._cloudwatch.put_metric_alarm(AlarmName=self.alarm, **rule, **metric)
        self.alarm_is("OK")

    @property
    def alarm(self) -> str:
        return f"{self.name}-load"

    def alarm_is(self, state: str) -> None:
        why = "Threshold Crossed: 1 datapoint [9.4] was greater than the threshold (8.0)."
        self._cloudwatch.set_alarm_state(AlarmName=self.alarm, StateValue=state, StateReason=why)

    @property
    def database(self) -> dict[str, Any]:
        """The check that looks at the alarm."""
        alarms = {"region": REGION, "names": [self.alarm]}
        return {"name": "database", "cloudWatchAlarms": alarms, "onFailure": "Rollback"}


def the_watch_begins(trial: Trial, commit: str) -> float:
    """All pods are new; from now on the checks look."""

    def watched(body: dict[str, Any]) -> bool:
        current = body.get("status", {}).get("current", {})
        return current.get("commit") == commit and "verification" in current

    return trial.first("brandreleases", watched)
