"""Pods that the API server does not make: what it says, when it counts, and whose doing it is."""

from dataclasses import replace

import pytest

from brandrelease.apis.brandrelease import Blame
from brandrelease.apis.reasons import Reason
from brandrelease.core.health import Failed, Progressing, Verdict, judge_rollout, judge_soak
from support.pods import RULES, START, at, complete, container, deployment, pod, watch

REFUSED = 'pods "drumeo-1-abcde" is forbidden: '

REFUSALS = {
    "a quota": (REFUSED + "exceeded quota: brand, requested: pods=1", 60, Reason.ExceededQuota, Blame.Platform),
    "a missing ServiceAccount": (
        REFUSED + 'error looking up service account ns/web: serviceaccount "web" not found',
        30,
        Reason.ServiceAccountNotFound,
        Blame.Unknown,
    ),
    "Pod Security": (REFUSED + 'violates PodSecurity "restricted:latest"', 15, Reason.AdmissionDenied, Blame.Unknown),
    "a webhook": ('admission webhook "x" denied the request: no', 15, Reason.AdmissionDenied, Blame.Unknown),
    "a policy": (
        REFUSED + "ValidatingAdmissionPolicy 'x' with binding 'y' denied request: no",
        15,
        Reason.AdmissionDenied,
        Blame.Unknown,
    ),
    "an invalid pod": ('Pod "x" is invalid: spec.containers[0]', 15, Reason.AdmissionDenied, Blame.Unknown),
    "a quota that wants limits": (
        REFUSED + "failed quota: brand: must specify limits.memory",
        15,
        Reason.AdmissionDenied,
        Blame.Unknown,
    ),
    "a limit range": (
        REFUSED + "maximum memory usage per Container is 1Gi, but limit is 2Gi",
        15,
        Reason.AdmissionDenied,
        Blame.Unknown,
    ),
    "OpenShift's constraints": (
        REFUSED + "unable to validate against any security context constraint",
        15,
        Reason.AdmissionDenied,
        Blame.Unknown,
    ),
    "a webhook that does not answer": (
        'Internal error occurred: failed calling webhook "x": is invalid',
        60,
        Reason.FailedCreate,
        Blame.Platform,
    ),
    "a webhook that cannot be called": (
        'failed to call webhook "x": is invalid',
        60,
        Reason.FailedCreate,
        Blame.Platform,
    ),
    "anything else": ("etcdserver: request timed out", 60, Reason.FailedCreate, Blame.Platform),
}


@pytest.mark.parametrize(("failure", "after", "reason", "blame"), REFUSALS.values(), ids=REFUSALS)
def test_pods_that_cannot_be_created_fail(failure: str, after: int, reason: Reason, blame: Blame) -> None:
    refused = deployment(updated=0, failure=failure)
    verdict = judge_rollout(refused, [], {}, RULES, START, at(after))
    early = judge_rollout(refused, [], {}, RULES, START, at(after - 1))
    assert isinstance(verdict, Failed)
    assert isinstance(early, Progressing)
    assert early.look_again == at(after)
    assert (verdict.problem.reason, verdict.problem.blame) == (reason, blame)
    told = f"The pods of Deployment drumeo-production-deployment cannot be created: {failure}"
    assert verdict.problem.message.startswith(told), "the API server's own words"
    assert failure in early.message, "people are told of it at once"


def test_a_refusal_counts_from_when_it_began() -> None:
    refused = deployment(failure=REFUSALS["Pod Security"][0], failing_since=at(20))
    assert isinstance(judge_rollout(refused, [], {}, RULES, START, at(34)), Progressing)
    assert isinstance(judge_rollout(refused, [], {}, RULES, START, at(35)), Failed)


def test_a_refusal_that_is_older_than_the_change_counts_from_the_change() -> None:
    refused = deployment(failure=REFUSALS["Pod Security"][0], failing_since=at(-500))
    assert isinstance(judge_rollout(refused, [], {}, RULES, START, at(14)), Progressing)
    assert isinstance(judge_rollout(refused, [], {}, RULES, START, at(15)), Failed)


def test_a_refusal_that_the_deployment_controller_has_not_looked_at_since_the_change_is_old_news() -> None:
    old = deployment(failure=REFUSALS["Pod Security"][0], observed_generation=1)
    assert isinstance(judge_rollout(old, [], {}, RULES, START, at(30)), Progressing)


def refused_beside_a_new_pod(name: str) -> Verdict:
    refused = deployment(failure=f'pods "{name}" is forbidden: violates PodSecurity')
    return judge_rollout(refused, [pod(name="web-7d9-abcde")], {}, RULES, START, at(30))


def test_a_pod_that_another_replica_set_cannot_make_does_not_count() -> None:
    assert isinstance(refused_beside_a_new_pod("web-5f4-xyz"), Progressing)
    assert isinstance(refused_beside_a_new_pod("web-7d95-xyz"), Progressing)


def test_a_pod_that_the_new_replica_set_cannot_make_does() -> None:
    assert isinstance(refused_beside_a_new_pod("web-7d9-xyz"), Failed)


def test_a_pod_that_one_of_two_replica_sets_of_the_release_cannot_make_does_too() -> None:
    refused = deployment(failure='pods "web-7d9-xyz" is forbidden: violates PodSecurity')
    pods = [pod(name="web-7d9-abcde"), pod(name="web-5f4-abcde")]
    assert isinstance(judge_rollout(refused, pods, {}, RULES, START, at(30)), Failed)


def test_a_refusal_that_names_no_pod_counts_beside_the_pods_that_there_are() -> None:
    refused = deployment(failure=REFUSALS["a webhook"][0])
    assert isinstance(judge_rollout(refused, [pod(name="web-7d9-abcde")], {}, RULES, START, at(30)), Failed)


def test_during_the_watch_a_refusal_counts_only_at_its_end() -> None:
    refused = complete(wanted=3, failure=REFUSALS["Pod Security"][0])
    pods = [pod(), pod()]
    early = judge_soak(refused, pods, {}, RULES, watch(), at(39))
    assert isinstance(early, Progressing)
    assert "violates PodSecurity" in early.message
    assert isinstance(judge_soak(refused, pods, {}, RULES, watch(), at(99)), Progressing)
    verdict = judge_soak(refused, pods, {}, RULES, watch(), at(100))
    assert isinstance(verdict, Failed)
    assert verdict.problem.reason is Reason.AdmissionDenied


def test_a_sick_pod_comes_before_pods_that_are_not_made() -> None:
    refused = deployment(failure=REFUSALS["a quota"][0])
    unready = pod(replace(container(), ready=False), unschedulable="0/1")
    verdict = judge_rollout(refused, [replace(unready, name="drumeo-1-fghij")], {}, RULES, START, at(60))
    assert isinstance(verdict, Failed)
    assert verdict.problem.reason is Reason.Unschedulable
