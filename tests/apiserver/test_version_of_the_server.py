"""The API server is the one that was asked for: otherwise docs/compatibility.md would tell of another."""

import os

from apiserver.json_api import Api
from cluster import toolchain
from cluster.control_plane import KUBERNETES


def test_the_server_calls_itself_what_was_asked_for(api: Api) -> None:
    expected = os.environ.get(KUBERNETES, toolchain.KUBERNETES)
    assert api.get("/version").expect(200)["gitVersion"] == f"v{expected}"
