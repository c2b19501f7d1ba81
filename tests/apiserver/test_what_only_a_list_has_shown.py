"""A BrandRelease of which no event has told, but the list of a resync: whatever is about it wakes it from then on.

Lists tell only names and versions, and not of which Brand it is; but a build's Job wakes all BrandReleases of its Brand.
"""

import pytest

from apiserver.objects import BRANDS
from apiserver.row_of_brands import Row
from support.fault_proxy import Event


def tells_of_a_release(event: Event) -> bool:
    return event.kind == "BrandRelease"


@pytest.mark.timeout(90, func_only=True)
def test_the_end_of_its_build_and_a_change_of_its_brand_wake_it(row: Row) -> None:
    row.brand(0, build={"buildKit": {}})
    row.runs([0])
    row.operator.start()
    row.until("the operator has seen the Brand", lambda: row.brand_is_ready(0))
    with row.proxy.losing_events(tells_of_a_release):
        commit = row.push(0, image=False)
        row.release(0)
        row.ends(0, commit, "Succeeded", 30)
        row.is_quiet()
        elsewhere = [{"name": "another", "namespace": row.name, "deployment": row.brand_name(0)}]
        row.api.merge(f"{BRANDS}/{row.brand_name(0)}", {"spec": {"environments": elsewhere}}).expect(200)
        row.until("it is told that its environment is gone", lambda: row.status(0)["phase"] == "Blocked", 30)
