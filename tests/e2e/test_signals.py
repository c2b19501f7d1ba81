"""Releases that are bad in ways that no pod shows: the page behind the edge, the logs, an alarm of the database.

Each is rolled back for the right reason in time; each with the source gone in the middle of the watch; and each with the
trouble there before the release, which is not charged with it.
"""

from collections.abc import Callable

from e2e.family import quarantined
from e2e.signals_story import SHARE, AlarmStory, EdgeStory, LoggedStory, MeteredStory, Page, the_watch_begins
from e2e.trial import Trial, Verdict
from support.edge import Edge
from support.kubectl import eventually
from support.php_site import PORT
from support.wire import Wire

Told = Callable[[str, object], None]

THREE_LOOKS = 2.0
"""Seconds: the first look is at the beginning of the watch, and each other a second later."""


def home_page(edge: Edge) -> dict[str, object]:
    return {"name": "home-page", "http": {"url": edge.url, "podPort": PORT, "bodyContains": "</html>"}}


# --- the edge -----------------------------------------------------------------------------------------------------------


def test_the_edge_breaks(edge_story: EdgeStory, record_property: Told) -> None:
    """The pods answer 200; nginx refuses what they say, and visitors get 502."""
    story = edge_story
    story.a_live_site()
    with story.edge() as edge:
        story.checked_brand(home_page(edge))
        good = story.image
        with Trial(story) as trial:
            bad = story.push_page(Page.BigHeaders, "second page")
            story.release()
            eventually(lambda: story.visitors_get(edge) == 502, 60)
            status = story.becomes("RolledBack", commit=bad)
        verdict = Verdict(
            reason="EdgeFailed",
            blame="Unknown",
            words=f"{edge.url} answers 502 instead of 200, while 2 pods answer well for /",
            since=the_watch_begins,
            grace=THREE_LOOKS,
        )
        trial.proves(verdict, bad, told=record_property)
        assert (story.image, quarantined(status)) == (good, [])
        eventually(lambda: story.visitors_get(edge) == 200, 15)


def test_the_edge_goes_away(edge_story: EdgeStory) -> None:
    """In the middle of the watch. Nobody can be blamed, and it is better to be back."""
    story = edge_story
    story.a_live_site()
    with story.edge() as edge:
        story.checked_brand(home_page(edge), soak=12)
        commit = story.push_page(Page.Good, "second page")
        story.release()
        story.becomes("Verifying", commit=commit)
        eventually(lambda: story.checks() == {"home-page": "Passed"}, 10)
        edge.stop()
        status = story.becomes("RolledBack", "EdgeFailed", commit)
    assert f"{edge.url} refuses connections, while 2 pods answer well" in status["current"]["message"]
    assert quarantined(status) == []


def test_the_edge_was_broken_before(edge_story: EdgeStory) -> None:
    story = edge_story
    story.a_live_site()
    with story.edge() as edge:
        edge.stop()
        story.checked_brand(home_page(edge))
        commit = story.push_page(Page.Good, "second page")
        story.release()
        status = story.becomes("Live", commit=commit)
    [before] = status["current"]["baseline"]
    assert (before["state"], before["bad"]) == ("Failed", ["public"])
    assert story.checks() == {"home-page": "NotCharged"}
    assert "It was so before the release" in story.message


# --- the logs -----------------------------------------------------------------------------------------------------------


def test_errors_flood_the_logs(logged_story: LoggedStory, record_property: Told) -> None:
    """Every page is shown, and every visitor leaves five errors behind."""
    story = logged_story
    story.a_live_site()
    story.checked_brand(story.new_errors(window=60))
    good = story.image
    with Trial(story) as trial:
        bad = story.push_page(Page.Errors, "second page")
        story.release()
        status = story.becomes("RolledBack", commit=bad)
    verdict = Verdict(
        reason="CheckFailed",
        blame="Release",
        words=f"lines in {story.index} that match level:error in the last 60 s is",
        since=the_watch_begins,
        grace=THREE_LOOKS,
    )
    current = trial.proves(verdict, bad, told=record_property)
    assert "(good: at most 20, always good up to there; it was 0 before the release)" in current["message"]
    assert (story.image, quarantined(status)) == (good, [bad])
    record_property("errors in the index", story.errors())


def test_the_logs_go_away(logged_story: LoggedStory) -> None:
    """In the middle of the watch: the release waits for them, and is live when they are back."""
    story = logged_story
    story.a_live_site()
    story.checked_brand(story.new_errors(window=60))
    commit = story.push_page(Page.Good, "second page")
    story.release()
    story.becomes("Verifying", commit=commit)
    eventually(lambda: story.checks() == {"new-errors": "Passed"}, 10)
    story.wire.cut()
    story.becomes("Blocked", "CheckUnreachable", commit)
    assert "is deployed and its pods are well, but it is not called live" in story.message
    story.wire.mend()
    story.becomes("Live", commit=commit)
    assert story.checks() == {"new-errors": "Passed"}


def test_the_logs_were_full_before(logged_story: LoggedStory) -> None:
    """The old version leaves as many errors behind as the new one: nothing is new about them."""
    story = logged_story
    story.a_live_site(page=Page.Errors)
    story.checked_brand(story.new_errors(window=10))
    with Trial(story) as trial:
        eventually(lambda: story.errors() > 400, 60, "There are few errors")  # a whole window of them
        commit = story.push_page(Page.Errors, "second page")
        story.release()
        status = story.becomes("Live", commit=commit)
    trial.proves_that_visitors_noticed()
    [before] = status["current"]["baseline"]
    assert (before["state"], int(before["value"]) > 20) == ("Passed", True)
    assert story.checks() == {"new-errors": "Passed"}


