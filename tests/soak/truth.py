"""What is true of each commit and image, as only those know who made them: the oracles judge the operator by it."""

from dataclasses import dataclass, field
from enum import StrEnum


class Behaviour(StrEnum):
    """What becomes of the pods, the build or the hook of a commit."""

    Good = "good"
    Crashes = "crashes at its start"
    NeverReady = "is never ready"
    CrashesLater = "is ready, and crashes while it is watched"
    NotPulled = "is not pulled at first, for the registry has too much to do"
    DoesNotBuild = "does not build"
    BuildIsLost = "loses its first build to the node"
    MigrationFails = "has a migration that fails"


JUDGED_BAD = frozenset({Behaviour.Crashes, Behaviour.NeverReady, Behaviour.CrashesLater})
"""The commit is to blame: it is rolled back and quarantined."""


@dataclass(frozen=True)
class Made:
    """A commit. parent: the full id of the one before. undoes: what it says that it reverts."""

    commit: str
    behaviour: Behaviour
    parent: str | None = None
    undoes: str | None = None


@dataclass
class Truth:
    """All commits, and the image of each that was pushed."""

    commits: dict[str, Made] = field(default_factory=dict)
    image_of: dict[str, str] = field(default_factory=dict)
    """Commit -> digest."""
    commit_of: dict[str, str] = field(default_factory=dict)
    """Digest -> commit."""
    late: set[str] = field(default_factory=set)
    """Commits whose pods the players themselves, without processor time, have brought up too late."""

    def made(self, commit: Made) -> None:
        self.commits[commit.commit] = commit

    def pushed(self, commit: str, digest: str) -> None:
        self.image_of[commit] = digest
        self.commit_of[digest] = commit

    def was_late(self, image: str) -> None:
        """To roll the image back is right."""
        if commit := self.commit_of.get(image.rpartition("@")[2]):
            self.late.add(commit)

    def behaviour(self, image: str) -> Behaviour:
        """Of the image of a Deployment; one that was there before the first release is good."""
        commit = self.commit_of.get(image.rpartition("@")[2])
        return self.commits[commit].behaviour if commit else Behaviour.Good

    def ancestry(self, commit: str | None) -> list[str]:
        """The commit and all before it, newest first."""
        found = []
        while commit is not None and commit in self.commits:
            found.append(commit)
            commit = self.commits[commit].parent
        return found

    def carries(self, commit: str, bad: str) -> bool:
        """Whether it contains the bad commit and nothing in it reverts that."""
        line = self.ancestry(commit)
        return bad in line and not any(self.commits[each].undoes == bad for each in line)
