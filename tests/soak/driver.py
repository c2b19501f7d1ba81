"""People and CI at one site: what they ask for, and whether that is what they get."""

import asyncio
import time
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from apiserver.objects import RELEASES
from soak.kube import Answer, Kube, Object
from soak.plan import Ask, Mend, Step
from soak.sites import Site, release
from soak.troubles import Troubles
from soak.truth import JUDGED_BAD, Behaviour, Truth
from soak.witness import Life, Witness
from support.registry import RegistryServer

GROUP: Final = "brandrelease.dev"
SUCCEEDED, ROLLED_BACK, FAILED, ABORTED = "Succeeded", "RolledBack", "Failed", "Aborted"

_ENDS: Final = {
    **dict.fromkeys(JUDGED_BAD, ROLLED_BACK),
    Behaviour.DoesNotBuild: FAILED,
    Behaviour.MigrationFails: FAILED,
}

MALFORMED: Final[tuple[Object, ...]] = (
    {"ref": "--upload-pack=touch /tmp/x"},
    {"ref": "a b"},
    {"ref": "abc1234"},
    {"ref": "x" * 256},
    {"ref": "a..b"},
    {"ref": None},
    {"brand": "other"},
    {"environment": "other"},
    {"suspend": "yes"},
    {"trackIntervalSeconds": 1},
    {"image": "registry.example.com/evil"},
)
"""Specs that the API server refuses."""

SENSELESS: Final = "no-such-branch"


