"""Releases that change the database: PHP and a real MariaDB, migrations by a hook, and the way back that may be shut."""

import time

from demo.probe import Probe
from e2e.database_story import DatabaseStory, hook_of
from e2e.family import Told
from e2e.trial import Trial, Verdict, a_job_fails, container_has_ended
from support import php_site
from support.kubectl import eventually
from support.php_site import ADD_SUBTITLE, BROKEN, RENAME_HEADLINE, Boot, Check, Site

WITH_SUBTITLE = Site("CONCAT(headline, ' ', subtitle)", ADD_SUBTITLE)
RENAMED = Site("title", RENAME_HEADLINE)
CRASHES = Verdict(
    reason="CrashLoopBackOff", blame="Release", words="CourseCatalogue", since=container_has_ended(times=2)
)


def test_additive_migration(database_story: DatabaseStory) -> None:
    """It runs once, before any pod changes, with everything that the Deployment tells its pods; then the release is live."""
    story = database_story
    story.a_live_site()
    first_runs, generation = story.runs, story.generation
    with Probe(story.address) as visitor:
        story.migrations_are_held_up()
        commit = story.push_site(WITH_SUBTITLE)
        story.a_migration_runs(commit)
        assert story.generation == generation, "no pod changes before the database has"
        assert story.page() == "Paradiddles"
        story.migrations_go_on()
        status = story.becomes("Live", commit=commit)
    assert story.page() == "Paradiddles for beginners"
    assert story.migrations == ["0001-add-subtitle"]
    assert story.runs == first_runs + 1
    hook = hook_of(status)
    assert hook["succeeded"] is True
    assert [job["metadata"]["name"] for job in story.hook_jobs()].count(hook["job"]) == 1
    assert len(story.hook_jobs()) == story.runs, "every run has a Job of its own"
    assert "Migrated: 0001-add-subtitle" in hook["logTail"]
    assert not visitor.failures


def test_password_is_never_told(database_story: DatabaseStory) -> None:
    """The migration prints it, as careless ones do."""
    story = database_story
    story.a_live_site()
    log = hook_of(story.status)["logTail"]
    assert f"Migrating as {story.database.user} with the password" in log
    assert story.database.password not in log
    events = story.kubectl.list("events", story.namespace)
    assert story.database.password not in f"{story.object} {events} {story.operator.last_lines(10_000)}"


def test_failing_migration(database_story: DatabaseStory, record_property: Told) -> None:
    """Nothing was changed, and the commit may be asked for again when the database is mended."""
    story = database_story
    story.a_live_site()
    generation = story.generation
    with Trial(story, jobs_in=story.namespace) as trial:
        commit = story.push_site(Site(migrations=BROKEN))
        story.release()
        status = story.becomes("Failed", "PreDeployFailed", commit)
    of_the_database = "courses' doesn't exist"
    verdict = Verdict(reason="PreDeployFailed", blame="Unknown", words=of_the_database, since=a_job_fails)
    trial.proves(verdict, commit, told=record_property)
    assert story.generation == generation
    assert not status.get("quarantine")
    assert "migration" not in status
    assert status["running"]["number"] == 1
    assert story.page() == "Paradiddles"
    story.database.query("CREATE TABLE courses (name VARCHAR(100))")
    story.release()
    status = story.becomes("Live", commit=commit)
    assert story.migrations == ["0001-broken"]


def test_migration_that_hangs(database_story: DatabaseStory) -> None:
    """It is stopped after its timeout, and nothing was changed."""
    story = database_story
    story.a_live_site()
    generation = story.generation
    story.migrating_brand(preDeploy={"command": php_site.MIGRATE, "timeoutSeconds": 5})
    story.migrations_are_held_up()
    commit = story.push_site(WITH_SUBTITLE)
    story.release()
    story.becomes("Failed", "PreDeployFailed", commit)
    assert story.generation == generation
    assert story.migrations == []


def test_crash_after_migration_with_rollback(database_story: DatabaseStory, record_property: Told) -> None:
    """The platform team has said that old code works on the new database: back by itself."""
    story = database_story
    good = story.a_live_site(after_migration="Rollback")
    image = story.image
    with Trial(story) as trial:
        bad = story.push_site(Site(WITH_SUBTITLE.shows, ADD_SUBTITLE, boot=Boot.Crash))
        story.release()
        status = story.becomes("RolledBack", "CrashLoopBackOff", bad)
    trial.proves(CRASHES, bad, told=record_property)
    assert story.migrations == ["0001-add-subtitle"]
    assert status["running"]["commit"] == good
    assert story.image == image
    assert story.page() == "Paradiddles"
    assert "migration" not in status