# --- the metrics --------------------------------------------------------------------------------------------------------


def test_requests_fail(metered_story: MeteredStory, record_property: Told) -> None:
    story = metered_story
    story.a_live_site(replicas=1)
    with story.prometheus() as prometheus, Trial(story) as trial:
        story.checked_brand(story.failed_requests(prometheus.url))
        good = story.image
        prometheus.wait_for('site_requests_total{result="ok"} > 20')
        bad = story.push_page(Page.Errors, "second page")
        story.release()
        status = story.becomes("RolledBack", commit=bad)
    verdict = Verdict(
        reason="CheckFailed",
        blame="Release",
        words="The query sum(rate(site_requests_total",
        since=the_watch_begins,
        grace=THREE_LOOKS,
    )
    current = trial.proves(verdict, bad, told=record_property)
    assert "(good: at most 0.1)" in current["message"]
    assert (story.image, quarantined(status)) == (good, [bad])


def test_prometheus_goes_away(metered_story: MeteredStory) -> None:
    story = metered_story
    story.a_live_site(replicas=1)
    with story.prometheus() as prometheus, Wire(("127.0.0.1", prometheus.port)) as wire:
        story.checked_brand(story.failed_requests(wire.url))
        commit = story.push_page(Page.Good, "second page")
        story.release()
        story.becomes("Verifying", commit=commit)
        eventually(lambda: story.checks() == {"failed-requests": "Passed"}, 10)
        wire.cut()
        story.becomes("Blocked", "CheckUnreachable", commit)
        wire.mend()
        story.becomes("Live", commit=commit)


def test_requests_failed_before(metered_story: MeteredStory) -> None:
    story = metered_story
    story.a_live_site(page=Page.Errors, replicas=1)
    with story.prometheus() as prometheus, Trial(story):
        story.checked_brand(story.failed_requests(prometheus.url))
        prometheus.wait_for(f"({SHARE}) > 0.1")  # a rate needs two scrapes
        commit = story.push_page(Page.Errors, "second page")
        story.release()
        status = story.becomes("Live", commit=commit)
    [before] = status["current"]["baseline"]
    assert (before["state"], before["bad"]) == ("Failed", ["value"])
    assert story.checks() == {"failed-requests": "NotCharged"}


# --- the database ---------------------------------------------------------------------------------------------------------


def test_an_alarm_is_raised(alarm_story: AlarmStory, record_property: Told) -> None:
    story = alarm_story
    story.a_live_site(story.database)
    good = story.image
    with Trial(story) as trial:
        bad = story.push_page(Page.Good, "second page")
        story.release()
        eventually(lambda: story.image != good, 30)
        story.alarm_is("ALARM")
        status = story.becomes("RolledBack", commit=bad)
    verdict = Verdict(
        reason="AlarmRaised",
        blame="Unknown",
        words=f'Alarm "{story.alarm}" is in ALARM since',
        since=the_watch_begins,
        grace=THREE_LOOKS,
    )
    current = trial.proves(verdict, bad, told=record_property)
    assert "Threshold Crossed: 1 datapoint [9.4] was greater than the threshold (8.0)" in current["message"]
    assert (story.image, quarantined(status)) == (good, [])


def test_aws_goes_away(alarm_story: AlarmStory) -> None:
    story = alarm_story
    story.a_live_site(story.database)
    commit = story.push_page(Page.Good, "second page")
    story.release()
    story.becomes("Verifying", commit=commit)
    eventually(lambda: story.checks() == {"database": "Passed"}, 10)
    story.wire.cut()
    story.becomes("Blocked", "CheckUnreachable", commit)
    assert "AWS does not answer cloudwatch:DescribeAlarms in us-east-2" in story.message
    story.wire.mend()
    story.becomes("Live", commit=commit)


def test_an_alarm_was_raised_before(alarm_story: AlarmStory) -> None:
    """The release waits with its hands off the Deployment until the alarm is over."""
    story = alarm_story
    story.a_live_site(story.database)
    good, generation = story.image, story.generation
    story.alarm_is("ALARM")
    commit = story.push_page(Page.Good, "second page")
    story.release()
    story.becomes("Blocked", "AlarmActive", commit)
    assert f'set the annotation brandrelease.dev/override to "{commit[:12]} <why>"' in story.message
    assert (story.image, story.generation) == (good, generation)
    story.alarm_is("OK")
    story.becomes("Live", commit=commit)


def test_an_alarm_was_raised_before_and_a_person_lets_it_through(alarm_story: AlarmStory) -> None:
    story = alarm_story
    story.a_live_site(story.database)
    story.alarm_is("ALARM")
    commit = story.push_page(Page.Good, "second page")
    story.release()
    story.becomes("Blocked", "AlarmActive", commit)
    story.annotate("override", f"{commit[:12]} the load is another brand's")
    status = story.becomes("Live", commit=commit)
    assert story.checks() == {"database": "NotCharged"}
    assert status["history"][0]["override"] == "the load is another brand's (kubectl-annotate)"
