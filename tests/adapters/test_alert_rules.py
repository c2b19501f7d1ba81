"""The alert rules, the dashboard's questions and the page of metrics, by Prometheus' own judgement."""

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from aiohttp import ClientSession
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from brandrelease.controller.probes import Probes
from brandrelease.telemetry import Metrics
from cluster import debian
from support.counted import Counted
from support.exposed import exposed
from support.simulation import Behaviour

ROOT = Path(__file__).parents[2]
OBSERVABILITY = ROOT / "deploy/observability"
PROMTOOL = debian.FOR_THE_TESTS["prometheus"]


@pytest.fixture(scope="module", autouse=True)
def promtool_is_there() -> None:
    debian.require({"prometheus": PROMTOOL}, print)


def promtool(*arguments: str, page: str | None = None) -> str:
    """What promtool says; it must be content."""
    done = subprocess.run(
        (PROMTOOL, *arguments), input=page, capture_output=True, text=True, timeout=60, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_the_rules_are_well_formed() -> None:
    rules = OBSERVABILITY / "alerts.yaml"
    count = sum(len(group["rules"]) for group in yaml.safe_load(rules.read_text())["groups"])
    assert f"{count} rules found" in promtool("check", "rules", str(rules))


def test_the_rules_do_in_stories_what_they_are_for() -> None:
    assert "SUCCESS" in promtool("test", "rules", str(OBSERVABILITY / "alerts_test.yaml"))


def test_every_rule_has_a_story_in_which_it_fires_and_one_moment_in_which_it_does_not() -> None:
    stories = yaml.safe_load((OBSERVABILITY / "alerts_test.yaml").read_text("utf-8"))["tests"]
    moments = [(each["alertname"], bool(each["exp_alerts"])) for story in stories for each in story["alert_rule_test"]]
    groups = yaml.safe_load((OBSERVABILITY / "alerts.yaml").read_text("utf-8"))["groups"]
    names = {rule["alert"] for group in groups for rule in group["rules"]}
    assert set(moments) == {(name, fires) for name in names for fires in (True, False)}


def test_prometheus_understands_every_question_of_the_dashboard(tmp_path: Path) -> None:
    panels = json.loads((OBSERVABILITY / "dashboard.json").read_text("utf-8"))["panels"]
    asked = [target["expr"] for panel in panels for target in panel.get("targets", [])]
    plain = [re.sub(r"\$__\w+", "5m", expr).replace("$namespace", ".*").replace("$brand", ".*") for expr in asked]
    assert not [expr for expr in plain if "$" in expr]
    records = [{"record": f"dashboard:question:{place}", "expr": expr} for place, expr in enumerate(plain)]
    file = tmp_path / "questions.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": records}]}))
    assert f"{len(records)} rules found" in promtool("check", "rules", str(file))


def test_the_rules_are_a_prometheusrule_by_the_command_on_the_page() -> None:
    page = (ROOT / "docs/metrics.md").read_text("utf-8")
    command = next(block for block in re.findall(r"```sh\n(.*?)```", page, re.DOTALL) if "PrometheusRule" in block)
    written = subprocess.run(
        ("bash", "-c", command.replace("kubectl apply -f -", "cat")),
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    ).stdout
    body = yaml.safe_load(written)
    assert (body["apiVersion"], body["kind"]) == ("monitoring.coreos.com/v1", "PrometheusRule")
    assert body["spec"] == yaml.safe_load((OBSERVABILITY / "alerts.yaml").read_text("utf-8"))


@pytest.fixture
def metrics() -> Metrics:
    """What has been told when a good release and a bad one are over."""
    with capture_logs():
        world = Counted()
        world.release("one")
        world.release("two", Behaviour.Crashes)
    return world.metrics


async def test_the_page_that_is_served_is_what_prometheus_reads_without_a_complaint(metrics: Metrics) -> None:
    runner = await Probes(metrics, lambda: 0.0, lambda: 0.0).start("127.0.0.1", 0, 60)
    try:
        port = runner.addresses[0][1]
        async with ClientSession() as session, session.get(f"http://127.0.0.1:{port}/metrics") as answer:
            assert answer.headers["Content-Type"].startswith("text/plain; version=")
            page = await answer.text()
    finally:
        await runner.cleanup()
    families = list(text_string_to_metric_families(page))
    names = {f"{each.name}_total" if each.type == "counter" else each.name: each.type for each in families}
    assert names == {metric.name: metric.kind for metric in exposed().values()}
    assert promtool("check", "metrics", page=page) == ""
