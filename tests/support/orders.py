"""An order for a build in CodeBuild."""

from brandrelease.apis.build import CodeBuild
from brandrelease.core.builds.images import BuildOrder

COMMIT = "0123456789abcdef0123456789abcdef01234567"
ORDER = BuildOrder(
    brand="drumeo",
    brand_uid="brand-uid",
    builder="codeBuild",
    source_url="https://git.example.com/drumeo.git",
    source_secret=None,
    commit=COMMIT,
    repository="123456789012.dkr.ecr.us-east-2.amazonaws.com/drumeo",
    registry_secret=None,
    tag="0123456789ab-ffffffffff",
    key="f" * 64,
    attempt=1,
    timeout_seconds=1800,
    code_build=CodeBuild(project="drumeo", region="us-east-2"),
)
