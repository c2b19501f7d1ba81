"""One soak, from the first process to the verdict."""

import asyncio
import os
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from apiserver.objects import BRANDS, CRDS, RELEASES
from cluster.control_plane import ApiServer, control_plane
from soak import gauge
from soak.driver import Driver, NotSettledError
from soak.front import RegistryFront
from soak.gauge import Growth, Lives
from soak.journal import Journal
from soak.kube import Answer, Kube
from soak.plan import Plan
from soak.player import Player
from soak.sites import Site, set_up
from soak.troubles import Troubles, start
from soak.truth import Truth
from soak.witness import Witness
from support.fault_proxy import FaultProxy
from support.git_server import GitServer
from support.kubectl import Kubectl
from support.operator_process import OperatorProcess
from support.registry import RegistryServer

TELL_EVERY: Final = 10.0
LOOK_EVERY: Final = 2.0
LIMIT: Final = 150.0
"""Seconds until a request must have come to its end, whatever faults there are meanwhile but for mute watches.

A resync every 20 seconds is all that tells of anything while those last.
"""

BUILDS_AT_ONCE: Final = 24
"""A build takes a second here, but keeps its place for up to 20 where an event is lost. With eight places, as faults follow
each other without a pause, fewer builds came to their end than were asked for, and the queue grew without a limit."""

RESYNC: Final = 20
EVENTS_LIMIT: Final = 20
"""Events for each release, at most."""

MIRROR_LIMIT: Final = 8.0
"""MiB of disk for the mirror of one repository."""

UNSEEN: Final = ("never awaited", "never retrieved", "was destroyed but it is pending")
"""What Python says of a coroutine or task that somebody has forgotten."""


@dataclass
class Result:
    """What the soak has come to."""

    plan: Plan
    seconds: float = 0.0
    releases: int = 0
    asked: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    growths: list[Growth] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)
    log: str = ""


@dataclass
class Stage:
    """Everything that runs."""

    plan: Plan
    kube: Kube
    truth: Truth
    registry: RegistryServer
    witness: Witness
    player: Player
    troubles: Troubles
    operator: OperatorProcess
    journal: Journal
    sites: list[Site]
    lives: Lives
    cache: Path
    log: Path
    start: float = 0.0
    others: dict[str, int] = field(default_factory=dict)

    @property
    def now(self) -> float:
        """Seconds since the first request was due."""
        return time.monotonic() - self.start


async def soak(plan: Plan, directory: Path, limit: float = LIMIT) -> Result:
    """Run the plan. directory: for everything that is written. limit: as LIMIT, more where others use the machine."""
    began = time.monotonic()
    with ExitStack() as stack:
        server = stack.enter_context(control_plane(directory / "plane", say=print))
        await asyncio.to_thread(_install, server)
        async with _stage(plan, server, directory, stack) as stage:
            result = await _play(stage, limit)
    result.seconds = time.monotonic() - began
    return result


def _install(server: ApiServer) -> None:
    kubectl = Kubectl.of(server)
    kubectl.run("apply", "--server-side", "--filename", str(CRDS))
    kubectl.serves_its_kinds()


@asynccontextmanager
async def _stage(plan: Plan, server: ApiServer, directory: Path, stack: ExitStack) -> AsyncIterator[Stage]:
    git = stack.enter_context(GitServer(directory / "git"))
    registry = stack.enter_context(RegistryServer(directory / "registry"))
    proxy = stack.enter_context(FaultProxy(server.kubeconfig, directory))
    truth, cache, log = Truth(), directory / "mirrors", directory / "operator.log"
    async with Kube(server.kubeconfig) as kube, RegistryFront(registry.host) as front:
        await _served(kube)
        sites = await set_up(kube, git, registry, front.host, truth, plan.sites)
        operator = OperatorProcess(log, _settings(proxy, front, cache))
        stack.callback(operator.kill)
        witness, player = Witness(kube, truth), Player(kube, truth, registry, plan.seed)
        troubles = Troubles(kube, proxy, operator, git, front, sites)
        stage = Stage(
            plan, kube, truth, registry, witness, player, troubles, operator, Journal(proxy), sites, Lives(), cache, log
        )
        for name in ("kube-apiserver", "etcd", "docker-registry"):
            stage.others[name] = gauge.children(os.getpid(), name) or 0
        stage.others["players, proxy, git"] = os.getpid()
        yield stage


