"""Somebody who follows every object past the proxy, forgets nothing, and says what may never happen as soon as it does."""

import asyncio
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

from apiserver.objects import written
from brandrelease.apis.brandrelease import BrandReleaseStatus
from brandrelease.apis.wellknown import BUILD_KEY_LABEL, HOOK_LABEL, NAME_LABEL, RELEASE_LABEL
from soak.kube import Kube, Object
from soak.sites import BYSTANDERS, HISTORY, Site
from soak.truth import JUDGED_BAD, Behaviour, Truth
from support.witness import check_conditions

STATUS_LIMIT: Final = 32 * 1024
"""Bytes of a status as JSON."""

BEHIND: Final = 3.0
"""Seconds that one watch may lag behind another."""

ENDS_WELL_NEVER: Final = JUDGED_BAD | {Behaviour.DoesNotBuild, Behaviour.MigrationFails}


@dataclass
class Number:
    """What is known of one release."""

    commit: str
    image: str | None = None
    outcome: str | None = None
    reason: str | None = None
    rolled_out: bool = False


@dataclass
class Life:
    """One BrandRelease, from its creation to its deletion."""

    numbers: dict[int, Number] = field(default_factory=dict)
    status: Object = field(default_factory=dict)
    body: Object = field(default_factory=dict)


