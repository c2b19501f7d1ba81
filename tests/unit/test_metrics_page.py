"""docs/metrics.md, the dashboard and the alert rules speak of metrics that there are, and the page speaks of all of them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from brandrelease.apis.brandrelease import Phase
from brandrelease.apis.reasons import Reason
from support.exposed import exposed, series

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/metrics.md").read_text("utf-8")
OBSERVABILITY = ROOT / "deploy/observability"

_ROW = re.compile(r"^\| `(brandrelease_\w+)` \| (\w+) \|(.*?)\| (.+) \|$", re.MULTILINE)
_NAME = re.compile(r"\bbrandrelease_[a-z_]+\b")
_SELECTOR = re.compile(r"\b(brandrelease_[a-z_]+)\{([^}]*)\}")
_MATCHER = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"')
_GROUPING = re.compile(r"\b(?:by|on|group_left|without)\s*\(([^)]*)\)")
_LABEL_VALUES = re.compile(r"label_values\(.*, (\w+)\)")


def dashboard() -> dict[str, Any]:
    return dict(json.loads((OBSERVABILITY / "dashboard.json").read_text("utf-8")))


def panels() -> list[dict[str, Any]]:
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((OBSERVABILITY / "alerts.yaml").read_text("utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def expressions() -> Iterator[tuple[str, str]]:
    """Everything that is asked of Prometheus, with where it stands."""
    yield from ((rule["alert"], rule["expr"]) for rule in rules())
    yield from ((panel["title"], target["expr"]) for panel in panels() for target in panel["targets"])
    variables = dashboard()["templating"]["list"]
    yield from ((each["name"], each["query"]["query"]) for each in variables if each["type"] == "query")
    yield from (("docs/metrics.md", block) for block in re.findall(r"```promql\n(.*?)```", PAGE, re.DOTALL))


EXPRESSIONS = list(expressions())


# --- the page ---------------------------------------------------------------------------------------------------------


def test_the_page_has_a_row_for_every_metric_with_its_type_and_labels() -> None:
    rows = {name: (kind, tuple(re.findall(r"`(\w+)`", labels))) for name, kind, labels, _ in _ROW.findall(PAGE)}
    assert rows == {metric.name: (metric.kind, metric.labels) for metric in exposed().values()}


def test_every_series_that_is_named_on_the_page_or_in_the_readme_is_there() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    assert set(_NAME.findall(PAGE + readme)) <= set(series()) | set(exposed())


def test_the_page_has_every_alert_with_its_severity() -> None:
    rows = re.findall(r"^\| `(BrandRelease\w+)` \| (\w+) \|", PAGE, re.MULTILINE)
    assert sorted(rows) == sorted((rule["alert"], rule["labels"]["severity"]) for rule in rules())


# --- what is asked of Prometheus --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("where", "expression"), EXPRESSIONS, ids=[where for where, _ in EXPRESSIONS])
def test_every_series_and_label_that_is_asked_for_is_there(where: str, expression: str) -> None:
    known, used = series(), set(_NAME.findall(expression))
    assert used
    assert used <= set(known)
    for name, matchers in _SELECTOR.findall(expression):
        assert {label for label, _ in _MATCHER.findall(matchers)} <= set(known[name]), name
    of_all = {label for name in used for label in known[name]}
    grouped = {label.strip() for labels in _GROUPING.findall(expression) for label in labels.split(",")}
    assert grouped | set(_LABEL_VALUES.findall(expression)) <= of_all


@pytest.mark.parametrize(("label", "values"), [("reason", set(Reason)), ("phase", set(Phase))])
def test_every_reason_and_phase_that_is_asked_for_is_one(label: str, values: set[str]) -> None:
    texts = [text for _, expr in EXPRESSIONS for name, text in _MATCHER.findall(expr) if name == label]
    assert texts
    assert {value for text in texts for value in text.split("|")} <= values


@pytest.mark.parametrize("rule", rules(), ids=[rule["alert"] for rule in rules()])
def test_every_alert_says_what_happened_and_what_to_do_with_the_names_that_it_has(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert set(rule["annotations"]) == {"summary", "description"}
    words = " ".join(rule["annotations"].values())
    assert re.search(r"kubectl |[Ii]ts log|The log|docs/", words), "it leads somewhere"
    if "by (namespace, name" in rule["expr"] and "count by" not in rule["expr"]:
        assert "{{ $labels.name }} -n {{ $labels.namespace }}" in words


# --- the dashboard ----------------------------------------------------------------------------------------------------


def test_the_dashboard_can_be_imported_anywhere() -> None:
    board = dashboard()
    assert "uid" not in board
    assert "id" not in board
    assert board["templating"]["list"][0]["type"] == "datasource"
    everything = json.dumps(board)
    assert set(re.findall(r'"uid": "([^"]*)"', everything)) == {"${datasource}"}
    assert all(target["datasource"]["uid"] == "${datasource}" for panel in panels() for target in panel["targets"])


def test_the_panels_have_ids_of_their_own_lie_beside_each_other_and_say_what_they_show() -> None:
    ids = [panel["id"] for panel in dashboard()["panels"]]
    assert len(ids) == len(set(ids))
    taken: set[tuple[int, int]] = set()
    for panel in dashboard()["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not taken & cells, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells
        assert panel["type"] == "row" or panel["description"]
    for panel in panels():
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
