"""A release whose builder is somewhere else: what is on record, what is said while nobody answers, and what is not believed."""

import pytest

from brandrelease.apis.brand import Brand
from brandrelease.apis.reasons import Reason
from brandrelease.core.builds.images import BuildOrder
from brandrelease.core.builds.seen import (
    BuildFailed,
    BuildRunning,
    BuildState,
    BuildSucceeded,
    BuildTrace,
    BuildUnknown,
    BuildUnseen,
    ImageAbsent,
    ImageArchived,
    ImageFound,
    ImageLookup,
    ImageUnknown,
)
from brandrelease.core.snapshot import Refusal
from brandrelease.ports import Secret
from support.simulation import Behaviour, commit_id
from support.story import Story

pytestmark = pytest.mark.usefixtures("quiet")

TRACE = BuildTrace("drumeo:1f2e", "https://console.aws.amazon.com/logs")
SILENT = BuildUnknown(Reason.BuilderUnreachable, "AWS does not answer. It is asked again.")


class Far(Story):
    """Its Brand builds in CodeBuild. says: what the builder answers in place of the truth."""

    def __init__(self) -> None:
        super().__init__()
        self.says: BuildState | None = None
        self.asked: list[str | None] = []
        self.archived: set[str] = set()
        assert isinstance(self.the_brand, Brand)
        build = {"codeBuild": {"project": "drumeo", "region": "us-east-2"}}
        spec = self.the_brand.spec.model_dump(by_alias=True) | {"build": build}
        self.the_brand = Brand.model_validate({"name": "drumeo", "uid": "brand-uid", "spec": spec})

    async def state(self, order: BuildOrder) -> BuildState:
        self.asked.append(order.id)
        return self.says or await super().state(order)

    async def cancel(self, order: BuildOrder) -> None:
        await super().cancel(order)
        self.says = None  # whoever stops a build is told how it stands

    async def look_up(self, repository: str, reference: str, secret: Secret | None) -> ImageLookup:
        found = await super().look_up(repository, reference, secret)
        return ImageArchived() if isinstance(found, ImageFound) and found.digest in self.archived else found


@pytest.fixture
def far() -> Far:
    world = Far()
    world.push("master", "one")
    world.ask("master")
    world.play(2)
    return world


def test_the_build_has_no_id_until_its_builder_has_given_it_one(far: Far) -> None:
    assert far.current.build is not None
    assert (far.current.build.builder, far.current.build.id) == ("codeBuild", None)
    assert far.message.startswith("It builds.")
    far.says = BuildRunning("It is queued.", TRACE)
    far.settle()
    assert far.current.build is not None
    assert (far.current.build.id, far.current.build.logs_url) == (TRACE.id, TRACE.logs_url)
    far.settle()
    assert far.asked[-1] == TRACE.id, "it is asked for by that"


def test_what_is_started_is_told_with_its_project() -> None:
    world = Far()
    world.says = None
    world.push("master", "one")
    world.ask("master")
    world.one_pass()
    assert f"from commit {commit_id('one')[:12]} in CodeBuild project drumeo." in world.message


def test_a_build_of_which_nothing_is_known_yet_writes_nothing(far: Far) -> None:
    before = far.status
    far.restart()
    far.says = BuildUnseen()
    far.play(120)
    assert far.status == before, "what was said last still stands"


def test_a_build_of_which_nothing_was_ever_known_says_what_is_asked() -> None:
    world = Far()
    world.push("master", "one")
    world.ask("master")
    world.play(2)
    world.suspend(on=True)
    world.play(2)
    world.says = BuildUnseen()
    world.suspend(on=False)
    world.play(2)
    assert world.message.startswith(
        f"Asking how the build of commit {commit_id('one')[:12]} stands in CodeBuild project"
    )


def test_a_builder_that_does_not_answer_is_no_evidence_and_the_release_goes_on_when_it_does(far: Far) -> None:
    far.says = SILENT
    far.play(90)
    assert far.headline() == ("Building", "BuilderUnreachable")
    assert far.message == SILENT.message
    far.says = None
    far.play(200)
    assert far.headline() == ("Live", "Succeeded")


def test_a_builder_that_is_silent_for_the_whole_time_of_the_build_is_given_up(far: Far) -> None:
    far.says = SILENT
    far.play_until("Failed", limit=1900)
    assert far.headline() == ("Failed", "BuilderUnreachable")
    assert (
        "The time for the build is over (spec.build.timeoutSeconds, 30 min). The Deployment was not touched"
        in far.message
    )
    assert far.current.blame == "Platform"
    assert far.current.retry is not None


