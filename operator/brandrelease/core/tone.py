"""How a thing is to be taken, wherever people see it: on the board and on the command line."""

from enum import StrEnum
from typing import Final

from brandrelease.apis.verification import CheckState


class Tone(StrEnum):
    """It is always said in words too."""

    Good = "good"
    Busy = "busy"
    Stuck = "stuck"
    Bad = "bad"
    Off = "off"


CHECK_TONES: Final = {
    CheckState.Passed: Tone.Good,
    CheckState.Failing: Tone.Stuck,  # bad, and nothing follows from that yet
    CheckState.Failed: Tone.Bad,
    CheckState.NotCharged: Tone.Off,
    CheckState.Error: Tone.Stuck,
}
