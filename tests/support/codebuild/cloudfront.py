"""CloudFront's invalidations, which are idempotent by their CallerReference and take a while."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from xml.sax.saxutils import escape

from support.codebuild.wire import ACCOUNT, CLOUDFRONT, XML_TYPE, Answer, AwsError, Request

NAMESPACE = "http://cloudfront.amazonaws.com/doc/2020-05-31/"
IN_PROGRESS, COMPLETED = "InProgress", "Completed"


@dataclass
class Invalidation:
    distribution: str
    id: str
    reference: str
    paths: tuple[str, ...]
    created: float
    polls_left: int

    @property
    def status(self) -> str:
        return IN_PROGRESS if self.polls_left > 0 else COMPLETED


@dataclass
class CloudFront:
    """``polls``: how many answers of GetInvalidation say InProgress before one says Completed."""

    clock: Callable[[], float]
    polls: int = 1
    distributions: set[str] = field(default_factory=set)
    invalidations: list[Invalidation] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, request: Request) -> Answer | None:
        """The answer of CreateInvalidation or GetInvalidation; None for what is not played here."""
        operations = {"CreateInvalidation": self._create, "GetInvalidation": self._get}
        operation = operations.get(request.operation)
        if operation is None:
            return None
        distribution = request.parameters["DistributionId"]
        if distribution not in self.distributions:
            raise AwsError("NoSuchDistribution", "The specified distribution does not exist.")
        with self._lock:
            return operation(distribution, request)

    def _create(self, distribution: str, request: Request) -> Answer:
        reference, paths = request.parameters["CallerReference"], tuple(request.parameters["Paths"])
        if not reference or not paths:
            raise AwsError("InvalidArgument", "An invalidation needs a CallerReference and paths.")
        for known in self.invalidations:
            if (known.distribution, known.reference) == (distribution, reference):
                if known.paths != paths:
                    message = "The caller reference was used before, for an invalidation with other paths."
                    raise AwsError("InvalidationBatchAlreadyExists", message)
                return _answer(201, known)
        number = len(self.invalidations) + 1
        made = Invalidation(distribution, f"I{number:013d}", reference, paths, self.clock(), self.polls)
        self.invalidations.append(made)
        return _answer(201, made)

    def _get(self, distribution: str, request: Request) -> Answer:
        for known in self.invalidations:
            if (known.distribution, known.id) == (distribution, request.parameters["Id"]):
                answer = _answer(200, known)
                known.polls_left -= 1
                return answer
        raise AwsError("NoSuchInvalidation", "The specified invalidation does not exist.")


def _answer(status: int, told: Invalidation) -> Answer:
    items = "".join(f"<Path>{escape(path)}</Path>" for path in told.paths)
    body = (
        f'<?xml version="1.0"?>\n<Invalidation xmlns="{NAMESPACE}"><Id>{told.id}</Id><Status>{told.status}</Status>'
        f"<CreateTime>{datetime.fromtimestamp(told.created, UTC):%Y-%m-%dT%H:%M:%S.000Z}</CreateTime>"
        f"<InvalidationBatch><Paths><Quantity>{len(told.paths)}</Quantity><Items>{items}</Items></Paths>"
        f"<CallerReference>{escape(told.reference)}</CallerReference></InvalidationBatch></Invalidation>"
    )
    location = f"https://cloudfront.amazonaws.com{CLOUDFRONT}distribution/{told.distribution}/invalidation/{told.id}"
    headers = {"Content-Type": XML_TYPE, "Location": location, "x-amzn-RequestId": ACCOUNT}
    return Answer(status, headers, body.encode())
