"""`python -m support.opensearch`: get the jars, unless they are there."""

import sys

from cluster.errors import ClusterError
from support.opensearch.jars import installed


def main() -> int:
    try:
        print(f"OpenSearch is in {installed(lambda text: print(text, flush=True))}.")
    except ClusterError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