def _settings(proxy: FaultProxy, front: RegistryFront, cache: Path) -> dict[str, str]:
    return {
        "KUBECONFIG": str(proxy.kubeconfig),
        "AWS_EC2_METADATA_DISABLED": "true",
        "BRANDRELEASE_NAMESPACE": "default",
        "BRANDRELEASE_BUILD_NAMESPACE": "builds",
        "BRANDRELEASE_CACHE_DIR": str(cache),
        "BRANDRELEASE_ALLOW_INSECURE_SOURCES": "true",
        "BRANDRELEASE_INSECURE_REGISTRIES": front.host,
        "BRANDRELEASE_RESYNC_SECONDS": str(RESYNC),
        "BRANDRELEASE_MAX_CONCURRENT_BUILDS": str(BUILDS_AT_ONCE),
    }


async def _served(kube: Kube) -> None:
    """An established kind may still be answered with 404 for a moment."""
    for path in (BRANDS, RELEASES.format("default")):
        while True:
            with suppress(Answer):
                await kube.get(path)
                break
            await asyncio.sleep(0.1)


async def _play(stage: Stage, limit: float) -> Result:
    """The requests and the faults; then rest, one more good release everywhere, and the verdict."""
    plan, witness = stage.plan, stage.witness
    image = stage.sites[0]
    body = await stage.kube.get(image.deployment_path)
    witness.watch(stage.sites, body["spec"]["template"]["spec"]["containers"][0]["image"])
    looking = [asyncio.create_task(work) for work in (stage.player.run(), witness.run())]
    drivers = [_driver(stage, site, limit) for site in stage.sites]
    await start(stage.operator)
    stage.start = time.monotonic()
    looking.append(asyncio.create_task(_tell(stage, drivers)))
    try:
        faults = asyncio.create_task(stage.troubles.run(plan, stage.start))
        settled = await asyncio.gather(*(_one_site(stage, driver) for driver in drivers))
        await faults
        await asyncio.gather(
            *(_last_round(stage, driver) for driver, is_well in zip(drivers, settled, strict=True) if is_well)
        )
    finally:
        for task in looking:
            if task.done() and not task.cancelled() and (error := task.exception()):
                witness.violated(f"A part of the soak itself has failed: {error!r}")
            task.cancel()
    return await _verdict(stage, drivers)


def _driver(stage: Stage, site: Site, limit: float) -> Driver:
    base = site.repository.head("base") or ""
    return Driver(stage.kube, stage.witness, stage.truth, stage.registry, stage.troubles, site, base, base, limit=limit)


async def _one_site(stage: Stage, driver: Driver) -> bool:
    """Its steps. Whether all came to the end that was asked for."""
    try:
        await driver.run([step for step in stage.plan.steps if step.site == driver.site.number], stage.start)
    except NotSettledError:
        return False
    except Exception as error:  # noqa: BLE001 - whatever it is, the others go on
        stage.witness.violated(f"{driver.site.namespace}/{driver.site.name}: {driver.busy} ended with {error!r}")
        return False
    return True


async def _last_round(stage: Stage, driver: Driver) -> None:
    try:
        await driver.last_release()
    except NotSettledError:
        return
    except Exception as error:  # noqa: BLE001 - whatever it is, the others go on
        stage.witness.violated(f"{driver.site.namespace}/{driver.site.name}: the last round ended with {error!r}")


# --- meanwhile ----------------------------------------------------------------------------------------------------------


async def _tell(stage: Stage, drivers: list[Driver]) -> None:
    """Look often, tell seldom."""
    told, requests, before = time.monotonic(), 0, _cpu(stage)
    while True:
        await asyncio.sleep(LOOK_EVERY)
        if stage.troubles.operator_shall_run and not stage.operator.runs:
            stage.witness.violated(f"The operator has ended by itself:\n{stage.operator.last_lines()}")
        sample = stage.lives.look(stage.operator.pid) if stage.operator.runs else None
        requests += stage.journal.read()
        passed = time.monotonic() - told
        if passed < TELL_EVERY:
            continue
        cpu = _cpu(stage)
        used = " ".join(
            f"{name} {(cpu[name] - before.get(name, 0)) / passed:.0%}"
            for name in cpu
            if cpu[name] >= before.get(name, 0)
        )
        outcomes = " ".join(f"{name} {count}" for name, count in sorted(stage.witness.outcomes.items()))
        waiting = sum(bool(driver.busy) for driver in drivers)
        needs = f"rss {sample.rss:.0f} MiB, {sample.files} files, {sample.threads} threads" if sample else "not running"
        faults = ", ".join(str(fault.trouble) for fault in stage.troubles.active) or "none"
        print(
            f"{stage.now:6.0f} s  {stage.witness.ended:5} ended ({outcomes})  {waiting:3} sites busy  queue {await _queue(stage)}  "
            f"{needs}  {requests / passed:.0f} requests/s  cpu: {used}  faults: {faults}",
            flush=True,
        )
        told, requests, before = time.monotonic(), 0, cpu