def test_crash_after_a_destructive_migration_with_rollback(
    database_story: DatabaseStory, record_property: Told
) -> None:
    """What was said of the migrations is not true of this one: back by itself, on a database that the old code cannot read.

    Visitors see errors from the migration on, as they would without a rollback. A release that brings the right code ends it.
    """
    story = database_story
    good, image = story.a_live_site(after_migration="Rollback"), story.image
    with Trial(story) as trial:
        bad = story.push_site(Site(RENAMED.shows, RENAME_HEADLINE, boot=Boot.Crash))
        story.release()
        status = story.becomes("RolledBack", "CrashLoopBackOff", bad)
        assert story.page_status() == 500, "the old code does not know the new column"
    trial.proves(CRASHES, bad, told=record_property, noticed="HTTP Error 500")
    assert (status["running"]["commit"], story.image) == (good, image)
    assert story.migrations == ["0001-rename-headline"]
    assert story.condition("RollbackUnsafe").get("status", "False") == "False"
    fixed = story.push_site(RENAMED, reverts=bad)
    story.release()
    story.becomes("Live", commit=fixed)
    assert story.page() == "Paradiddles"


def test_crash_after_an_additive_migration_with_hold(database_story: DatabaseStory, record_property: Told) -> None:
    """Nobody has said that old code works on the new database, so a person decides. It works: nobody notices."""
    story = database_story
    good, image = story.a_live_site(), story.image
    with Trial(story) as trial:
        bad = story.push_site(Site(WITH_SUBTITLE.shows, ADD_SUBTITLE, boot=Boot.Crash))
        story.release()
        status = story.becomes("Failed", "CrashLoopBackOff", bad)
        assert story.condition("RollbackUnsafe")["status"] == "True"
        assert (story.image, story.page()) == (status["current"]["image"], "Paradiddles")
        story.annotate("rollbackTo", "1")
        status = story.becomes("RolledBack", "RollbackRequested")
    trial.proves(CRASHES, bad, told=record_property)
    assert story.migrations == ["0001-add-subtitle"]
    assert (status["running"]["commit"], story.image) == (good, image)
    assert story.page() == "Paradiddles"


def test_crash_after_migration_with_hold(database_story: DatabaseStory) -> None:
    """Old code would not work any more, so a person decides; here it is a commit that mends it."""
    story = database_story
    story.a_live_site()
    bad = held(story)
    status = story.status
    assert status["migration"]["release"] == 2
    unsafe = story.condition("RollbackUnsafe")
    assert unsafe["status"] == "True"
    assert unsafe["reason"] == "MigrationRan"
    message = status["current"]["message"]
    for words in ("preDeploy", "database", "brandrelease.dev/rollbackTo", "fix"):
        assert words in message
    fixed = story.push_site(RENAMED, reverts=bad)
    story.release()
    status = story.becomes("Live", commit=fixed)
    assert story.page() == "Paradiddles"
    assert story.migrations == ["0001-rename-headline"]
    assert "migration" not in status
    assert story.condition("RollbackUnsafe").get("status", "False") == "False"


def test_crash_after_migration_and_a_person_goes_back(database_story: DatabaseStory) -> None:
    """Who has put the database right by hand can say so."""
    story = database_story
    good, image = story.a_live_site(), story.image
    held(story)
    story.database.query("ALTER TABLE pages RENAME COLUMN title TO headline")
    story.annotate("rollbackTo", "1")
    status = story.becomes("RolledBack", "RollbackRequested")
    assert story.image == image
    assert story.page() == "Paradiddles"
    assert status["running"]["commit"] == good
    assert status["lastHandled"]["rollbackTo"] == "1"


