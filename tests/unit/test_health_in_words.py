"""What is said of a rollout that has trouble without a container to blame."""

from brandrelease.apis.brand import Environment
from brandrelease.apis.brandrelease import Blame
from brandrelease.apis.reasons import Reason
from brandrelease.core.health import Failed, Progressing, judge_rollout
from support.pods import START, at, deployment, pod

RULES = Environment(name="production", progress_deadline_seconds=60, soak_seconds=30, restart_limit=2)


def test_pods_that_cannot_be_created_are_told_of_before_the_deadline() -> None:
    refused = deployment(updated=0, failure="pods are forbidden: exceeded quota")
    verdict = judge_rollout(refused, [], RULES, START, at(5))
    assert isinstance(verdict, Progressing)
    assert "cannot be created: pods are forbidden: exceeded quota" in verdict.message


def test_a_pod_that_is_not_ready_though_its_containers_are_is_named_and_nobody_blamed() -> None:
    """A readiness gate of a load balancer, for example."""
    verdict = judge_rollout(deployment(), [pod(ready=False)], RULES, START, at(60))
    assert isinstance(verdict, Failed)
    assert (verdict.problem.reason, verdict.problem.blame) == (Reason.ProgressDeadlineExceeded, Blame.Unknown)
    assert (verdict.problem.pod, verdict.problem.container) == ("drumeo-1", None)
    assert "pod drumeo-1 is not" in verdict.problem.message
