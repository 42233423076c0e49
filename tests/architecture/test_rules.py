from pathlib import Path, PurePosixPath

import pytest

from tests.architecture.rules import Rule, Source, sources_under, violations
from tests.architecture.rules.every import RULES

ROOT = Path(__file__).resolve().parents[2]
OF_EACH = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)


def test_the_code_base_keeps_every_rule() -> None:
    sources = sources_under(ROOT)

    found = violations(RULES, sources)

    assert len(sources) > 100
    assert found == []


@OF_EACH
def test_a_rule_refuses_its_bad_example(rule: Rule) -> None:
    found = rule.violations(rule.bad)

    assert found


@OF_EACH
def test_a_rule_accepts_its_good_example(rule: Rule) -> None:
    found = rule.violations(rule.good)

    assert found == []


@OF_EACH
def test_an_escape_with_a_reason_lets_the_bad_example_pass(rule: Rule) -> None:
    line = rule.violations(rule.bad)[0][0]
    lines = rule.bad.text.splitlines()
    lines[line - 1] += f"  # allow: {rule.name} because this is an example"

    found = rule.violations(Source(rule.bad.path, "\n".join(lines)))

    assert [each for each in found if each[0] == line] == []


@OF_EACH
def test_an_escape_without_a_reason_does_not(rule: Rule) -> None:
    line = rule.violations(rule.bad)[0][0]
    lines = rule.bad.text.splitlines()
    lines[line - 1] += f"  # allow: {rule.name}"

    found = violations(RULES, [Source(rule.bad.path, "\n".join(lines))])

    assert any("an escape says why" in each for each in found)
    assert any(f"[{rule.name}]" in each for each in found)


def test_an_escape_of_no_rule_is_a_mistake() -> None:
    misspelt = Source(
        PurePosixPath("serving/a.py"), '"""A."""\n\nx = 1  # allow: commits because typing is hard\n'
    )

    found = violations(RULES, [misspelt])

    assert found == ["serving/a.py:3: there is no rule named commits"]


def test_a_violation_says_where_what_why_and_its_name() -> None:
    hasty = Source(PurePosixPath("serving/a.py"), '"""A."""\n\ndb.commit()\n')

    found = violations(RULES, [hasty])

    assert len(found) == 1
    assert found[0].startswith("serving/a.py:3: commits by itself: a half-done request")
    assert found[0].endswith("[commit]")
