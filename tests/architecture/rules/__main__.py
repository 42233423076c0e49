"""Runs every rule over the repository: one line for each violation, status 1 if there is any."""

import sys
from pathlib import Path

from tests.architecture.rules import sources_under, violations
from tests.architecture.rules.every import RULES

ROOT = Path(__file__).resolve().parents[3]


def main() -> int:
    found = violations(RULES, sources_under(ROOT))
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
