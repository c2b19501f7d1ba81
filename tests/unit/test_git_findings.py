"""What git has said is remembered for those who ask the same soon, and no longer."""

from brandrelease.adapters.git.findings import KEPT, Findings


def test_what_was_asked_of_late_is_known_and_what_was_asked_long_ago_is_forgotten() -> None:
    findings: Findings[str] = Findings()
    for number in range(KEPT):
        findings.keep(number, f"answer {number}")
    assert findings.get(0) == "answer 0"  # asked again, so number 1 is now the oldest
    findings.keep(KEPT, "one more")
    assert findings.get(1) is None
    assert findings.get(0) == "answer 0"


def test_however_much_is_asked_only_so_many_answers_are_kept() -> None:
    findings: Findings[str] = Findings()
    for number in range(20 * KEPT):
        findings.keep(number, "answer")
    assert sum(findings.get(number) is not None for number in range(20 * KEPT)) == KEPT
