"""The command line before a person's eyes: in a terminal of 80 columns, which is pulled, and left with Ctrl-C."""

import re
import sys
from pathlib import Path

import pytest

from apiserver.shop import Environment, Shop
from support.tmux import Window

pytestmark = pytest.mark.timeout(75, func_only=True)

COLOUR = re.compile(r"\x1b\[[0-9;]*\b(?:3[0-7]|9[0-7]|38;)")


def window(shop: Shop, directory: Path, *words: str, size: tuple[int, int] = (80, 24), **more: str) -> Window:
    environment = shop.command.environment | more
    return Window(directory, environment, sys.executable, "-m", "brandrelease", *words, size=size)


def line_with(lines: list[str], text: str) -> str:
    return next((line for line in lines if text in line), "")


def test_a_release_is_followed_step_by_step_through_a_resize_to_its_exit_code(shop: Shop, tmp_path: Path) -> None:
    environment: Environment = shop.environment()
    environment.is_live()
    environment.change(soakSeconds=4)
    commit = shop.site.repository.commit({"page": "two"}, branch=environment.branch)
    with (
        shop.without_new_pods(),
        window(shop, tmp_path, "deploy", shop.name, environment.name, "--wait") as terminal,
    ):
        lines = terminal.until("it waits for the image", lambda seen: "▶  build" in "\n".join(seen))
        assert lines[0] == f"{shop.name} {environment.name}   Building"
        assert "·  rollout" in line_with(lines, "rollout")
        assert "Ctrl-C leaves" in lines[-1]
        shop.site.registry.push_image(f"sites/{shop.name}", commit, commit)
        environment.comes_to("Deploying")
        environment.pod("aaaaa")
        lines = terminal.until("it counts the pods", lambda seen: "1 of 2 new pods ready" in "\n".join(seen))
        assert "✔  build" in line_with(lines, "build")
        assert "▶  rollout" in line_with(lines, "rollout")
        assert "━" in line_with(lines, "1 of 2 new pods ready")
        assert "✔ Ready  6d4cf56db6-aaaaa" in line_with(lines, "aaaaa")
        terminal.resize(56, 18)
        lines = terminal.until("it is drawn anew", lambda seen: seen[0].startswith(shop.name))
        assert max(map(len, lines)) <= 56
        assert [line for line in lines if line.startswith(shop.name)] == lines[:1]
        assert "1 of 2 new pods ready" in " ".join(" ".join(lines).split())
        terminal.resize(100, 30)
        environment.pod("bbbbb")
        shop.site.controller.sees_no_new_pods.clear()
        lines = terminal.until("it is watched", lambda seen: "left of 4 s" in "\n".join(seen))
        assert "✔  rollout" in line_with(lines, "rollout")
        assert terminal.ends() == 0
        assert terminal.is_as_before
        lines = terminal.shows()
    assert line_with(lines, f"Asked for {environment.branch} of {shop.name}")  # where it was is the terminal's affair
    assert f"{shop.name} {environment.name}   Live" in lines
    assert f"({commit[:12]}) is live" in " ".join(lines)


def test_ctrl_c_leaves_the_release_alone_and_the_terminal_as_it_was(shop: Shop, tmp_path: Path) -> None:
    environment = shop.environment()
    commit = shop.site.repository.commit({"page": "one"}, branch=environment.branch)
    words = ("deploy", shop.name, environment.name, "--ref", environment.branch, "--wait")
    with window(shop, tmp_path, *words) as terminal:
        terminal.until("it waits for the image", lambda seen: "▶  build" in "\n".join(seen))
        terminal.press("C-c")
        assert terminal.ends() == 130
        assert terminal.is_as_before
        said = " ".join(terminal.shows())
        assert "what you asked for goes on in the cluster" in said
        assert "Traceback" not in said
    shop.site.registry.push_image(f"sites/{shop.name}", commit, commit)
    environment.comes_to("Live")


def test_no_color_is_obeyed_and_colours_are_there_otherwise(shop: Shop, tmp_path: Path) -> None:
    environment = shop.environment()
    environment.is_live()
    with window(shop, tmp_path, "status", shop.name, environment.name) as terminal:
        assert terminal.ends() == 0
        assert COLOUR.search("\n".join(terminal.shows(colours=True)))
    with window(shop, tmp_path, "status", shop.name, environment.name, NO_COLOR="1") as terminal:
        assert terminal.ends() == 0
        shown = "\n".join(terminal.shows(colours=True))
        assert not COLOUR.search(shown)
        assert "Live" in shown


def test_all_environments_fit_into_80_columns_and_are_drawn_anew(shop: Shop, tmp_path: Path) -> None:
    environment = shop.environment()
    with window(shop, tmp_path, "status", shop.name, "--watch") as terminal:
        terminal.until("the table is there", lambda seen: seen[0].startswith("BRAND"))
        environment.is_live()
        lines = terminal.until(
            "it is live in the table", lambda seen: " Live " in line_with(seen, f" {environment.name} ")
        )
        assert max(map(len, lines)) <= 80
        terminal.press("C-c")
        assert terminal.ends() == 130
        assert terminal.is_as_before


def test_a_terminal_that_can_nothing_gets_plain_lines(shop: Shop, tmp_path: Path) -> None:
    environment = shop.environment()
    environment.push()
    words = ("deploy", shop.name, environment.name, "--ref", environment.branch, "--wait")
    dumb = ("env", "TERM=dumb", sys.executable, "-m", "brandrelease", *words)
    with Window(tmp_path, shop.command.environment, *dumb, size=(200, 24)) as terminal:
        assert terminal.ends() == 0
        assert re.search(r"(?m)^\d\d:\d\d:\d\dZ  Live ", "\n".join(terminal.shows()))
