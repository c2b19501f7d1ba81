"""The verdict over the new pods: whether the release goes well, is through, or has failed, and why.

`chain` is the specification: every rule, in the order in which it is asked. `judge` asks them.
"""

from brandrelease.core.health.asking import needs_warnings
from brandrelease.core.health.dropouts import noted
from brandrelease.core.health.judge import judge_return, judge_rollout, judge_soak
from brandrelease.core.health.verdict import Failed, Passed, Problem, Progressing, Verdict

__all__ = [
    "Failed",
    "Passed",
    "Problem",
    "Progressing",
    "Verdict",
    "judge_return",
    "judge_rollout",
    "judge_soak",
    "needs_warnings",
    "noted",
]
