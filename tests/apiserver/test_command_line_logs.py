"""`logs --follow` on a real API server, which asks a kubelet; the kubelet is played, and prints while it is looked at."""

import asyncio
import ssl
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from apiserver.operated_site import SETTLE, Object
from apiserver.shop import Environment, Shop
from cluster.certificates import Authority

pytestmark = pytest.mark.timeout(75, func_only=True)

NODE = "kubelet-of-the-shop"
JOBS = "/apis/batch/v1/namespaces/{}/jobs"


class Kubelet:
    """Every container says its name and its pod's; who follows its log waits for more until there is an end."""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        _, _, pod, container = request.path.strip("/").split("/")
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(f"{container} of {pod} begins\nand goes ".encode())
        if request.query.get("follow") == "true":
            await asyncio.sleep(0.2)
            await response.write(b"on\n")
            await asyncio.sleep(60)
        await response.write(b"on")
        return response


@pytest.fixture
async def kubelet(shop: Shop) -> AsyncIterator[None]:
    api, server = shop.site.api, shop.site.server
    (authority_key,) = Path(server.kubeconfig).parent.rglob("ca.key")
    pair = Authority(authority_key.parent).issue(NODE, "kubelet", addresses=["127.0.0.1"])
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(pair.certificate, pair.key)
    application = web.Application()
    application.router.add_get("/{path:.*}", Kubelet().answer)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    api.post("/api/v1/nodes", {"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE}}).expect(201)
    status = {
        "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": runner.addresses[0][1]}},
    }
    api.merge(f"/api/v1/nodes/{NODE}/status", {"status": status}).expect(200)
    yield
    await runner.cleanup()


class Reading:
    """A command that runs, and what it has printed so far."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process, self.lines = process, list[str]()

    async def until(self, text: str) -> None:
        """Read until a line has this."""
        assert self._process.stdout is not None
        while not any(text in line for line in self.lines):
            try:
                line = await asyncio.wait_for(self._process.stdout.readline(), SETTLE)
            except TimeoutError:
                line = b""
            assert line, f"It has ended, or says nothing, without {text!r}: {self.lines}"
            self.lines.append(line.decode().rstrip())

    async def ends(self) -> int:
        """Read to the end; the exit code."""
        async with asyncio.timeout(SETTLE):
            out, _ = await self._process.communicate()
        self.lines += out.decode().splitlines()
        assert self._process.returncode is not None
        return self._process.returncode


async def logs(shop: Shop, environment: Environment, *more: str) -> Reading:
    words = (sys.executable, "-m", "brandrelease", "logs", shop.name, environment.name, *more)
    process = await asyncio.create_subprocess_exec(
        *words, env=shop.command.environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    return Reading(process)


def job_of(environment: Environment) -> str:
    return str(environment.status().get("current", {}).get("hooks", {}).get("preDeploy", {}).get("job", ""))


def ends_well(shop: Shop, job: str) -> None:
    """As the Job controller tells of a Job that has succeeded."""
    path = f"{JOBS.format(shop.name)}/{job}"
    begun = shop.site.api.get(path).expect(200)["metadata"]["creationTimestamp"]
    conditions = [
        {"type": kind, "status": "True", "lastTransitionTime": begun} for kind in ("SuccessCriteriaMet", "Complete")
    ]
    status: Object = {"succeeded": 1, "startTime": begun, "completionTime": begun, "conditions": conditions}
    shop.site.api.merge(f"{path}/status", {"status": status}).expect(200)


async def test_hook_and_new_pods_are_one_stream_until_the_release_has_ended(kubelet: None, shop: Shop) -> None:
    environment = shop.environment()
    await asyncio.to_thread(environment.is_live)
    environment.change(hooks={"preDeploy": {"command": ["php", "artisan", "migrate"]}})
    environment.push()
    shop.command("deploy", shop.name, environment.name).ends(0)
    job = await asyncio.to_thread(shop.site.until, "the hook runs", lambda: job_of(environment), SETTLE)
    reading = await logs(shop, environment, "--follow")
    with shop.without_new_pods():
        environment.pod("hhhhh", node=NODE, job=job)
        await reading.until("preDeploy app: and goes on")
        ends_well(shop, job)
        await asyncio.to_thread(environment.comes_to, "Deploying")
        environment.pod("aaaaa", node=NODE)
        await reading.until("aaaaa app: and goes on")
    assert await reading.ends() == 0
    assert reading.lines[0].startswith("preDeploy app: app of ")
    await asyncio.to_thread(environment.comes_to, "Live")
    once = await logs(shop, environment)
    assert await once.ends() == 0
    assert [line for line in once.lines if line.startswith("aaaaa app: ")][1] == "aaaaa app: and goes on"
