"""The list of rules."""

from tests.architecture.rules import catalog, commits, directions, docstrings, environment, lengths, queries

RULES = (
    commits.RULE,
    queries.RULE,
    environment.RULE,
    directions.RULE,
    catalog.RULE,
    docstrings.RULE,
    lengths.RULE,
)
