"""What the bench says of what it has measured: quantiles, goals, the table, the file and the page."""

import time
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from bench import files, page, table
from bench.figures import Figure, Goal, Kind, Peer, Section, in_digits, quantile, shares
from bench.files import Measured
from bench.machine import Machine
from bench.moments import is_rolled_out
from bench.overhead import Took
from bench.overhead import figures as figures_of_releases
from bench.rows import row_of
from bench.sections import MODULES
from bench.trials import Failure, Tried, back_at, end_of, section, starts_of
from e2e.trial import RELEASE_LABEL

MACHINE = Machine("2026-11-28", "a processor", 2, 7.8, "6.12", "3.11.2", (0.5, 1.25))
PATCHED = Figure(
    what="kubectl apply → patched",
    values=(0.2, 0.3, 0.4),
    peer=Peer("by hand", (0.1, 0.2)),
    goals=(Goal(Kind.P50, 0.4), Goal(Kind.P95, 0.35)),
)
FOUND = {"overhead": Measured(Section(title="one release", figures=(PATCHED,), words=("Read this.",)), MACHINE)}


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ((3.0,), 0.95, 3.0),
        ((1.0, 2.0), 0.5, 1.5),
        ((5.0, 1.0, 3.0), 0.5, 3.0),
        (tuple(map(float, range(101))), 0.95, 95.0),
        ((1.0, 2.0), 1.0, 2.0),
    ],
)
def test_a_quantile_is_between_the_two_values_that_are_nearest(
    values: tuple[float, ...], share: float, expected: float
) -> None:
    assert quantile(values, share) == pytest.approx(expected)


def test_a_curve_ends_where_all_have_come() -> None:
    assert shares([2.0, 1.0]) == ((1.0, 50.0), (2.0, 100.0))


@pytest.mark.parametrize(
    ("goal", "is_met"),
    [
        (Goal(Kind.P50, 2.0), True),
        (Goal(Kind.P50, 1.9), False),
        (Goal(Kind.P95, 2.9), True),
        (Goal(Kind.Ratio, 2.0), True),
        (Goal(Kind.Ratio, 1.9), False),
        (Goal(Kind.Over, 1.0), True),
        (Goal(Kind.OverAtP95, 1.8), False),
        (Goal(Kind.P50, 2.0, at_least=True), True),
        (Goal(Kind.P50, 2.1, at_least=True), False),
    ],
)
def test_a_goal_is_met_up_to_its_limit(goal: Goal, is_met: bool) -> None:
    figure = Figure(what="it", values=(1.0, 2.0, 3.0), peer=Peer("the other", (1.0,)))
    assert figure.is_met(goal) is is_met


def test_a_goal_about_a_peer_that_is_not_there_is_missed() -> None:
    assert not Figure(what="it", values=(1.0,)).is_met(Goal(Kind.Ratio, 2.0))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (0.0, "0"),
        (14.0, "14"),
        (5000.0, "5,000"),
        (0.0001, "0.0001"),
        (0.2834, "0.283"),
        (1.734, "1.73"),
        (12.44, "12.4"),
        (4999.6, "5,000"),
        (-0.5, "-0.500"),
    ],
)
def test_figures_are_told_with_the_digits_that_count(value: float | None, text: str) -> None:
    assert in_digits(value) == text


def test_a_line_says_what_stands_beside_it_and_which_goals_are_met() -> None:
    row = row_of(PATCHED)
    assert row.cells == (
        "kubectl apply → patched", "3", "0.300 s", "0.390 s", "by hand", "0.150 s", "0.195 s", "2.00x",
        "p50 ≤ 0.4 s, p95 ≤ 0.35 s", "met, missed",
    )  # fmt: skip
    assert not row.is_met


def test_goals_that_come_out_alike_are_told_in_one_word() -> None:
    row = row_of(replace(PATCHED, goals=(Goal(Kind.P50, 1.0), Goal(Kind.Ratio, 3.0))))
    assert row.cells[-2:] == ("p50 ≤ 1 s, ratio ≤ 3x", "met")
    assert row.is_met


def test_a_figure_that_was_measured_once_and_stands_alone_leaves_the_rest_of_its_line_empty() -> None:
    assert row_of(Figure(what="calls", values=(14.0,), unit="calls")).cells[2:] == (
        "14 calls",
        "",
        "",
        "",
        "",
        "",
        "",
        "",
    )


def test_the_table_names_each_section_and_says_how_to_read_it() -> None:
    console = Console(width=200, record=True, file=(Path("/dev/null").open("w")))  # noqa: SIM115
    table.show({name: each.section for name, each in FOUND.items()}, console)
    text = console.export_text()
    for words in ("overhead: one release", "kubectl apply → patched", "met, missed", "overhead: Read this."):
        assert words in text


