"""What one local cluster is: decided by the supervisor, read by the node and by every later command."""

import json
from dataclasses import dataclass
from pathlib import Path

from cluster.addresses import Addresses

FILE = "plan.json"


@dataclass(frozen=True)
class Plan:
    """The cluster ``name`` with its files in ``run_directory`` and the compiled programs in ``programs``."""

    name: str
    run_directory: Path
    programs: Path
    addresses: Addresses


def write(plan: Plan) -> None:
    """Write the plan into its run directory; complete or not at all, because others poll for it."""
    content = {"name": plan.name, "programs": str(plan.programs), "slot": plan.addresses.slot}
    scratch = plan.run_directory / f".{FILE}"
    scratch.write_text(json.dumps(content) + "\n")
    scratch.rename(plan.run_directory / FILE)


def read(run_directory: Path) -> Plan:
    """Read the plan of the cluster in ``run_directory``; raises OSError if there is none."""
    content = json.loads((run_directory / FILE).read_text())
    return Plan(content["name"], run_directory, Path(content["programs"]), Addresses(content["slot"]))
