"""Two BrandReleases whose Brands name the same Deployment: the one that has it keeps it, for as long as it is there."""

from dataclasses import replace

import pytest

from brandrelease.apis.brandrelease import BrandRelease
from brandrelease.core.snapshot import DeploymentView
from support.story import Story

pytestmark = pytest.mark.usefixtures("quiet")


class Marked(Story):
    """The Deployment bears the mark of another BrandRelease."""

    others = frozenset({"pianote"})

    async def deployment(self, namespace: str, name: str) -> DeploymentView | None:
        view = await super().deployment(namespace, name)
        return view and replace(view, marked_by="pianote")

    async def brand_release(self, namespace: str, name: str) -> BrandRelease | None:
        release = await super().brand_release(namespace, name)
        return release if name == "drumeo" or name in self.others else None


def test_what_belongs_to_another_brandrelease_is_not_touched() -> None:
    world = Marked()
    world.release("one")
    assert world.headline() == ("Blocked", "DuplicateRelease")
    assert world.message == (
        'Deployment drumeo-production-deployment belongs to BrandRelease "pianote", which releases another Brand or environment to it. '
        "Give each a Deployment of its own in their Brands, or delete one of the two."
    )
    assert world.applied_images == []


def test_what_belonged_to_one_that_is_gone_is_taken_over() -> None:
    world = Marked()
    world.others = frozenset()
    world.release("one")
    assert world.headline() == ("Live", "Succeeded")