def test_a_quota_that_is_used_up_for_the_whole_time_is_the_reason_why_nothing_was_built() -> None:
    world = Far()
    world.refuses_builds = True
    world.refusal = Refusal(Reason.BuildQuotaExceeded, "AWS takes no more builds for now. It is asked again.")
    world.push("master", "one")
    world.ask("master")
    world.play(60)
    assert world.headline() == ("Blocked", "BuildQuotaExceeded")
    world.play(1765)
    assert world.headline() == ("Failed", "BuildQuotaExceeded")
    assert world.current.retry is not None, "the commit has no part in it"


def test_where_it_is_found_is_on_record_also_of_a_build_that_failed(far: Far) -> None:
    far.says = BuildFailed(Reason.BuildStopped, "Somebody stopped it.", retriable=False, log_tail="", trace=TRACE)
    far.play(61)
    assert far.headline() == ("Failed", "BuildStopped")
    assert far.current.build is not None
    assert far.current.build.id == TRACE.id
    assert far.current.retry is None, "whoever stopped it meant it"


def test_a_build_that_says_another_digest_than_the_registry_is_never_deployed() -> None:
    world = Far()
    world.build_ends = {1: BuildSucceeded("sha256:" + "f" * 64)}
    world.release("one")
    assert world.headline() == ("Failed", "DigestMismatch")
    assert world.applied_images == []


@pytest.mark.parametrize("state", [BuildUnseen(), SILENT])
def test_a_build_that_is_to_be_stopped_is_stopped_also_where_its_state_is_not_known(
    far: Far, state: BuildState
) -> None:
    far.says = state
    far.say("abort", "1")
    far.play(3)
    assert f"cancel {commit_id('one')[:7]}" in far.deeds


@pytest.mark.parametrize("after", [False, True], ids=["just before", "just after"])
@pytest.mark.parametrize("deed", range(1, 9))
def test_wherever_the_operator_dies_a_commit_is_built_once_and_goes_live(deed: int, *, after: bool) -> None:
    world = Far()
    commit = world.push("master", "one")
    world.ask("master")
    world.dies_at(deed, after=after)
    world.play_through_death(200)
    assert not world.kill_in, "it has died"
    assert (world.headline(), world.running.commit) == (("Live", "Succeeded"), commit)
    assert world.builds_started == [world.job(commit)]


def test_an_archived_image_is_neither_built_again_nor_deployed_until_it_is_restored() -> None:
    world = Far()
    one = world.release("one")
    world.release("two")
    builds = list(world.builds_started)
    world.archived = {world.image_of(one).partition("@")[2]}
    world.ask(one)
    world.play(60)
    assert world.headline() == ("Building", "ImageArchived")
    assert "Restore it there, and the release goes on by itself" in world.message
    assert world.builds_started == builds
    world.archived.clear()
    world.play(200)
    assert (world.headline(), world.running.commit) == (("Live", "Succeeded"), one)


def test_a_rollback_passes_over_an_image_that_is_archived() -> None:
    world = Far()
    one = world.release("one")
    two = world.release("two")
    world.archived = {world.image_of(two).partition("@")[2]}
    world.release("three", Behaviour.Crashes)
    assert world.headline()[0] == "RolledBack"
    assert world.the_site.image == world.image_of(one)
    assert "The registry has lost release 2" in world.message


@pytest.mark.parametrize(
    ("answer", "is_gone"),
    [
        (ImageUnknown(Reason.RepositoryNotFound, "There is no such repository."), True),
        (ImageUnknown(Reason.RegistryUnreachable, "It does not answer."), False),
        (ImageAbsent(), True),
    ],
)
def test_where_the_repository_is_gone_nothing_can_be_gone_back_to(answer: ImageLookup, *, is_gone: bool) -> None:
    world = Far()
    one = world.release("one")
    world.push("master", "two", Behaviour.Crashes)
    world.ask("master")
    world.play_until("Deploying")
    world.registry_says = answer
    world.play(60)
    assert world.headline()[1] == ("MissingRollbackTarget" if is_gone else "CrashLoopBackOff")
    assert (world.the_site.image == world.image_of(one)) is not is_gone
