"""Checks of a Brand that must be refused, each with the words that say what to write instead."""

from typing import Any, Final

from apiserver.bad_objects import Bad

PLACE: Final = "spec.environments[0].checks[0]"
PAGE: Final = {"url": "https://www.example.com/"}
QUERY: Final = {"url": "http://prometheus.monitoring:9090", "query": "error_ratio", "max": "0.05"}
LOGS: Final = {"url": "https://logs.example.com", "index": "logs-*", "query": "level:error"}
ALARMS: Final = {"region": "us-east-2", "names": ["aurora-load"]}
METRIC: Final = {"region": "us-east-2", "namespace": "AWS/RDS", "metricName": "DBLoad", "max": "8"}

ONE_SOURCE: Final = (
    ": must name exactly one source: http, prometheus, elasticsearch, cloudWatchAlarms or cloudWatchMetric, "
    "for example http: {url: 'https://www.example.com/'}"
)
WHAT_IS_GOOD: Final = "must say what is good: min, max or maxRatio, for example max: '0.05'"
TOGETHER: Final = "maxRatio and floor go together: a value up to the floor is good whatever it was before the release"
NUMBER: Final = "must be a number in quotes, for example '250' or '0.5'"
REGION: Final = "must be an AWS region, for example 'us-east-2'"


def _one(what: str, check: dict[str, Any], answer: str) -> Bad:
    changes = {"spec.environments.0.checks": [{"name": "one"} | check]}
    return Bad(f"check {what}", changes, f"{PLACE}{answer}")


def _page(what: str, field: str, value: object, answer: str) -> Bad:
    return _one(f"of a page {what}", {"http": PAGE | {field: value}}, f".http.{field}{answer}")


def _query(what: str, fields: dict[str, Any], answer: str) -> Bad:
    return _one(f"by Prometheus {what}", {"prometheus": QUERY | fields}, f".prometheus{answer}")


def _without(source: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in source.items() if name not in names}


BAD_CHECKS: Final = (
    _one("of no source", {}, ONE_SOURCE),
    _one("of two sources", {"http": PAGE, "prometheus": QUERY}, ONE_SOURCE),
    _one("by another name", {"name": "Home page", "http": PAGE}, ".name: must be a name such as 'home-page'"),
    _one("that looks all the time", {"http": PAGE, "intervalSeconds": 0}, ".intervalSeconds in body should be greater than or equal to 1"),
    _one("that never fails", {"http": PAGE, "failureLimit": 0}, ".failureLimit in body should be greater than or equal to 1"),
    _one("that rolls back in small letters", {"http": PAGE, "onFailure": "rollback"}, '.onFailure: Unsupported value: "rollback": supported values: "Rollback", "Hold", "Ignore"'),
    _one("that rolls back on errors", {"http": PAGE, "onError": "Rollback"}, '.onError: Unsupported value: "Rollback": supported values: "Hold", "Ignore"'),
    Bad(
        "two checks of one name",
        {"spec.environments.0.checks": [{"name": "a", "http": PAGE}, {"name": "a", "prometheus": QUERY}]},
        'spec.environments[0].checks[1]: Duplicate value: {"name":"a"}',
    ),
    Bad(
        "too many checks",
        {"spec.environments.0.checks": [{"name": f"c{number}", "http": PAGE} for number in range(11)]},
        "spec.environments[0].checks: Too many: 11: must have at most 10 items",
    ),
    _page("without a scheme", "url", "www.example.com", ": must begin with https:// or http://, for example 'https://www.example.com/'"),
    _page("with a password", "url", "https://me:secret@www.example.com/", ": must not contain a user or a password"),
    _page("with a space", "url", "https://www.example.com/a b", ": must be English letters, digits and signs without spaces"),
    _page("of no host", "url", "https:///", ": must name a host, for example 'https://www.example.com/'"),
    _page("with a status in words", "statuses", ["OK"], '[0] in body must be of type integer: "string"'),
    _page("with a status that there is not", "statuses", [99], "[0] in body should be greater than or equal to 100"),
    _page("of port 0", "podPort", 0, " in body should be greater than or equal to 1"),
    _query("for which everything is good", {"max": None}, f": {WHAT_IS_GOOD}"),
    _query("with a ratio and no floor", {"maxRatio": "2"}, f": {TOGETHER}"),
    _query("with a floor and no ratio", {"floor": "2"}, f": {TOGETHER}"),
    _query("with a number without quotes", {"max": 0.05}, '.max in body must be of type string: "number"'),
    _query("with a number in percent", {"max": "5%"}, f".max: {NUMBER}"),
    _query("with a Secret in capitals", {"secretName": "Logs"}, ".secretName: must be the name of a Secret in the operator's own namespace, for example 'drumeo-monitoring'"),
    _query("of no query", {"query": ""}, '.query: Invalid value: ""'),
    _one("of an index in capitals", {"elasticsearch": LOGS | {"index": "Logs"}}, ".elasticsearch.index: must be the name or pattern of an index, for example 'logs-drumeo-*'"),
    _one("of a time field with spaces", {"elasticsearch": LOGS | {"timeField": "a b"}}, ".elasticsearch.timeField: must be the name of a field, for example '@timestamp'"),
    _one("of alarms in no region", {"cloudWatchAlarms": ALARMS | {"region": "Ohio"}}, f".cloudWatchAlarms.region: {REGION}"),
    _one("of no alarms", {"cloudWatchAlarms": ALARMS | {"names": []}}, ".cloudWatchAlarms.names"),
    _one("of an alarm without a name", {"cloudWatchAlarms": ALARMS | {"names": [""]}}, ".cloudWatchAlarms.names[0]"),
    _one("of an alarm twice", {"cloudWatchAlarms": ALARMS | {"names": ["a", "a"]}}, '.cloudWatchAlarms.names[1]: Duplicate value: "a"'),
    _one("of a metric for which everything is good", {"cloudWatchMetric": _without(METRIC, "max")}, ".cloudWatchMetric: must say what is good: max or maxRatio, for example max: '8'"),
    _one("of a metric by another statistic", {"cloudWatchMetric": METRIC | {"statistic": "Median"}}, ".cloudWatchMetric.statistic: must be Average, Maximum, Minimum, Sum, SampleCount or a percentile, for example 'p99'"),
    _one("of a metric every 90 seconds", {"cloudWatchMetric": METRIC | {"periodSeconds": 90}}, ".cloudWatchMetric.periodSeconds in body should be a multiple of 60"),
)  # fmt: skip
