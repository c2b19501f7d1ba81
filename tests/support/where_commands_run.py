"""Where each command of the documents is run. Whoever adds one to a page finds its place here.

A command has one of these homes:

- docs/tutorial.md is played from top to bottom on a real cluster, with all that it prints: tests/e2e/test_tutorial.py.
- What ELSEWHERE names is not run as it stands there, for the reason beside it. It is parsed, and what can be known of
  its program is checked: targets, subcommands, options, files.
- Every other command is run as it stands there, on a real API server on which the operator looks after `drumeo`:
  tests/apiserver/test_documented_commands.py. Nothing has to be written for it.
"""

import re
from typing import Final

from support.documents import TUTORIAL, Command

NOT_ON_THIS_MACHINE: Final = {
    "argocd": "needs an Argo CD",
    "aws": "speaks to AWS; calls and options are looked up in botocore",
    "cosign": "needs a signed release on the internet",
    "docker": "there is no Docker; tests/e2e/test_our_image.py builds the same Dockerfile with BuildKit",
    "flux": "needs a Flux",
    "helm": "needs helm and our charts from the internet",
}
"""Programs that no test has, with all that is done with them."""

BY_OTHER_TESTS: Final = {
    "brandrelease": "tests/apiserver/test_command_line.py does what each of them does",
    "make": "that is what CI runs; the tests of tests are these tests",
    "promtool": "tests/adapters/test_alert_rules.py",
    "source": "the completion of a shell that somebody sits at",
    "uv": "make runs it",
}
"""Programs that other tests run."""

ELSEWHERE: Final = (
    (r"^kubectl brandrelease ", "as `brandrelease`, the same program"),
    (r"^kubectl (-n \S+ )?logs ", "needs a kubelet; the stories in tests/e2e read logs by kubectl"),
    (r"^kubectl run try ", "needs a kubelet, and a terminal; tests/e2e/test_untrusted_builds.py tries the same"),
    (r"^kubectl port-forward ", "needs a kubelet"),
    (
        r"^kubectl (delete (?!secret)|create namespace brandrelease-system)",
        "would take away what the stage stands on, or is there; tests/e2e/test_our_image.py installs and removes it",
    ),
    (r"deploy/install\.yaml \| kubectl apply ", "tests/e2e/test_our_image.py installs it on a real cluster"),
    (r"^kubectl top ", "needs a metrics server, which no cluster of the tests has"),
    (r"^kubectl rollout ", "needs a Deployment controller; the stories in tests/e2e wait by it"),
    (r"^kubectl (set image|apply --server-side -k)$", "only the name of a command"),
    (r"PrometheusRule", "kinds of the Prometheus operator, which is not there; the YAML is parsed"),
    (r"^(IMAGE|WHO|BY)=", "what cosign is told"),
    (
        r"^git (clone|push|commit|revert|checkout|log|rev-parse|add)\b",
        "a repository of the reader's; the tutorial does it",
    ),
    (r"^git ls-remote ", "a server that is only an example; the operator asks real ones so in tests/adapters"),
    (
        r"^KUBECONFIG=\S+ .*python -m brandrelease run",
        "the operator itself: tests/support/operator_process.py runs it so",
    ),
    (r"^(PYTHONPATH=tests )?(uv run --frozen|\.venv/bin/)", "a tool of development"),
)
"""Pattern of the commands, and why they are not run as they stand there."""

SENTENCE: Final = (
    "Either it can be run on the API server of tests/apiserver/test_documented_commands.py (then it is, and this is what "
    "came of it), or it has to be named in tests/support/where_commands_run.py with the reason why not."
)


def program(command: Command) -> str:
    """The first word."""
    return command.text.split()[0]


def why_elsewhere(command: Command) -> str | None:
    """Why the command is not run on the stage; None where it is."""
    if command.page == TUTORIAL:
        return "tests/e2e/test_tutorial.py"
    for programs in (NOT_ON_THIS_MACHINE, BY_OTHER_TESTS):
        if why := programs.get(program(command)):
            return why
    return next((why for pattern, why in ELSEWHERE if re.search(pattern, command.text)), None)
