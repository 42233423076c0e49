import sys

import pytest

from tools import api_docs
from tools.api_document import document, operations


def test_the_page_is_what_the_document_says_now(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["api_docs", "--check"])

    status = api_docs.main()

    assert status == 0, capsys.readouterr().err


def test_every_endpoint_stands_on_the_page_once() -> None:
    known = list(operations(document()))

    page = api_docs.page()

    for each in known:
        assert page.count(f"| `{each.method} {each.path.removeprefix(api_docs.PREFIX)}` |") == 1, each.name


def test_what_is_said_to_be_kept_is_an_endpoint_with_a_tag() -> None:
    known = {
        each.path.removeprefix(api_docs.PREFIX): each
        for each in operations(document())
        if each.method == "GET"
    }

    kept = [known[path] for path in api_docs.KEPT]

    assert all(304 in each.statuses for each in kept)
