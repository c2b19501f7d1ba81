"""What fuzzing and attacks have found, each as a case of its own."""

from datetime import UTC, datetime
from typing import Any

import pytest

from brandrelease.adapters.builders.buildkit import _progress
from brandrelease.adapters.builders.codebuild_answers import name_in, view_of
from brandrelease.adapters.git.errors import recognise, unrecognised
from brandrelease.adapters.kube.api import MESSAGE_READ, ApiError
from brandrelease.adapters.kube.fellows import fellows, platform_failures
from brandrelease.adapters.kube.views import deployment_view
from brandrelease.adapters.notify.github import _payload
from brandrelease.adapters.notify.sender import retry_after
from brandrelease.apis.reasons import Reason
from brandrelease.core.builds.images import is_reference
from brandrelease.core.builds.seen import BuildSucceeded
from brandrelease.core.health.quoting import quoted
from brandrelease.core.plain import line
from brandrelease.core.words import telling_line
from support.simulation import Simulation, commit_id, order_of
from support.story import Story

pytestmark = pytest.mark.usefixtures("quiet")

RED = "\x1b[31mred\x1b[0m\u202e"


def test_a_line_is_one_and_has_nothing_that_moves_a_cursor() -> None:
    assert line(f" {RED}\r\nnext\t\u2028last ") == "red next last"


def test_git_servers_paint_no_terminal() -> None:
    found = recognise("u", f"fatal: unable to access: Failed to connect to {RED} port", with_login=False)
    assert found is not None
    assert found.message == "The server of u cannot be reached (Failed to connect to red port); it is asked again."
    assert unrecognised("u", 1, f"fatal: {RED}\tx\n").message.endswith("git ended with code 1: red x.")


def test_kubelets_and_webhooks_paint_no_terminal() -> None:
    assert quoted(f"{RED}\nnext.") == "red next"
    assert ApiError(403, f"{RED}\nnext").message == "red next"
    assert len(ApiError(403, "x" * 10**6).message) == MESSAGE_READ
    waiting = {"name": "build", "state": {"waiting": {"reason": RED, "message": RED}}}
    pod = {"status": {"containerStatuses": [waiting]}}
    assert _progress(order_of(Simulation(), commit_id("one")), pod).endswith("does not start: red red.")


def test_a_log_with_tabs_is_quoted_without_them() -> None:
    assert telling_line("a\n\terror:\tno\t table\n") == "error: no table"


@pytest.mark.parametrize(
    "said",
    [
        "Fri, 27 Nov 99999999999999999999 03:04:05 GMT",
        "Fri, 31 Dec 9999 23:59:59 -2359",
        "²",
        "",
    ],
)
def test_a_pause_that_cannot_be_reckoned_is_none(said: str) -> None:
    assert retry_after({"Retry-After": said, "Date": said}) is None
    assert retry_after({"Retry-After": "Fri, 27 Nov 2026 03:04:05 GMT", "Date": said}) is None


def test_json_that_digs_too_deep_is_no_payload() -> None:
    assert _payload({"payload": "[" * 100_000}) is None


def test_a_release_label_beyond_all_numbers_is_none() -> None:
    def applied(label: str) -> int | None:
        metadata = {
            "uid": "u",
            "name": "web",
            "generation": 1,
            "resourceVersion": "7",
            "labels": {"brandrelease.dev/release": label},
        }
        spec = {"template": {"spec": {"containers": [{"name": "app"}]}}}
        return deployment_view({"metadata": metadata, "spec": spec}).applied_release

    assert [applied(label) for label in ("12", "9" * 63, "-1", "²", "")] == [12, None, None, None, None]


@pytest.mark.parametrize("moment", ["2026-01-01T23:59:60Z", "2026-01-01T00:00:00", "x", None])
def test_a_time_that_somebody_has_forged_hides_only_his_own_failure(moment: str | None) -> None:
    def body(uid: str, at: str | None) -> dict[str, Any]:
        current = {
            "number": 1,
            "reason": "RegistryUnavailable",
            "blame": "Platform",
            "outcome": "Failed",
            "finishedAt": at,
        }
        return {"metadata": {"uid": uid}, "spec": {"brand": uid, "environment": "e"}, "status": {"current": current}}

    since = datetime(2026, 1, 1, 12, tzinfo=UTC)
    failures = platform_failures([body("evil", moment), body("good", "2026-01-01T12:00:01Z")])
    found = fellows(failures, Reason.RegistryUnavailable, since, but="x")
    assert [fellow.brand for fellow in found] == ["good"]


def test_codebuilds_variables_and_names_are_anybodys() -> None:
    told = [{"name": "BR_KEY", "value": "k"}, {"name": "BR_ATTEMPT", "value": "²"}]
    assert name_in({"environment": {"environmentVariables": told}}) is None
    view = view_of(
        {"id": RED, "currentPhase": RED, "logs": {"deepLink": f"https://x/{RED}"}, "resolvedSourceVersion": RED}
    )
    assert (view.id, view.current_phase, view.logs_url, view.commit) == ("red", "red", None, "red")


def test_a_digest_that_a_buildspec_has_made_up_is_quoted_and_not_deployed() -> None:
    world = Story()
    world.build_ends[1] = BuildSucceeded(f"{RED}\n<!channel>")
    world.release("one")
    assert world.headline() == ("Failed", "DigestMismatch")
    assert "reports the image red <!channel>, but the registry has sha256:" in world.message


@pytest.mark.parametrize("image", ["a\nb", "$(id)", "x" * 513, "", "-x"])
def test_what_is_no_image_is_told_once_and_is_no_way_back(image: str) -> None:
    assert not is_reference(image)
    world = Story()
    world.set_image_by_hand(image)
    world.push("master", "one")
    world.ask("master")
    world.play_until("Deploying")
    assert world.status.running is None
    assert "is no name of an image, so there is nothing to roll back to." in (world.current.message or "")
    world.play(100)
    assert world.headline() == ("Live", "Succeeded")


def test_a_verb_is_repeated_on_one_line() -> None:
    world = Story()
    world.release("one")
    world.say("override", f"{RED}\nReady: True")
    world.play(5)
    assert 'The annotation brandrelease.dev/override="red Ready: True" of somebody' in world.message
