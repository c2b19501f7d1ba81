"""The port `Clock` on the machine's clock."""

from datetime import UTC, datetime


class SystemClock:
    """The time of day."""

    def now(self) -> datetime:
        return datetime.now(UTC)  # noqa: TID251 - the one place where the time comes in
