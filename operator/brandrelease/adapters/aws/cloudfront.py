"""The port `Caches` on Amazon CloudFront: one invalidation for one reference, however often it is asked for."""

from dataclasses import dataclass

from brandrelease.adapters.aws.api import AwsApi
from brandrelease.adapters.aws.calls import Call
from brandrelease.adapters.aws.errors import AwsError
from brandrelease.adapters.aws.identity import ANYWHERE
from brandrelease.apis.reasons import Reason
from brandrelease.core.actions import InvalidationOrder
from brandrelease.core.snapshot import InvalidationAbsent, InvalidationState, InvalidationTaken, Refusal
from brandrelease.ports import Refused


@dataclass(frozen=True, slots=True)
class _Taken:
    distribution: str
    reference: str
    id: str | None


class CloudFront:
    """Asks with the operator's own credentials."""

    def __init__(self, aws: AwsApi) -> None:
        self._aws = aws
        self._last: dict[str, _Taken] = {}
        """What was taken last for each BrandRelease. What is forgotten is asked for again, which changes nothing."""

    async def state(self, order: InvalidationOrder) -> InvalidationState:
        """What is remembered of it."""
        last = self._last.get(order.owner_uid)
        if last is None or (last.distribution, last.reference) != (order.distribution, order.reference):
            return InvalidationAbsent()
        return InvalidationTaken(last.id)

    async def invalidate(self, order: InvalidationOrder) -> None:
        """Ask for it; raises Refused."""
        paths = {"Quantity": len(order.paths), "Items": list(order.paths)}
        batch = {"Paths": paths, "CallerReference": order.reference}
        try:
            answer = await self._aws.call(
                Call.CreateInvalidation, ANYWHERE, DistributionId=order.distribution, InvalidationBatch=batch
            )
        except AwsError as error:
            # The same reference with other paths: they were changed in the Brand while the answer was lost. What was
            # to be forgotten when the release was live has been.
            if error.code != "InvalidationBatchAlreadyExists":
                raise Refused(Refusal(Reason.InvalidationFailed, error.sentence)) from error
            taken = None
        else:
            taken = str(answer["Invalidation"]["Id"])
        self._last[order.owner_uid] = _Taken(order.distribution, order.reference, taken)