@dataclass
class Driver:
    """One site. base: the newest commit that is known to be good. head: of the branch."""

    kube: Kube
    witness: Witness
    truth: Truth
    registry: RegistryServer
    troubles: Troubles
    site: Site
    base: str
    head: str
    bad: list[str] = field(default_factory=list)
    """Quarantined commits that the head contains."""
    requests: int = 0
    busy: str = ""
    limit: float = 0.0
    """Seconds until a request must have come to its end, whatever faults there are meanwhile but for mute watches."""

    async def run(self, steps: list[Step], start: float) -> None:
        """Each step at its time, but not before the one before it is at its end."""
        await self.kube.post(
            RELEASES.format(self.site.namespace), release(self.site) | {"spec": self._spec(suspend=True)}
        )
        for step in steps:
            await asyncio.sleep(max(start + step.at - time.monotonic(), 0))
            self.busy = str(step)
            await self._step(step)
            self.busy = ""

    async def last_release(self) -> None:
        """Whatever has happened before: a good commit, asked for the usual way, goes live."""
        self.busy = "the last round"
        await self._good_release()
        self.busy = ""

    async def _step(self, step: Step) -> None:
        match step.ask:
            case Ask.Release:
                await self._release(step)
            case Ask.Supersede:
                await self._supersede(step)
            case Ask.Suspend:
                await self._suspend(step)
            case Ask.RollbackTo:
                await self._roll_back_to(step)
            case Ask.Abort:
                await self._abort(step)
            case Ask.Recreate:
                await self._recreate(step)
            case Ask.Malformed:
                await self._malformed(step)

    # --- releases -----------------------------------------------------------------------------------------------------

    async def _release(self, step: Step) -> None:
        behaviour = self.site.really(step.behaviour)
        parent = await self._mended(step.mend)
        commit = await self._commit(behaviour, parent)
        await self._request()
        if self.bad and step.mend is Mend.Override:
            await self._let_through(commit)
        await self._ends(commit, behaviour)

    async def _let_through(self, commit: str) -> None:
        """It contains what is quarantined: it is refused until somebody says that it may go."""
        await self._until(f"{commit[:12]} is refused", lambda: self._refused(commit))
        for bad in self.bad:
            text = await self._say("override", f"{bad[:12]} the database was to blame, {self.requests}")
            await self._until("override is answered", partial(self._is_handled, "override", text))

    async def _good_release(self) -> str:
        commit = await self._commit(Behaviour.Good, await self._mended(Mend.ForcePush))
        await self._request()
        await self._ends(commit, Behaviour.Good)
        return commit

    async def _ends(self, commit: str, behaviour: Behaviour) -> None:
        """The release of the commit that was asked for last ends as a commit that behaves so should."""
        outcome = _ENDS.get(behaviour, SUCCEEDED)
        what = f"{commit[:12]}, which {behaviour}, ends {outcome}"
        status = await self._until(what, lambda: self._ended(commit, outcome) or self._was_late(commit))
        while status["current"]["outcome"] != outcome:
            self.truth.late.discard(commit)
            await self._request()
            status = await self._until(what, lambda: self._ended(commit, outcome) or self._was_late(commit))
        if outcome == SUCCEEDED:
            self.base, self.bad = commit, []
        if behaviour in JUDGED_BAD:
            if commit not in self.truth.late and commit not in {
                entry["commit"] for entry in status.get("quarantine", [])
            }:
                self._violated(f"{commit[:12]}, which {behaviour}, was rolled back and is not quarantined.")
            self.bad.append(commit)
        self._carries_what_runs(status)

    def _was_late(self, commit: str) -> Object | None:
        """Rolled back, and rightly so: the players had no time to bring its pods up."""
        return self._ended(commit, ROLLED_BACK) if commit in self.truth.late else None

    def _carries_what_runs(self, status: Object) -> None:
        """At rest, the Deployment has the image of the running release."""
        _, image = self.witness.deployments[self.site.namespace, self.site.name]
        if image != status["running"]["image"]:
            self._violated(f"At rest its Deployment has {image}, and {status['running']['image']} shall run.")

    async def _mended(self, mend: Mend) -> str:
        """The commit to build on, so that the next is not stopped by those that are quarantined."""
        if not self.bad:
            return self.head
        match mend:
            case Mend.Revert:
                parent = self.head
                for bad in reversed(self.bad):
                    parent = await self._commit(Behaviour.Good, parent, bad)
                return parent
            case Mend.Override:
                return self.head
            case Mend.ForcePush:
                self.bad = []
                return self.base

    async def _commit(self, behaviour: Behaviour, parent: str, undoes: str | None = None) -> str:
        """A commit on the branch; where CI makes the images, with its image."""
        commit = await asyncio.to_thread(self.site.commit, self.truth, behaviour, parent, undoes)
        if self.site.is_external and undoes is None:
            name = f"sites/{self.site.brand}"
            self.truth.pushed(commit, await asyncio.to_thread(self.registry.push_image, name, commit, commit))
        self.head = commit
        return commit

    async def _supersede(self, step: Step) -> None:
        """A commit, and another one in its place before it is through."""
        await self._commit(self.site.really(step.behaviour), await self._mended(Mend.ForcePush))
        await self._request()
        await asyncio.sleep(step.pause)
        commit = await self._commit(Behaviour.Good, self.base)
        await self._request()
        await self._ends(commit, Behaviour.Good)

    # --- verbs and switches -------------------------------------------------------------------------------------------

    async def _suspend(self, step: Step) -> None:
        """Before the request, when nothing may begin; or in the middle, when it may stand still."""
        commit = await self._commit(Behaviour.Good, await self._mended(Mend.ForcePush))
        if step.pick < 0.5:
            await self._spec_is(suspend=True)
            await self._until("it is suspended", lambda: self._phase("Suspended"))
            before = self._number()
            await self._request()
            await asyncio.sleep(step.pause)
            if self._number() != before:
                self._violated("A release has begun although it is suspended.")
        else:
            await self._request()
            await asyncio.sleep(step.pause / 4)
            await self._spec_is(suspend=True)
            await asyncio.sleep(step.pause)
        await self._spec_is(suspend=False)
        await self._ends(commit, Behaviour.Good)

    async def _roll_back_to(self, step: Step) -> None:
        status = self.witness.status(self.site)
        running = status["running"]
        good = [
            entry
            for entry in status.get("history", [])
            if entry["outcome"] == SUCCEEDED and entry["image"] != running["image"]
        ]
        if not good:
            await self._good_release()
            return
        target = good[int(step.pick * len(good))]
        text = await self._say("rollbackTo", f"{target['number']} since {self.requests} were too many")
        status = await self._until(
            f"rollbackTo {target['number']} is answered", lambda: self._is_handled("rollbackTo", text)
        )
        if status["lastHandled"].get("answer"):
            return  # refused, for example since its commit is quarantined
        await self._until(
            f"the image of release {target['number']} is live", lambda: self._ended(target["commit"], SUCCEEDED)
        )
        self.base = self.head = target["commit"]
        self.bad = []

    async def _abort(self, step: Step) -> None:
        commit = await self._commit(self.site.really(step.behaviour), await self._mended(Mend.ForcePush))
        await self._request()
        await self._until("the release begins", lambda: self._begun(commit))
        await asyncio.sleep(step.pause / 3)
        text = await self._say("abort", str(self._number()))
        await self._until("abort is answered", lambda: self._is_handled("abort", text))
        outcomes = {ABORTED, SUCCEEDED, ROLLED_BACK, FAILED}
        status = await self._until("it has ended", lambda: self._ended(commit, *outcomes))
        if status["current"]["outcome"] == SUCCEEDED:
            self.base = commit
        self.head = self.base

    async def _recreate(self, step: Step) -> None:
        """The BrandRelease is deleted, at rest or in the middle, and made again: the site does not notice the first."""
        commit = await self._commit(Behaviour.Good, await self._mended(Mend.ForcePush))
        if step.pick < 0.5:
            await self._request()
            await asyncio.sleep(step.pause / 3)
        before = self.witness.life(self.site)
        await self.kube.delete(self.site.path)
        await asyncio.sleep(step.pause / 4)
        await self.kube.post(RELEASES.format(self.site.namespace), release(self.site))
        await self._until("there is another one", lambda: self._is_another(before))
        await self._ends(commit, Behaviour.Good)

    async def _malformed(self, step: Step) -> None:
        """The API server refuses it with a sentence; or the operator says what is wrong, and forgets it when mended."""
        index = int(step.pick * (len(MALFORMED) + 2))
        if index >= len(MALFORMED):
            await self._spec_is(ref=SENSELESS)
            await self._until("that there is no such ref is told", lambda: self._phase("Blocked"))
            await self._spec_is(ref=self.site.name)
            await self._until(
                "it is forgotten", lambda: None if self._phase("Blocked") else self.witness.status(self.site)
            )
            return
        try:
            await self._spec_is(**MALFORMED[index])
        except Answer as no:
            if no.code not in {400, 422} or not no.message:
                self._violated(f"{MALFORMED[index]} was answered with {no}.")
        else:
            self._violated(f"{MALFORMED[index]} was accepted.")

    # --- requests -----------------------------------------------------------------------------------------------------

    def _spec(self, **fields: Any) -> Object:
        return {"brand": self.site.brand, "environment": self.site.name, "ref": self.site.name, **fields}

    async def _request(self) -> None:
        """Release what the branch points to now. The first request also lets the BrandRelease go."""
        self.requests += 1
        self._asked = f"{self.requests} ({self.head[:12]})"
        note = {"annotations": {f"{GROUP}/requestedAt": self._asked}}
        first = {"spec": {"suspend": False}} if self.requests == 1 else {}
        await self.kube.merge(self.site.path, {"metadata": note, **first})

    async def _say(self, verb: str, text: str) -> str:
        await self.kube.merge(self.site.path, {"metadata": {"annotations": {f"{GROUP}/{verb}": text}}})
        return text

    async def _spec_is(self, **fields: Any) -> None:
        await self.kube.merge(self.site.path, {"spec": fields})

    # --- what is seen -------------------------------------------------------------------------------------------------

    async def _until(self, what: str, look: Any) -> Object:
        """The status in which it is so. After the limit it is a violation, and the site is left to itself."""
        begin = self._heard_seconds()
        while (found := look()) is None:
            if self._heard_seconds() - begin > self.limit:
                self._violated(f"Not within {self.limit:g} s: that {what}. It was asked for by: {self.busy}")
                raise NotSettledError
            await self.witness.news(self.site, 5.0)
        return dict(found)

    def _heard_seconds(self) -> float:
        """A clock that does not count what watches are mute: all that happens then is seen by the next resync alone."""
        return time.monotonic() - self.troubles.mute_seconds

    def _ended(self, commit: str, *outcomes: str) -> Object | None:
        """At rest, with all requests handled, and the current release is of this commit and ended in one of these ways."""
        status = self.witness.status(self.site)
        current = status.get("current") or {}
        if (
            not self._is_current()
            or status.get("next")
            or (current.get("commit"), current.get("outcome") in outcomes) != (commit, True)
        ):
            return None
        return status

    def _is_current(self) -> bool:
        """The status speaks of the object as it is now."""
        life = self.witness.life(self.site)
        if life is None or not life.status:
            return False
        asked = life.body["metadata"].get("annotations", {}).get(f"{GROUP}/requestedAt")
        handled = life.status.get("lastHandled", {})
        return bool(
            life.status.get("observedGeneration") == life.body["metadata"]["generation"]
            and handled.get("requestedAt") == asked
            and handled.get("ref") == life.body["spec"]["ref"]
        )

    def _is_handled(self, verb: str, text: str) -> Object | None:
        status = self.witness.status(self.site)
        return status if status.get("lastHandled", {}).get(verb) == text else None

    def _phase(self, phase: str) -> Object | None:
        status = self.witness.status(self.site)
        life = self.witness.life(self.site)
        seen = life is not None and status.get("observedGeneration") == life.body["metadata"]["generation"]
        return status if seen and status.get("phase") == phase else None

    def _refused(self, commit: str) -> Object | None:
        status = self.witness.status(self.site)
        current = status.get("current") or {}
        return status if (current.get("commit"), current.get("reason")) == (commit, "CommitQuarantined") else None

    def _begun(self, commit: str) -> Object | None:
        status = self.witness.status(self.site)
        begun = [status.get("next") or {}, status.get("current") or {}]
        return status if any(each.get("commit") == commit for each in begun) else None

    def _number(self) -> int:
        """Of the newest release."""
        status = self.witness.status(self.site)
        begun = (status.get("current"), status.get("next"))
        return max((int(each["number"]) for each in begun if each), default=0)

    def _is_another(self, before: Life | None) -> Object | None:
        life = self.witness.life(self.site)
        return {"there": True} if life is not None and life is not before else None

    def _violated(self, what: str) -> None:
        life = self.witness.life(self.site)
        self.witness.violated(f"{self.site.namespace}/{self.site.name}: {what}", life)


class NotSettledError(Exception):
    """A site did not come to the end that was asked for; it gets no more requests."""