class Witness:
    """Follows BrandReleases, Deployments and Jobs."""

    def __init__(self, kube: Kube, truth: Truth) -> None:
        self._kube, self._truth = kube, truth
        self.sites: dict[tuple[str, str], Site] = {}
        self.lives: dict[str, Life] = {}
        """By uid."""
        self.now: dict[tuple[str, str], Life] = {}
        """The present life, by namespace and name; none while there is no such BrandRelease."""
        self.deployments: dict[tuple[str, str], tuple[str, str]] = {}
        """Label of the release and image, by namespace and name of the BrandRelease."""
        self.outcomes: Counter[str] = Counter()
        self.violations: list[str] = []
        self.largest_status = 0
        self.statuses = 0
        self.builds: dict[str, dict[str, str]] = {}
        """Jobs that run, by uid, for each build key."""
        self.migrations: dict[str, dict[str, str]] = {}
        self.jobs = 0
        self._images: dict[tuple[str, str], set[tuple[str, str]]] = {}
        self._changed: dict[tuple[str, str], asyncio.Event] = {}
        self._bystanders: dict[str, str] = {}

    async def run(self) -> None:
        """Look on until cancelled."""
        await asyncio.gather(
            self._kube.follow("/apis/brandrelease.dev/v1alpha1/brandreleases", self._on_release),
            self._kube.follow("/apis/apps/v1/deployments", self._on_deployment),
            self._kube.follow("/apis/batch/v1/jobs", self._on_job),
        )

    def watch(self, sites: list[Site], image: str) -> None:
        """These are the sites, and this is what runs everywhere before the first release."""
        for site in sites:
            key = (site.namespace, site.name)
            self.sites[key] = site
            self._images[key] = {("", image)}
            self._changed[key] = asyncio.Event()

    @property
    def ended(self) -> int:
        """Releases that have ended, in whatever way."""
        return self.outcomes.total()

    def status(self, site: Site) -> Object:
        life = self.now.get((site.namespace, site.name))
        return life.status if life else {}

    def life(self, site: Site) -> Life | None:
        return self.now.get((site.namespace, site.name))

    async def news(self, site: Site, limit: float) -> None:
        """Wait for a change of the site's BrandRelease, for so many seconds at most."""
        changed = self._changed[site.namespace, site.name]
        changed.clear()
        try:
            await asyncio.wait_for(changed.wait(), limit)
        except TimeoutError:
            return

    def violated(self, what: str, life: Life | None = None) -> None:
        """Something happened that may not."""
        told = f"{what}\n{json.dumps(_without_managers(life.body), indent=1)}" if life else what
        self.violations.append(told)
        print(f"VIOLATION: {what}", flush=True)

    # --- BrandReleases ------------------------------------------------------------------------------------------------

    def _on_release(self, event: str, body: Object) -> None:
        metadata = body["metadata"]
        key = (metadata["namespace"], metadata["name"])
        if key not in self.sites:
            return self._judge_thief(body)
        life = self.lives.setdefault(metadata["uid"], Life())
        if event == "DELETED":
            if self.now.get(key) is life:
                del self.now[key]
        else:
            self.now[key] = life
            before, status = life.status, written(body)
            life.body, life.status = body, status
            if status and status != before:
                self._judge_status(key, life, before, status)
        self._changed[key].set()
        return None

    def _judge_thief(self, body: Object) -> None:
        """The BrandRelease that asks for another namespace's environment is told no, and nothing else."""
        status = written(body)
        if status and (status.get("phase") not in {"Blocked", "Pending"} or status.get("current")):
            self.violated(f"The BrandRelease in {BYSTANDERS} was taken up: {status}")

    def _judge_status(self, key: tuple[str, str], life: Life, before: Object, status: Object) -> None:
        name = "/".join(key)
        self.statuses += 1
        size = len(json.dumps(status, separators=(",", ":")))
        self.largest_status = max(self.largest_status, size)
        if size > STATUS_LIMIT:
            self.violated(f"The status of {name} has {size} bytes.", life)
        try:
            check_conditions(BrandReleaseStatus.model_validate(status), life.body["metadata"]["generation"])
        except (AssertionError, ValueError) as error:
            self.violated(f"The conditions of {name} are not as kstatus wants them: {error}", life)
        begun = [each for each in (status.get("current"), status.get("next")) if each]
        for each in [*reversed(status.get("history", [])), *begun]:
            self._judge_release(name, life, before, each)
        self._judge_history(name, life, before, status)
        for entry in [*begun, status.get("running"), *(each.get("rollback") for each in begun)]:
            if entry and entry.get("image"):
                label = str(entry["number"]) if entry["number"] else ""
                self._images[key].add((label, entry["image"]))

    def _judge_release(self, name: str, life: Life, before: Object, seen: Object) -> None:
        number = seen["number"]
        if number not in life.numbers:
            newest = max(life.numbers, default=None)
            if newest is not None and number != newest + 1:
                self.violated(f"{name}: release {number} comes after {newest}.", life)
            life.numbers[number] = Number(seen["commit"])
        known = life.numbers[number]
        if seen["commit"] != known.commit:
            self.violated(f"{name}: release {number} was commit {known.commit} and is {seen['commit']}.", life)
        image = seen.get("image")
        if known.image is not None and image != known.image:
            self.violated(f"{name}: release {number} had image {known.image} and has {image}.", life)
        known.image = image
        outcome, reason = seen.get("outcome"), seen.get("reason")
        if outcome != known.outcome:
            self._judge_outcome(name, life, number, seen)
            known.outcome = outcome
        known.reason = reason
        if seen.get("rollout") and not known.rolled_out:
            known.rolled_out = True
            self._judge_rollout(name, life, before, seen)

    def _judge_outcome(self, name: str, life: Life, number: int, seen: Object) -> None:
        known, outcome = life.numbers[number], seen.get("outcome")
        if known.outcome is not None and seen.get("reason") != "RollbackRequested":
            self.violated(f"{name}: release {number} had ended {known.outcome} and now is {outcome}.", life)
        if outcome is not None and known.outcome is None:
            self.outcomes[outcome] += 1
        if outcome == "Succeeded":
            commit = self._truth.commits[known.commit]
            if commit.behaviour in ENDS_WELL_NEVER:
                self.violated(f"{name}: release {number} succeeded, and its commit {commit.behaviour}.", life)
            digest = (known.image or "").rpartition("@")[2]
            if self._truth.commit_of.get(digest) != known.commit:
                self.violated(f"{name}: release {number} succeeded with image {known.image} of another commit.", life)

    def _judge_rollout(self, name: str, life: Life, before: Object, seen: Object) -> None:
        """What is quarantined is not deployed again, nor is what contains it."""
        if seen.get("imageOf") is not None or "CommitQuarantined" in seen.get("letThrough", []):
            return
        for entry in before.get("quarantine", []):
            if not entry.get("override") and self._truth.carries(seen["commit"], entry["commit"]):
                self.violated(f"{name}: release {seen['number']} deploys the quarantined {entry['commit']}.", life)

    def _judge_history(self, name: str, life: Life, before: Object, status: Object) -> None:
        numbers = [entry["number"] for entry in status.get("history", [])]
        if numbers != sorted(set(numbers), reverse=True):
            self.violated(f"{name}: its history is not newest first, each once: {numbers}", life)
        limit = max(HISTORY, len(before.get("history", [])))
        if len(numbers) > limit:
            self.violated(f"{name}: its history has {len(numbers)} entries.", life)
        oldest = min(numbers, default=0) if len(numbers) >= HISTORY else 0
        lost = {entry["number"] for entry in before.get("history", [])} - set(numbers)
        if any(number > oldest for number in lost):
            self.violated(f"{name}: its history has lost {sorted(lost)}; it has {numbers}.", life)
        for each in (status.get("current"), status.get("next")):
            numbers += [each["number"]] if each else []
        gone = [number for number in life.numbers if number > oldest and number not in numbers]
        if gone:
            self.violated(f"{name}: releases {gone} are lost; there are {numbers}.", life)

    # --- Deployments and Jobs -----------------------------------------------------------------------------------------

    def _on_deployment(self, event: str, body: Object) -> None:
        metadata, template = body["metadata"], body["spec"]["template"]
        namespace = metadata["namespace"]
        key = (namespace, metadata["name"].split("-")[1])
        if namespace == BYSTANDERS:
            spec = json.dumps([body["spec"], metadata["labels"], metadata.get("annotations")])
            if self._bystanders.setdefault(metadata["uid"], spec) != spec:
                self.violated(f"The Deployment {metadata['name']} in {BYSTANDERS} was touched.")
            return
        label = template["metadata"]["labels"].get(RELEASE_LABEL, "")
        now = (label, template["spec"]["containers"][0]["image"])
        if self.deployments.get(key) != now:
            self.deployments[key] = now
            asyncio.get_running_loop().call_later(BEHIND, self._judge_image, key, now)

    def _judge_image(self, key: tuple[str, str], seen: tuple[str, str]) -> None:
        """The Deployment carries nothing but what its BrandRelease has told of before."""
        if seen not in self._images[key]:
            life = self.now.get(key)
            self.violated(f"{'/'.join(key)}: the Deployment had {seen}, which no status has told of.", life)

    def _on_job(self, event: str, body: Object) -> None:
        metadata = body["metadata"]
        labels: dict[str, Any] = metadata.get("labels", {})
        conditions = body.get("status", {}).get("conditions", [])
        over = event == "DELETED" or any(each["type"] in {"Complete", "Failed"} for each in conditions)
        if key := labels.get(BUILD_KEY_LABEL):
            self._judge_jobs(self.builds, f"builds for the key {key}", key, body, over=over)
        elif labels.get(HOOK_LABEL) == "preDeploy":
            key = f"{metadata['namespace']}/{labels[NAME_LABEL]}"
            self._judge_jobs(self.migrations, f"migrations of {key}", key, body, over=over)

    def _judge_jobs(self, running: dict[str, dict[str, str]], what: str, key: str, body: Object, *, over: bool) -> None:
        """Never two at the same time."""
        uid, name = body["metadata"]["uid"], body["metadata"]["name"]
        mine = running.setdefault(key, {})
        if over:
            mine.pop(uid, None)
        elif uid not in mine:
            self.jobs += 1
            mine[uid] = name
            if len(mine) > 1:
                self.violated(f"Two {what} run at the same time: {sorted(mine.values())}.")


def _without_managers(body: Object) -> Object:
    """As people want to read it."""
    kept = {name: each for name, each in body.get("metadata", {}).items() if name != "managedFields"}
    return {**body, "metadata": kept}
