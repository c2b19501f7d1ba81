"""A CodeBuild on this machine that builds for real or by a script, with the other services of AWS behind the same URL.

    with CodeBuildServer(directory, registry="127.0.0.1:5000") as aws:      # AWS_ENDPOINT_URL=aws.url
        aws.create_project("drumeo", source_url="http://.../drumeo.git", repository="127.0.0.1:5000/sites/drumeo")
        aws.script(Script(queued_polls=3), project="drumeo")                # for the next build
        aws.script(Fault("StartBuild", "ThrottlingException", times=2))     # for the next two calls
        aws.journal.calls("StartBuild")

The buildspec is in the server: a build needs GIT_COMMIT, IMAGE_REPO and IMAGE_TAG, and exports IMAGE_DIGEST.

What AWS does and this does not: look at credentials and rights; draw from the queue in an order that nobody can tell (here
the first comes first); take seconds for the phases around the build; cancel a command softly; batches, retries, reports,
caches, webhooks; evaluate alarms. Regions are all one, but for alarms and metrics. ECR knows only what goes through builds of its tags' rules: a push past them is not refused. Whoever asks
it for a tag is not told the image's other tags. What AWS's documents leave open was chosen: the status of a timeout in the
queue is TIMED_OUT, the words of a project's limit are our own, and an archived image that is asked for by name without a
filter is left out of the answer.
"""

from support.codebuild.account import Limits
from support.codebuild.ecr import ecr_host
from support.codebuild.faults import Cut, Fault
from support.codebuild.script import Image, Script
from support.codebuild.server import CodeBuildServer

__all__ = ["CodeBuildServer", "Cut", "Fault", "Image", "Limits", "Script", "ecr_host"]