def test_the_file_gives_back_what_was_written(tmp_path: Path) -> None:
    assert files.read(tmp_path) == {}
    files.write(tmp_path, FOUND)
    assert files.read(tmp_path) == FOUND


def test_the_page_has_the_figures_of_the_sections_that_were_measured_and_keeps_the_others() -> None:
    before = "a\n<!-- overhead -->\nold\n<!-- /overhead -->\nb\n<!-- builds -->\nolder\n<!-- /builds -->\nc\n"
    after = page.filled(before, FOUND)
    assert "old\n<" not in after
    assert "| kubectl apply → patched | 3 | 0.300 s |" in after
    assert f"Read this.\nMeasured on {MACHINE}.\n" in after
    assert after.endswith("b\n<!-- builds -->\nolder\n<!-- /builds -->\nc\n")
    assert page.filled(after, FOUND) == after


def test_a_section_without_a_place_on_the_page_is_told() -> None:
    with pytest.raises(SystemExit, match="no place for the section overhead"):
        page.filled("nothing", FOUND)


def test_every_section_has_its_place_on_the_page() -> None:
    text = page.PAGE.read_text()
    for name in MODULES:
        assert f"<!-- {name} -->\n" in text
        assert f"<!-- /{name} -->\n" in text


# --- what is made of what was seen ----------------------------------------------------------------------------------------


def test_a_deployment_is_rolled_out_when_all_its_pods_are_new_and_available() -> None:
    done = {"observedGeneration": 2, "updatedReplicas": 2, "replicas": 2, "availableReplicas": 2}
    body = {"metadata": {"generation": 2}, "spec": {"replicas": 2}, "status": done}
    assert is_rolled_out(body)
    for name, count in (("observedGeneration", 1), ("updatedReplicas", 1), ("replicas", 3), ("availableReplicas", 1)):
        assert not is_rolled_out({**body, "status": {**done, name: count}})
    assert not is_rolled_out({**body, "status": {}})


def test_live_stands_beside_the_end_of_kubectl_rollout_status() -> None:
    patched, rolled_out, live = figures_of_releases([Took(0.3, 1.7, 1.9)], [Took(0.1, 1.5, 1.6)])
    assert (patched.values, rolled_out.values, live.values) == ((0.3,), (1.7,), (1.9,))
    assert [each.peer.values for each in (patched, rolled_out, live) if each.peer] == [(0.1,), (1.5,), (1.6,)]


def test_a_pod_has_started_when_it_is_ready_for_the_first_time() -> None:
    def pod(name: str, *, ready: bool, of_a_release: bool = True) -> dict[str, object]:
        conditions = [{"type": "Ready", "status": str(ready)}]
        labels = {RELEASE_LABEL: "1"} if of_a_release else {}
        return {"metadata": {"name": name, "labels": labels}, "status": {"conditions": conditions}}

    seen = [
        (1.0, pod("a", ready=False)),
        (1.5, pod("by-hand", ready=True, of_a_release=False)),
        (2.0, pod("b", ready=False)),
        (3.0, pod("a", ready=True)),
        (9.0, pod("a", ready=True)),
    ]
    assert starts_of(seen) == (2.0,)


def test_the_way_back_is_the_good_releases_mark_after_the_bad_ones() -> None:
    def marked(number: str) -> dict[str, object]:
        return {"metadata": {"labels": {RELEASE_LABEL: number}}}

    assert back_at([(1.0, marked("1")), (2.0, marked("2")), (3.0, marked("1")), (4.0, marked("1"))], "2", "1") == 3.0


def test_a_grace_ends_with_a_whole_second_and_what_has_none_is_decided_at_once() -> None:
    assert end_of(0.0, 12.3) == 12.3
    since = time.monotonic()
    assert since + 9.0 < end_of(10.0, since) <= since + 10.0


def test_all_families_are_told_together_and_each_by_itself() -> None:
    failures = [Failure("crash", 0.1, 0.2, (1.0, 2.0), 600.0), Failure("root", 0.3, 0.4, (1.5,), 600.0)]
    found = section("title", Tried(tuple(failures), ("sidecar",)), "the end", ("words",), "curve")
    assert [(figure.what, figure.values) for figure in found.figures] == [
        ("the end → rollback patch", (0.1, 0.3)),
        ("the end → all pods good", (0.2, 0.4)),
        ("  crash → rollback patch", (0.1,)),
        ("  root → rollback patch", (0.3,)),
    ]
    assert [figure.peer.values for figure in found.figures if figure.peer] == [(600.0, 600.0), (1.0, 2.0, 1.5)]
    assert found.words == ("words", "Not in these figures: sidecar, which was not rolled back in this run.")
    assert all(figure.is_met(goal) for figure in found.figures for goal in figure.goals)
