"""What /metrics shows of objects: also of those that nothing happens to after a restart, and nothing of what is gone."""

import re
import time

from apiserver.objects import BRANDS, RELEASES
from apiserver.operated_site import SETTLE, Site


def fleet(site: Site) -> set[str]:
    """The series of objects, without those that are zero."""
    return set(re.findall(r"(?m)^(brandrelease_\w+\{.*namespace=.*\}) 1\.0$", site.operator.get("/metrics")))


def series_of(site: Site, number: int, commit: str) -> set[str]:
    of_it = f'name="e{number}",namespace="{site.name}"'
    return {
        f'brandrelease_info{{brand="{site.name}",environment="e{number}",{of_it},ref="master",revision="{commit[:12]}"}}',
        f'brandrelease_phase{{{of_it},phase="Live"}}',
        f'brandrelease_ready_condition{{{of_it},reason="Succeeded",status="True"}}',
    }


def succeeded(site: Site) -> float:
    counted = r'brandrelease_duration_seconds_count\{outcome="Succeeded"\} (\S+)'
    found = re.search(counted, site.operator.get("/metrics"))
    assert found
    return float(found[1])


def holders(site: Site) -> list[str]:
    status = site.api.get(f"{BRANDS}/{site.name}").expect(200).get("status", {})
    return [each["name"] for each in status.get("environments", []) if each.get("release")]


def test_the_page_has_every_object_after_a_restart_and_none_that_is_gone(site: Site) -> None:
    site.brand(environments=2)
    site.start()
    commits = [site.is_live("master", number) for number in range(2)]
    of_them = {series for number, commit in enumerate(commits) for series in series_of(site, number, commit)}
    site.until("the page has all objects as they are", lambda: fleet(site) == of_them, SETTLE)
    site.until("both are counted", lambda: succeeded(site) == 2, SETTLE)
    site.until("the Brand tells who holds its environments", lambda: set(holders(site)) == {"e0", "e1"}, SETTLE)

    site.operator.kill()
    mark = time.monotonic()
    site.operator.start()
    site.until("the page has all objects again", lambda: fleet(site) == of_them, SETTLE)
    assert not [each for each in site.proxy.since(mark) if each.method in {"PUT", "PATCH", "POST"}], (
        "nothing was written"
    )
    assert succeeded(site) == 0

    site.api.delete(f"{RELEASES.format(site.name)}/e1").expect(200)
    site.until("the page has e0 alone", lambda: fleet(site) == series_of(site, 0, commits[0]), SETTLE)
