"""Two environments of a Brand may not have the same Deployment, however their names come about.

The rule in the CRD is written without joining strings, so that older API servers take it; what it must say is what the
operator fills in.
"""

from itertools import product
from typing import Final

import pytest

from apiserver.json_api import Api
from apiserver.objects import BRANDS, brand
from brandrelease.apis.brand import Brand

NAMESPACES: Final = (None, "drumeo-a", "drumeo-b", "a-drumeo-b", "b", "sites")
DEPLOYMENTS: Final = (None, "drumeo-a-deployment", "drumeo-b-deployment", "xdrumeo-b-deployment", "b-deployment")
Names = tuple[str | None, str | None]


def environment(name: str, names: Names) -> dict[str, str]:
    namespace, deployment = names
    given = {"name": name, "namespace": namespace, "deployment": deployment}
    return {field: text for field, text in given.items() if text is not None}


@pytest.mark.parametrize("of_a", list(product(NAMESPACES, DEPLOYMENTS)), ids=str)
def test_a_brand_is_refused_where_two_environments_have_one_deployment(api: Api, of_a: Names) -> None:
    for of_b in product(NAMESPACES, DEPLOYMENTS):
        body = brand({"spec.environments": [environment("a", of_a), environment("b", of_b)]})
        filled_in = Brand.from_object({**body, "metadata": {"name": "drumeo", "uid": "uid"}})
        a, b = (filled_in.environment(name) for name in "ab")
        assert a is not None
        assert b is not None
        meet = (a.namespace, a.deployment) == (b.namespace, b.deployment)
        answer = api.post(BRANDS, body, dryRun="All")
        assert answer.code == (422 if meet else 201), (of_a, of_b, answer.message)
        assert not meet or "two environments must not release to the same Deployment" in answer.message