def test_killed_while_migrating(database_story: DatabaseStory) -> None:
    """Whoever takes over finds the Job that runs, and starts no other."""
    story = database_story
    story.a_live_site()
    runs, jobs = story.runs, len(story.hook_jobs())
    story.migrations_are_held_up()
    commit = story.push_site(WITH_SUBTITLE)
    story.a_migration_runs(commit)
    story.operator.kill()
    story.operator.start()
    story.migrations_go_on()
    story.becomes("Live", commit=commit)
    assert story.runs == runs + 1
    assert len(story.hook_jobs()) == jobs + 1
    assert story.page() == "Paradiddles for beginners"


def test_migration_ends_while_nobody_watches(database_story: DatabaseStory) -> None:
    """The operator is dead from the beginning of the migration to its end."""
    story = database_story
    story.a_live_site()
    runs = story.runs
    story.migrations_are_held_up()
    commit = story.push_site(WITH_SUBTITLE)
    story.a_migration_runs(commit)
    story.operator.kill()
    story.migrations_go_on()
    eventually(lambda: all("completionTime" in job["status"] for job in story.hook_jobs()), 30, "A hook's Job runs")
    story.operator.start()
    story.becomes("Live", commit=commit)
    assert story.runs == runs + 1


def test_failing_check_after_the_rollout(database_story: DatabaseStory) -> None:
    """All pods are new and well, and what the commit itself looks at is not."""
    story = database_story
    good = story.a_live_site(postDeploy={"command": php_site.CHECK, "timeoutSeconds": 30}, after_migration="Rollback")
    image = story.image
    with Probe(story.address) as visitor:
        bad = story.push_site(Site(check=Check.Bad))
        story.release()
        status = story.becomes("RolledBack", "PostDeployFailed", bad)
    assert "the front page has no picture" in status["current"]["message"]
    assert "the front page has no picture" in hook_of(status, "postDeploy")["logTail"]
    assert len(story.hook_jobs("postDeploy")) == 2, "one for each of the two releases"
    assert status["running"]["commit"] == good
    assert story.image == image
    assert story.page() == "Paradiddles"
    assert not visitor.failures


def test_aborted_in_the_middle_of_a_migration(database_story: DatabaseStory) -> None:
    """Its Job is deleted, whatever it is at, and the Deployment is not touched."""
    story = database_story
    story.a_live_site()
    generation = story.generation
    story.migrations_are_held_up()
    commit = story.push_site(WITH_SUBTITLE)
    job = hook_of(story.a_migration_runs(commit))["job"]
    story.annotate("abort", "2 wrong branch")
    story.becomes("Failed", "Aborted", commit)
    eventually(
        lambda: job not in [each["metadata"]["name"] for each in story.hook_jobs()], 30, "The Job is still there"
    )
    assert story.generation == generation
    assert story.page() == "Paradiddles"


def test_newer_request_waits_for_the_migration(database_story: DatabaseStory) -> None:
    """A migration that has begun comes to its end; only then is the newer commit's turn."""
    story = database_story
    story.a_live_site()
    runs, generation = story.runs, story.generation
    story.migrations_are_held_up()
    older = story.push_site(WITH_SUBTITLE)
    status = story.a_migration_runs(older)
    [pod] = story.kubectl.list("pods", story.namespace, f"job-name={hook_of(status)['job']}")
    newer = story.push_site(Site("UPPER(headline)", ADD_SUBTITLE))
    story.release()
    time.sleep(3)  # long enough for a request that does not wait
    assert story.status["current"]["commit"] == older
    assert story.generation == generation
    still = story.kubectl.get("pod", pod["metadata"]["name"], story.namespace)
    assert still is not None
    assert still["status"]["phase"] == "Running"
    story.migrations_go_on()
    status = story.becomes("Live", commit=newer)
    assert story.page() == "PARADIDDLES"
    assert story.migrations == ["0001-add-subtitle"]
    assert story.runs == runs + 2
    assert older in [past["commit"] for past in status["history"] if past["outcome"] == "Superseded"]


def held(story: DatabaseStory) -> str:
    """A release whose migration breaks the old code, and whose pods then crash; it is not rolled back."""
    bad = story.push_site(Site(RENAMED.shows, RENAME_HEADLINE, boot=Boot.Crash))
    story.release()
    status = story.becomes("Failed", commit=bad)
    assert status["current"]["reason"] == "CrashLoopBackOff"
    assert story.migrations == ["0001-rename-headline"]
    assert story.page_status() == 500, "the old code that still runs does not know the new column"
    assert story.image == status["current"]["image"], "the Deployment stands where the release failed"
    return bad
