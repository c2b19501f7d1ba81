"""Whole releases in which everybody lies: whatever they say, the status fits its CRD, and people read plain sentences."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import structlog
from hypothesis import given
from hypothesis import strategies as st

from brandrelease.adapters.git.commits import clean
from brandrelease.adapters.kube.api import ApiError
from brandrelease.adapters.kube.events import MESSAGE_SIZE, Subject, event_body
from brandrelease.adapters.notify.slack_message import SECTION_LIMIT, message, reply
from brandrelease.adapters.notify.webhook import event
from brandrelease.apis.brandrelease import BrandRelease, BrandReleaseStatus, CurrentRelease, PastRelease
from brandrelease.apis.progress import Change
from brandrelease.apis.reasons import Reason
from brandrelease.core.builds.seen import BuildFailed
from brandrelease.core.scrubbing.scrub import last_lines, scrub
from brandrelease.core.snapshot import Changes, DeploymentView, PodView, PodWarning, Refusal, Terminated, Waiting
from brandrelease.ports import Secret
from support.hostile import (
    fuzz,
    must_be_one_line,
    must_be_plain,
    must_call_nobody_in_slack,
    must_fit,
    sendable,
    status_schema,
)
from support.simulation import Behaviour, Pod
from support.story import Story

structlog.configure(processors=[lambda *_: (_ for _ in ()).throw(structlog.DropEvent)])

HALF_OF_ETCD: int = 1_500_000 // 2
SLACK = {"name": "slack", "slack": {"channel": "#releases", "secretName": "slack"}}
WAITING = (
    "CrashLoopBackOff", "ErrImagePull", "ImagePullBackOff", "InvalidImageName", "CreateContainerConfigError",
    "CreateContainerError", "RunContainerError", "ErrImageNeverPull", "PostStartHookError", "CreatePodSandboxError",
)  # fmt: skip


class Liars(Story):
    """Kubelets, commits, programs, people and admission webhooks say what they are given to say, in turn."""

    def __init__(self, words: Sequence[str]) -> None:
        self.words, self.turn = words, 0
        super().__init__(notifications=[SLACK])

    def word(self) -> str:
        self.turn += 1
        return self.words[self.turn % len(self.words)]

    async def changes(self, url: str, secret: Secret | None, old: str, new: str) -> Changes | None:
        return Changes(
            10**6, (Change(commit=new, author=clean(self.word(), 128), subject=clean(self.word(), 200)),) * 20
        )

    async def log_tail(self, namespace: str, pod: str, container: str, *, previous: bool) -> str:
        return last_lines(scrub("\n".join(self.words), ()))

    async def warnings(self, namespace: str, pods: Sequence[str]) -> Mapping[str, tuple[PodWarning, ...]]:
        reasons = ("Unhealthy", "FailedMount", "FailedScheduling", "BackOff", self.words[0][:60])
        return {name: tuple(PodWarning(each, self.word(), 2**31, self.time) for each in reasons) for name in pods}

    async def deployment(self, namespace: str, name: str) -> DeploymentView | None:
        view = await super().deployment(namespace, name)
        owners = {"app": tuple("".join(filter(str.isprintable, word))[:128] for word in self.words)}
        return view and replace(view, image_owners=owners, failure=self.word(), failing_since=self.time)

    async def brand_release(self, namespace: str, name: str) -> BrandRelease | None:
        release = await super().brand_release(namespace, name)
        who = "".join(filter(str.isprintable, self.words[-1]))[:128]  # as the API server wants field managers
        names = [*(release.managers if release else ()), "brandrelease.dev/override"]
        return release and release.model_copy(update={"managers": dict.fromkeys(names, who)})

    def _pod_view(self, pod: Pod) -> PodView:
        view = super()._pod_view(pod)
        [container] = view.containers
        if pod.image.endswith("by-hand") or container.ready:
            return view
        said = self.words[pod.restarts % len(self.words)]
        state = Waiting(WAITING[len(said) % len(WAITING)], said) if pod.exited else container.state
        ended = Terminated(-(2**31), 2**31 - 1, said[:60], said, self.time) if pod.exited else None
        container = replace(container, state=state, last=ended, restarts=min(pod.restarts * 10**8, 2**31 - 1))
        return replace(view, reason=said[:60], containers=(container,), unschedulable=view.unschedulable and said)


def must_be_fit(world: Story) -> None:
    schema = status_schema("brandreleases")
    for status in world.statuses:
        wire = status.to_wire()
        must_fit(wire, schema)
        assert len(json.dumps(wire, ensure_ascii=False).encode()) < HALF_OF_ETCD
        for condition in status.conditions:
            must_be_one_line(condition.message)
        must_be_plain_status(status)
    for announcement in world.told:
        must_be_plain(announcement.message)
        body = event_body(
            Subject("BrandRelease", "n", "drumeo", "u"), announcement, datetime(2026, 1, 1, tzinfo=UTC), "replica"
        )
        assert len(body["message"].encode()) <= MESSAGE_SIZE
    for notice in world.deliveries.taken:
        for shown in (message(notice), reply(notice)):
            must_call_nobody_in_slack(shown["text"])
            must_call_nobody_in_slack([block.get("text", block.get("elements")) for block in shown["blocks"]])
            assert all(len(block["text"]["text"]) <= SECTION_LIMIT for block in shown["blocks"] if "text" in block)
        must_be_one_line(notice.title + notice.brief + notice.why)
        json.dumps(event(notice), ensure_ascii=False).encode()


def must_be_plain_status(status: BrandReleaseStatus) -> None:
    releases: list[CurrentRelease | PastRelease] = [*status.history, *filter(None, (status.current, status.next))]
    for release in releases:
        must_be_one_line(release.message or "")
        must_be_one_line((release.override or "") + (release.requested_by or ""))
        must_be_plain(release.evidence.log_tail if release.evidence else "")
    answer = status.last_handled.answer if status.last_handled else ""
    must_be_one_line(answer or "")


WORDS = st.lists(sendable(6), min_size=1, max_size=5)


@fuzz(8)
@given(WORDS, st.sampled_from([b for b in Behaviour if b is not Behaviour.Good]))
def test_a_release_that_fails_where_everybody_lies(words: list[str], behaviour: Behaviour) -> None:
    world = Liars(words)
    world.release("one")
    world.release("two", behaviour, seconds=90)
    must_be_fit(world)


VERBS = st.sampled_from(["rollback_to", "abort", "override"])
SAID = sendable(4) | st.tuples(st.sampled_from(["1", "2", "99999999999", "-1", "c" * 12]), sendable(2)).map(" ".join)


@fuzz(8)
@given(WORDS, st.lists(st.tuples(VERBS, SAID), max_size=4))
def test_verbs_that_say_anything(words: list[str], said: list[tuple[str, str]]) -> None:
    world = Liars(words)
    world.release("one", seconds=60)
    world.release("two", Behaviour.Crashes, seconds=60)
    commit = world.current.commit
    for verb, text in [*said, ("override", f"{commit[:12]} {words[0] or 'x'}")]:
        world.say(verb, text)
        world.play(5)
    world.ask("master")
    world.play(30)
    must_be_fit(world)


@fuzz(6)
@given(WORDS, sendable(4), st.booleans())
def test_images_of_any_name_and_refusals_of_any_words(words: list[str], image: str, adopted: bool) -> None:
    world = Liars(words)
    if adopted:
        world.set_image_by_hand(image)
    world.push("master", "one")
    world.ask("master")
    world.refusal = Refusal(Reason.DeploymentRefused, f"The API server refuses: {ApiError(403, words[0]).message}")
    world.play(40)
    world.refusal = None
    world.play(40)
    world.set_image_by_hand(image)
    world.play(10)
    must_be_fit(world)


@fuzz(6)
@given(WORDS)
def test_a_build_that_fails_with_any_log(words: list[str]) -> None:
    world = Liars(words)
    tail = last_lines(scrub("\n".join(words), ()))
    world.build_ends[1] = BuildFailed(Reason.BuildFailed, "It failed.", retriable=False, log_tail=tail)
    world.push("master", "one", Behaviour.DoesNotBuild)
    world.ask("master")
    world.play(30)
    must_be_fit(world)
