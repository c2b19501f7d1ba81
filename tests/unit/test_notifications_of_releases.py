"""Whoever is told of releases hears of each one, in order and to its end, whatever dies or does not answer."""

import pytest

from support.story import Story

pytestmark = pytest.mark.usefixtures("quiet")

SLACK = {"name": "slack", "slack": {"channel": "#releases", "secretName": "slack"}}


def stages(world: Story, name: str = "slack") -> list[str]:
    return [f"{each.number} {each.stage}" for each in world.deliveries.taken if each.to.name == name]


def test_a_good_release_is_told_from_its_beginning_to_its_end_in_one_message() -> None:
    world = Story(notifications=[SLACK])
    world.release("one")
    assert stages(world) == ["1 Started", "1 Deploying", "1 Verifying", "1 Live"]
    assert list(world.deliveries.messages) == ["slack/1"]
