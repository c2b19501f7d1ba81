"""A Job that sits in the place of a build is not taken for it, not waited for, and not stopped."""

from collections.abc import AsyncIterator

import pytest

from apiserver.json_api import Api
from apiserver.objects import BRANDS, brand
from brandrelease.adapters.builders.buildkit import BuildKit
from brandrelease.adapters.builders.buildkit_job import JobProfile
from brandrelease.adapters.kube.api import KubeApi
from brandrelease.apis.brand import Brand
from brandrelease.apis.reasons import Reason
from brandrelease.core.builds.images import BuildOrder, build_order
from brandrelease.core.builds.seen import BuildAbsent, BuildRunning, BuildSucceeded
from brandrelease.ports import Refused
from brandrelease.settings import SecurityProfile
from cluster.api import ApiServer

JOBS = "/apis/batch/v1/namespaces/{}/jobs"


@pytest.fixture
async def builder(api_server: ApiServer, namespace: str) -> AsyncIterator[BuildKit]:
    connection = await KubeApi.connect(api_server.kubeconfig)
    yield BuildKit(connection, JobProfile(namespace, "builder:1", SecurityProfile.Rootless, frozenset()))
    await connection.close()


@pytest.fixture
def order(api: Api, namespace: str) -> BuildOrder:
    body = api.post(BRANDS, brand({"metadata.name": namespace})).expect(201)
    return build_order(Brand.from_object(body), "c" * 40, 1)


async def test_a_job_that_somebody_else_has_put_there_is_no_build(
    builder: BuildKit, order: BuildOrder, api: Api, namespace: str
) -> None:
    owner = {"apiVersion": "brandrelease.dev/v1alpha1", "kind": "Brand", "name": "pianote", "uid": "of-another"}
    pod = {"containers": [{"name": "build", "image": "i"}], "restartPolicy": "Never"}
    metadata = {"name": order.name, "ownerReferences": [owner]}
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {"template": {"spec": pod}}}
    api.post(JOBS.format(namespace), job).expect(201)
    assert await builder.state(order) == BuildAbsent()
    with pytest.raises(Refused) as refused:
        await builder.start(order)
    assert refused.value.refusal.reason is Reason.BuildNotStarted
    assert refused.value.refusal.message.endswith(f"Brand {namespace} does not own it. Delete that Job.")
    await builder.cancel(order)
    assert api.get(f"{JOBS.format(namespace)}/{order.name}").code == 200


async def test_the_brands_own_job_is(builder: BuildKit, order: BuildOrder, api: Api, namespace: str) -> None:
    await builder.start(order)
    await builder.start(order)
    assert isinstance(await builder.state(order), BuildRunning | BuildSucceeded)
    await builder.cancel(order)
    assert await builder.state(order) == BuildAbsent()
