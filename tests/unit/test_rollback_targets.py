"""Where a rollback goes: to what was good once, if its image is still there; and how the way back can end."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256

import pytest

from brandrelease.apis.brand import Brand
from brandrelease.apis.brandrelease import (
    BrandReleaseStatus,
    CurrentRelease,
    Outcome,
    PastRelease,
    QuarantinedCommit,
    RunningRelease,
)
from brandrelease.apis.reasons import Reason
from brandrelease.core.builds.images import split_reference
from brandrelease.core.builds.seen import ImageAbsent, ImageLookup, ImageUnknown
from brandrelease.core.targets import candidates
from brandrelease.ports import Secret
from support.simulation import DEADLINE, FOUND_IMAGE, Behaviour, brand
from support.story import Story

DIGEST = "sha256:" + "a" * 64
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def live(quiet: None) -> Story:
    """Releases 1 and 2 were live one after the other; 2 runs."""
    story = Story()
    story.release("one")
    story.release("two")
    assert (story.headline(), story.running.number) == (("Live", "Succeeded"), 2)
    return story


def lose(world: Story, *names: str) -> None:
    """The registry has lost the images of these commits."""
    lost = {f"sha256:{sha256(world_commit.encode()).hexdigest()}" for world_commit in map(commit_of, names)}
    world.images = {tag: digest for tag, digest in world.images.items() if digest not in lost}


def commit_of(name: str) -> str:
    return Story().push("master", name)


# --- the first target that is still there -------------------------------------------------------------------------------


def test_a_rollback_goes_to_what_ran_before(live: Story) -> None:
    two = live.running
    live.release("bad", Behaviour.Crashes)
    assert live.headline() == ("RolledBack", "CrashLoopBackOff")
    assert (live.the_site.image, live.running) == (two.image, two)
    assert live.message.startswith(f"Rolled back to release 2 ({two.revision}) in ")


def test_a_rollback_whose_target_the_registry_has_lost_goes_to_the_next_older_good_release(live: Story) -> None:
    one = live.status.history[-1]
    lose(live, "two")
    live.push("master", "bad", Behaviour.Crashes)
    live.ask("master")
    live.play_until("RollingBack")
    two = live.running.revision
    assert "Rolling back to release 1 " in live.message
    assert f". The registry has lost release 2 ({two})." in live.message
    live.play(30)
    assert live.headline() == ("RolledBack", "CrashLoopBackOff")
    assert f". The registry has lost release 2 ({two})." in live.last.message
    assert live.the_site.image == one.image
    assert (live.running.number, live.running.commit, live.running.revision, live.running.image) == (
        1,
        one.commit,
        one.commit[:12],
        one.image,
    )


def test_the_next_bad_release_goes_back_to_the_older_one_that_now_runs(live: Story) -> None:
    one = live.status.history[-1]
    lose(live, "two")
    live.release("bad", Behaviour.Crashes)
    bad = live.current.commit
    live.revert("master", bad, Behaviour.Crashes)
    live.ask("master")
    live.play(150)
    assert (live.headline(), live.current.number) == (("RolledBack", "CrashLoopBackOff"), 4)
    assert (live.the_site.image, live.running.number) == (one.image, 1)


def test_without_any_target_left_the_release_stands_and_nothing_is_touched(live: Story) -> None:
    two, one = live.running.revision, live.status.history[-1].commit
    lose(live, "one", "two")
    live.push("master", "bad", Behaviour.Crashes)
    live.ask("master")
    live.play_until("Deploying")
    applied = list(live.applied_images)
    live.play_until("Failed")
    image = live.the_site.image
    deeds = len(live.deeds)
    live.play(600, step=5)
    assert live.headline() == ("Failed", "MissingRollbackTarget")
    lost = f"release 2 ({two}), release 1 ({one[:12]})"
    assert f"Not rolled back: the registry has no good image any more; it has lost {lost}. Nothing was" in live.message
    assert "Push one of these images again (status has their full names)" in live.message
    assert (live.applied_images, live.the_site.image, len(live.deeds)) == (applied, image, deeds)
    assert live.phases()[-2:] == ["Deploying", "Failed"], "one write tells all"
    assert (live.running.number, live.last.reason) == (2, Reason.MissingRollbackTarget)


def test_without_a_target_a_failure_of_the_platform_is_not_tried_again(live: Story) -> None:
    lose(live, "one", "two")
    live.room_on_nodes = False
    live.release("three", Behaviour.FindsNoNode, seconds=200)
    assert live.headline() == ("Failed", "MissingRollbackTarget")
    assert live.current.retry is None
    live.play(600, step=5)
    assert live.current.number == 3


def test_an_image_that_is_pushed_again_can_be_gone_back_to(live: Story) -> None:
    before, two = dict(live.images), live.running
    lose(live, "one", "two")
    live.release("bad", Behaviour.Crashes)
    live.images = before
    live.say("rollback_to", "2")
    live.play(30)
    assert live.headline() == ("RolledBack", "RollbackRequested")
    assert (live.the_site.image, live.running) == (two.image, two)


def registry_is_down(world: Story) -> None:
    world.registry_says = ImageUnknown(Reason.RegistryUnreachable, "The registry does not answer.")


def registry_wants_a_login(world: Story) -> None:
    world.registry_says = ImageUnknown(Reason.RegistryAuthenticationFailed, "The registry refuses the login.")


def registry_hangs(world: Story) -> None:
    async def never(repository: str, reference: str, secret: Secret | None) -> ImageLookup:
        await asyncio.Event().wait()
        raise AssertionError

    world.look_up = never  # type: ignore[method-assign]


SILENT = {"is down": registry_is_down, "wants a login": registry_wants_a_login, "hangs": registry_hangs}


@pytest.mark.parametrize("trouble", SILENT.values(), ids=SILENT)
def test_a_registry_that_does_not_say_keeps_nobody_from_going_back(
    live: Story, monkeypatch: pytest.MonkeyPatch, trouble: Callable[[Story], None]
) -> None:
    monkeypatch.setattr("brandrelease.controller.observe_failure.TARGET_SECONDS", 0.01)
    two = live.running
    live.push("master", "bad", Behaviour.Crashes)
    live.ask("master")
    live.play_until("Deploying")
    trouble(live)
    live.play(60)
    assert live.headline() == ("RolledBack", "CrashLoopBackOff")
    assert live.the_site.image == two.image


# --- what was found at adoption -----------------------------------------------------------------------------------------

ELSEWHERE = "docker.io/library/php:8.3-apache"


def test_an_image_of_another_registry_is_gone_back_to_though_it_cannot_be_found_there(quiet: None) -> None:
    world = Story()
    world.the_site.image = ELSEWHERE
    for pod in world.the_site.pods:
        pod.image = ELSEWHERE
    world.release("one", Behaviour.Crashes)
    assert world.headline() == ("RolledBack", "CrashLoopBackOff")
    assert world.the_site.image == ELSEWHERE


def test_the_brands_registry_secret_is_never_shown_to_another_registry(quiet: None) -> None:
    world, shown = Story(), set[tuple[str, bool]]()
    assert isinstance(world.the_brand, Brand)
    spec = world.the_brand.spec.model_dump(by_alias=True)
    spec["image"]["secretName"] = "login"
    world.the_brand = Brand.model_validate({"name": "drumeo", "uid": "brand-uid", "spec": spec})
    look_up = world.look_up

    async def watched(repository: str, reference: str, secret: Secret | None) -> ImageLookup:
        shown.add((repository, secret is not None))
        return await look_up(repository, reference, secret)

    async def secret(namespace: str, name: str) -> Secret | None:
        return {"login": b"secret"}

    world.look_up, world.secret = watched, secret  # type: ignore[method-assign]
    world.the_site.image = ELSEWHERE
    world.release("one", Behaviour.Crashes)
    assert world.headline() == ("RolledBack", "CrashLoopBackOff")
    assert shown == {("registry.example.com/drumeo", True), ("docker.io/library/php", False)}


def test_what_was_found_is_no_target_once_the_brands_own_registry_has_lost_it(quiet: None) -> None:
    world = Story()
    del world.images["by-hand"]
    world.release("one", Behaviour.Crashes)
    assert world.headline() == ("Failed", "MissingRollbackTarget")
    assert f"it has lost the image found at adoption ({FOUND_IMAGE})" in world.message
    assert [number for number, _ in world.applied_images] == [1]


SPLIT = {
    "a digest": (f"r.example.com:5000/shop/web@{DIGEST}", ("r.example.com:5000/shop/web", DIGEST)),
    "a tag": ("r.example.com/web:1.2", ("r.example.com/web", "1.2")),
    "a tag and a digest": (f"r.example.com/web:1.2@{DIGEST}", ("r.example.com/web", DIGEST)),
    "neither": ("r.example.com/web", ("r.example.com/web", "latest")),
    "a port and no tag": ("r.example.com:5000/web", ("r.example.com:5000/web", "latest")),
    "a short name": ("php:8.3", ("php", "8.3")),
    "a short name alone": ("php", ("php", "latest")),
}


@pytest.mark.parametrize(("image", "parts"), SPLIT.values(), ids=SPLIT)
def test_an_image_is_repository_and_reference(image: str, parts: tuple[str, str]) -> None:
    assert split_reference(image) == parts


# --- who may be a target ------------------------------------------------------------------------------------------------


def past(number: int, outcome: Outcome = Outcome.Succeeded, image: str | None = "own") -> PastRelease:
    return PastRelease(
        number=number,
        commit=f"commit-{number}",
        image=f"image-{number}" if image == "own" else image,
        outcome=outcome,
        reason=Reason.Succeeded,
        message="It ended.",
        started_at=NOW,
        finished_at=NOW,
    )


def quarantined(number: int, override: str | None = None) -> QuarantinedCommit:
    return QuarantinedCommit(
        commit=f"commit-{number}", reason=Reason.OOMKilled, release=number, since=NOW, override=override
    )


CANDIDATES: dict[str, tuple[tuple[PastRelease, ...], tuple[QuarantinedCommit, ...], list[int]]] = {
    "nothing but what runs": ((), (), [5]),
    "older good ones, newest first": ((past(5), past(4), past(2)), (), [5, 4, 2]),
    "never one that was rolled back": ((past(4, Outcome.RolledBack), past(3)), (), [5, 3]),
    "never one that failed": ((past(4, Outcome.Failed), past(3)), (), [5, 3]),
    "never one that was superseded": ((past(4, Outcome.Superseded), past(3)), (), [5, 3]),
    "never one that was given up": ((past(4, Outcome.Aborted), past(3)), (), [5, 3]),
    "never one without an image": ((past(4, image=None), past(3)), (), [5, 3]),
    "never one that is quarantined": ((past(4), past(3)), (quarantined(4),), [5, 3]),
    "one that was let through is good enough": ((past(4), past(3)), (quarantined(4, "why"),), [5, 4, 3]),
    "never one that is newer than what runs": ((past(6), past(4)), (), [5, 4]),
    "not the running image twice": ((past(4, image="image-5"), past(3)), (), [5, 3]),
    "not the image that has just failed": ((past(4, image="image-7"), past(3)), (), [5, 3]),
}


@pytest.mark.parametrize(("history", "quarantine", "numbers"), CANDIDATES.values(), ids=CANDIDATES)
def test_a_rollback_may_go_to(
    history: tuple[PastRelease, ...], quarantine: tuple[QuarantinedCommit, ...], numbers: list[int]
) -> None:
    running = RunningRelease(number=5, commit="commit-5", image="image-5", since=NOW)
    current = CurrentRelease(number=7, ref="refs/heads/master", commit="commit-7", image="image-7", started_at=NOW)
    status = BrandReleaseStatus(running=running, history=history, quarantine=quarantine, current=current)
    assert [candidate.number for candidate in candidates(status, current)] == numbers


def test_without_a_running_release_there_is_nowhere_to_go() -> None:
    current = CurrentRelease(number=7, ref="refs/heads/master", commit="commit-7", image="image-7", started_at=NOW)
    assert candidates(BrandReleaseStatus(current=current, history=(past(4),)), current) == ()


# --- how the way back can end -------------------------------------------------------------------------------------------


def stuck(world: Story) -> None:
    """The rollback of release 3 to the older release 1 has begun, and no pods change."""
    lose(world, "two")
    world.push("master", "bad", Behaviour.Crashes)
    world.ask("master")
    world.play_until("RollingBack")
    world.controller_is_down = True


def test_a_rollback_to_an_older_release_that_does_not_end_fails_and_leaves_what_was_known_to_run(live: Story) -> None:
    two = live.running
    stuck(live)
    live.controller_is_down = False
    live.behaviours[live.status.history[-1].commit] = Behaviour.NeverReady
    live.the_site.pods = []
    live.play(DEADLINE + 5)
    assert live.headline() == ("Failed", "RollbackFailed")
    assert "The rollback to release 1 " in live.message
    assert "The release had failed because: " in live.message
    assert (live.running, live.last.outcome) == (two, Outcome.Failed)
    assert live.told[-1].reason is Reason.RollbackFailed
    deeds = len(live.deeds)
    live.play(600, step=5)
    assert len(live.deeds) == deeds, "a rollback is never rolled back, nor tried again"


def test_a_rollback_that_fails_after_a_failure_of_the_platform_is_not_tried_again(live: Story) -> None:
    live.room_on_nodes = False
    live.push("master", "three", Behaviour.FindsNoNode)
    live.ask("master")
    live.play_until("RollingBack")
    live.behaviours[live.running.commit or ""] = Behaviour.NeverReady
    live.the_site.pods = []
    live.play(600, step=5)
    assert live.headline() == ("Failed", "RollbackFailed")
    assert (live.current.retry, live.current.number) == (None, 3)


def test_an_image_set_by_hand_during_a_rollback_to_an_older_release_ends_it(live: Story) -> None:
    stuck(live)
    live.play(1)
    live.set_image_by_hand("registry.example.com/drumeo:meddled")
    live.controller_is_down = False
    applied = list(live.applied_images)
    live.play(600, step=5)
    assert (live.current.outcome, live.last.reason) == (Outcome.Failed, Reason.ImageOverridden)
    assert live.last.message.startswith("The rollback was not finished. ")
    assert live.applied_images == applied
    assert live.the_site.image == "registry.example.com/drumeo:meddled"


def test_a_rollback_that_is_paused_for_longer_than_the_deadline_goes_on_afterwards(live: Story) -> None:
    live.push("master", "bad", Behaviour.Crashes)
    live.ask("master")
    live.play_until("Deploying")
    live.play(1)
    live.pause(on=True)
    live.play(2 * DEADLINE)
    assert live.headline() == ("RollingBack", "CrashLoopBackOff")
    assert "kubectl rollout resume" in live.message
    live.pause(on=False)
    live.play(20)
    assert live.headline() == ("RolledBack", "CrashLoopBackOff")


def test_a_deployment_deleted_during_a_rollback_ends_it(live: Story) -> None:
    stuck(live)
    live.site = None
    live.play(5)
    assert live.headline() == ("Failed", "DeploymentNotFound")
    assert live.message.startswith("The rollback was not finished. There is no Deployment")
    deeds = len(live.deeds)
    live.play(600, step=5)
    assert len(live.deeds) == deeds


def test_a_suspended_rollback_stands_still_and_goes_on_to_the_target_that_was_chosen(live: Story) -> None:
    stuck(live)
    live.suspend(on=True)
    live.play(1)
    live.images |= {"again": live.running.image.partition("@")[2]}  # the registry has release 2 again
    deeds = len(live.deeds)
    live.play(DEADLINE - 10)
    assert (live.headline(), len(live.deeds)) == (("Suspended", "Suspended"), deeds)
    live.controller_is_down = False
    live.suspend(on=False)
    live.play(30)
    assert live.headline() == ("RolledBack", "CrashLoopBackOff")
    assert live.running.number == 1


def test_a_rollback_keeps_what_others_have_changed_meanwhile(live: Story) -> None:
    live.push("master", "bad", Behaviour.Crashes)
    live.ask("master")
    live.play_until("Deploying")
    live.the_site.wanted = 5
    live.play(60)
    assert live.headline() == ("RolledBack", "CrashLoopBackOff")
    assert (live.the_site.wanted, sum(pod.ready for pod in live.the_site.pods)) == (5, 5)


def test_a_brand_with_another_repository_asks_the_registry_that_the_image_names(live: Story) -> None:
    """The Brand's repository has moved within its registry since release 2."""
    two = live.running
    asked = list[str]()
    look_up = live.look_up

    async def watched(repository: str, reference: str, secret: Secret | None) -> ImageLookup:
        asked.append(repository)
        return ImageAbsent() if repository.endswith("/moved") else await look_up(repository, reference, secret)

    live.push("master", "bad", Behaviour.Crashes)
    live.ask("master")
    live.play_until("Deploying")
    moved = brand().model_copy(deep=True)
    image = moved.spec.image.model_copy(update={"repository": "registry.example.com/moved"})
    live.the_brand = moved.model_copy(update={"spec": moved.spec.model_copy(update={"image": image})})
    live.look_up = watched  # type: ignore[method-assign]
    live.play(60)
    assert live.headline() == ("RolledBack", "CrashLoopBackOff")
    assert live.the_site.image == two.image
    assert set(asked) == {"registry.example.com/drumeo"}
