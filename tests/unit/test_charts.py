"""The charts without Helm: what is generated is current, and the operator can be told everything by them."""

import re
from pathlib import Path

import pytest
import yaml

from brandrelease.codegen.__main__ import main
from brandrelease.settings import Settings
from support import install_manifest
from support.helm import CHART, CRDS

OF_THE_POD = {"board_token", "namespace", "instance", "cache_dir", "http_address", "leader_election", "kubeconfig"}
"""Settings that are the pod's own matter: what the chart's other objects rely on, or what the operator finds by itself."""


def test_the_manifest_for_kubectl_is_of_the_charts_as_they_are() -> None:
    assert install_manifest.is_current(), "Run 'make generate' and commit what it writes."


def test_every_setting_is_told_by_the_chart() -> None:
    told = set(re.findall(r"BRANDRELEASE_([A-Z_]+)", (CHART / "templates" / "deployment.yaml").read_text("utf-8")))
    assert told == {name.upper() for name in Settings.model_fields if name not in OF_THE_POD}


def test_both_charts_and_the_operator_have_one_version() -> None:
    said = [yaml.safe_load((chart / "Chart.yaml").read_text("utf-8")) for chart in (CHART, CRDS)]
    (version,) = {each[key] for each in said for key in ("version", "appVersion")}
    assert install_manifest.NOBODYS_IMAGE.endswith(f":{version}")


def test_a_file_of_a_chart_that_was_changed_by_hand_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chart = tmp_path / "charts" / "brandrelease"
    for directory in (chart, tmp_path / "deploy" / "observability"):
        directory.mkdir(parents=True)
    (chart / "README.md").write_text("# brandrelease\n", "utf-8")
    (tmp_path / "deploy" / "observability" / "alerts.yaml").write_text("groups: []\n", "utf-8")
    options = ["--directory", str(tmp_path / "crds")]
    assert main(options) == 0
    assert main([*options, "--check"]) == 0
    for name in ("values.yaml", "values.schema.json", "README.md", "files/alerts.yaml", "templates/rbac.yaml"):
        file = chart / name
        kept = file.read_text("utf-8")
        file.write_text(kept + "# by hand\n" if name != "README.md" else kept.replace("image.digest", "image.digits"))
        assert main([*options, "--check"]) == 1
        assert f"{file} differs from" in capsys.readouterr().err
        file.write_text(kept, "utf-8")
