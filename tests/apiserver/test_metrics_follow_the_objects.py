"""What /metrics shows of objects: also of those that nothing happens to after a restart, and nothing of what is gone."""

import re
import time

from apiserver.objects import RELEASES
from apiserver.operated_site import SETTLE, Site


def fleet(site: Site) -> set[str]:
    """The series of objects, without those that are zero."""
    return set(re.findall(r"(?m)^(brandrelease_\w+\{.*namespace=.*\}) 1\.0$", site.operator.get("/metrics")))


def test_the_page_has_every_object_after_a_restart_and_none_that_is_gone(site: Site) -> None:
    site.brand(environments=2)
    site.start()
    commits = [site.is_live("master", number) for number in range(2)]
    before = fleet(site)
    for number, commit in enumerate(commits):
        of_it = f'name="e{number}",namespace="{site.name}"'
        assert {series for series in before if of_it in series} == {
            f'brandrelease_info{{brand="{site.name}",environment="e{number}",{of_it},ref="master",revision="{commit[:12]}"}}',
            f'brandrelease_phase{{{of_it},phase="Live"}}',
            f'brandrelease_ready_condition{{{of_it},reason="Succeeded",status="True"}}',
        }
    assert re.search(r'brandrelease_duration_seconds_count\{outcome="Succeeded"\} 2\.0', site.operator.get("/metrics"))

    site.operator.kill()
    mark = time.monotonic()
    site.operator.start()
    site.until("the page has all objects again", lambda: fleet(site) == before, SETTLE)
    assert not [each for each in site.proxy.since(mark) if each.method in {"PUT", "PATCH", "POST"}], (
        "nothing was written"
    )
    assert re.search(r'brandrelease_duration_seconds_count\{outcome="Succeeded"\} 0\.0', site.operator.get("/metrics"))

    site.api.delete(f"{RELEASES.format(site.name)}/e1").expect(200)
    site.until("the page has e0 alone", lambda: fleet(site) == {s for s in before if 'name="e0"' in s}, SETTLE)
