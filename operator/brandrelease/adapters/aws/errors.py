"""What goes wrong between the operator and AWS, as a code that core.codebuild classifies and a sentence for people."""

from typing import Final

from brandrelease.adapters.aws.calls import Call
from brandrelease.core.builds.codebuild import FailureClass, class_of_error
from brandrelease.core.plain import plain
from brandrelease.core.words import cut, without_passwords

NO_CREDENTIALS: Final = "NoCredentials"
NO_ANSWER: Final = "NoAnswer"
"""Codes of our own: botocore has no AWS code for what never reached AWS."""

CREDENTIALS_DOC: Final = "docs/aws.md, section Credentials"

_DENIED: Final = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})
_NOT_US: Final = frozenset(
    {"UnrecognizedClientException", "InvalidClientTokenId", "SignatureDoesNotMatch", "InvalidSignatureException"}
)
_EXPIRED: Final = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})


class AwsError(Exception):
    """A call that failed. code: AWS's own, or one of ours; http_status: 0 where there was no answer."""

    def __init__(self, call: Call, region: str, code: str, message: str, http_status: int = 0) -> None:
        self.call, self.region, self.code, self.http_status = call, region, code, http_status
        self.words = cut(without_passwords(" ".join(plain(message).split())), 300).rstrip(".")
        super().__init__(self.sentence)

    @property
    def failure(self) -> FailureClass:
        """What kind of failure it is."""
        if self.code == NO_CREDENTIALS:
            return FailureClass.Config
        return class_of_error(self.code, self.http_status)

    @property
    def may_have_been_done(self) -> bool:
        """Whether AWS may have done what was asked although no answer came."""
        return self.code == NO_ANSWER or self.http_status >= 500  # noqa: PLR2004 - HTTP

    @property
    def stale_credentials(self) -> bool:
        """Whether reading the credentials anew may help."""
        return self.code == NO_CREDENTIALS or self.code in _EXPIRED or self.code in _NOT_US

    @property
    def sentence(self) -> str:
        """What happened and what to do."""
        what = f"{self.call.action} in {self.region}"
        if self.code == NO_CREDENTIALS:
            return (
                f"The operator has no AWS credentials, which {what} needs. Give its pod a role (IRSA) or keys; on kops a pod cannot use its node's "
                f"role, since the metadata service answers only one hop away. {CREDENTIALS_DOC}, says how."
            )
        if self.code == NO_ANSWER:
            return f"AWS does not answer {what} ({self.words}). It is asked again; if this lasts, look whether the operator's pod reaches the internet."
        if self.code in _DENIED:
            return f"AWS does not allow the operator {what}: {self.words}. Allow it in the policy of its role; docs/aws.md has one that suffices."
        if self.code in _NOT_US:
            return f"AWS does not accept the operator's credentials for {what} ({self.code}): {self.words}. {CREDENTIALS_DOC}, says how to give others."
        if self.code in _EXPIRED:
            return f"The operator's AWS credentials have expired ({self.code}); they are read anew and {what} is asked again."
        if self.failure is FailureClass.Quota:
            return f"AWS takes no more for now ({self.code}): {self.words}. It is asked again; ask AWS for a higher quota if this happens often."
        if self.failure is FailureClass.Transient:
            return f"AWS could not answer {what} ({self.code}): {self.words}. It is asked again."
        return f"AWS refuses {what} ({self.code}): {self.words}. Correct the Brand or what it names in AWS; it is asked again."