def _cpu(stage: Stage) -> dict[str, float]:
    pids = {**stage.others, **({"operator": stage.operator.pid} if stage.operator.runs else {})}
    return {name: sample.cpu for name, pid in pids.items() if pid and (sample := gauge.sample_of(pid))}


async def _queue(stage: Stage) -> str:
    try:
        text = await asyncio.to_thread(stage.operator.get, "/metrics")
    except OSError:
        return "?"
    lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    return str(int(float(lines.get("brandrelease_queue_depth", "nan"))))


# --- the verdict --------------------------------------------------------------------------------------------------------


async def _verdict(stage: Stage, drivers: list[Driver]) -> Result:
    witness, journal = stage.witness, stage.journal
    journal.read()
    journal.read()
    for request in dict.fromkeys(journal.forbidden):
        witness.violated(f"The operator wrote where it may not: {request}")
    for problem in dict.fromkeys(stage.player.problems):
        witness.violated(f"The play itself went wrong: {problem}")
    for problem in stage.troubles.problems:
        witness.violated(f"A fault did not go as it should: {problem}")
    steady = (stage.start + stage.plan.quiet_at, stage.start + stage.plan.ends_at)
    growths = gauge.growths(stage.lives.last(*steady))
    for growth in growths:
        if not growth.is_flat:
            witness.violated(f"The operator grows: {growth}")
    text = stage.log.read_text(errors="replace")
    for line in text.splitlines():
        if any(words in line for words in UNSEEN):
            witness.violated(f"The operator's log: {line}")
    facts = {**_facts(stage), **await _events(stage), **_mirrors(stage)}
    return Result(
        plan=stage.plan,
        releases=witness.ended,
        asked=sum(step.releases for step in stage.plan.steps) + stage.plan.sites,
        outcomes=witness.outcomes,
        growths=growths,
        facts=facts,
        violations=witness.violations,
        log=stage.operator.last_lines(40),
    )


def _facts(stage: Stage) -> dict[str, str]:
    lives, journal, done = stage.lives.samples, stage.journal, stage.troubles.done
    peak = max((sample.rss for samples in lives.values() for sample in samples), default=0.0)
    cpu = sum(samples[-1].cpu for samples in lives.values())
    codes = ", ".join(f"{code or 'cut'}: {count}" for code, count in sorted(journal.codes.items()))
    return {
        "processes of the operator": str(len(lives)),
        "highest memory of the operator": f"{peak:.0f} MiB",
        "processor time of the operator": f"{cpu:.0f} s, {cpu / max(stage.witness.ended, 1) * 1000:.0f} ms a release",
        "requests of the operator": f"{journal.total}, {journal.total / max(stage.witness.ended, 1):.0f} a release; {journal.writes} writes ({codes})",
        "largest status": f"{stage.witness.largest_status} bytes of JSON, of {stage.witness.statuses} seen",
        "builds and migrations": str(stage.witness.jobs),
        "requests that met a fault": str(stage.troubles.requests_met),
        "faults": ", ".join(f"{trouble} {count}" for trouble, count in sorted(done.items())) or "none",
    }


async def _events(stage: Stage) -> dict[str, str]:
    """Events for each release, on the worst BrandRelease; some seven tell of each."""
    found: Counter[str] = Counter()
    for namespace in {site.namespace for site in stage.sites}:
        for event in (await stage.kube.get(f"/api/v1/namespaces/{namespace}/events"))["items"]:
            found[event["involvedObject"].get("uid", "")] += 1
    worst, total = 0.0, 0
    for uid, life in stage.witness.lives.items():
        rate = found[uid] / max(len(life.numbers), 1)
        worst, total = max(worst, rate), total + found[uid]
        if rate > EVENTS_LIMIT:
            stage.witness.violated(f"There are {rate:.1f} Events for each release.", life)
    return {"Events": f"{total}; {total / max(stage.witness.ended, 1):.1f} a release, {worst:.1f} at most"}


def _mirrors(stage: Stage) -> dict[str, str]:
    size = sum(path.stat().st_size for path in stage.cache.rglob("*") if path.is_file()) / 2**20
    repositories = len({site.brand for site in stage.sites})
    if size > MIRROR_LIMIT * repositories:
        stage.witness.violated(f"The mirrors of {repositories} repositories take {size:.0f} MiB.")
    return {"mirrors": f"{size:.1f} MiB for {repositories} repositories"}
