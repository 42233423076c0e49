"""Lines of the log are objects for machines and sentences for people; without a collector spans cost nothing."""

import json
import logging

import pytest

from foundation import telemetry
from foundation.telemetry import INCOMING, REQUEST_ID, JsonLines, PlainLines, readable, span, traceparent

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def written(formatter: logging.Formatter, *, failing: bool = False) -> str:
    failure = None
    if failing:
        try:
            raise ZeroDivisionError("division by zero")
        except ZeroDivisionError as error:
            failure = (type(error), error, error.__traceback__)
    record = logging.LogRecord(
        "serving.bundle", logging.WARNING, __file__, 1, "version %s is live", ("v7",), failure
    )
    return formatter.format(record) + "\n"


def test_a_line_for_machines_is_one_object() -> None:
    line = json.loads(written(JsonLines("api")))

    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "WARNING",
        "part": "api",
        "logger": "serving.bundle",
        "message": "version v7 is live",
    }


def test_a_line_names_its_request_and_its_trace() -> None:
    named, traced = REQUEST_ID.set("r-1"), INCOMING.set(TRACEPARENT)

    line, plain = json.loads(written(JsonLines("api"))), written(PlainLines("api"))

    REQUEST_ID.reset(named)
    INCOMING.reset(traced)
    assert (line["request_id"], line["trace_id"]) == ("r-1", TRACEPARENT.split("-")[1])
    assert plain.endswith("WARNING api serving.bundle: version v7 is live [r-1]\n")


def test_a_failure_stays_on_one_line_and_is_laid_out_for_a_person() -> None:
    text = written(JsonLines("api"), failing=True)

    assert text.count("\n") == 1
    assert readable(text).splitlines()[0].endswith("WARNING api serving.bundle: version v7 is live")
    assert readable(text).rstrip().endswith("ZeroDivisionError: division by zero")


@pytest.mark.parametrize("line", ["plain text\n", "{not json\n", '{"time":"now"}\n', '{"time":1}', ""])
def test_a_line_of_anyone_else_stays_as_it_is(line: str) -> None:
    assert readable(line) == line


def test_without_a_collector_a_span_is_nothing_and_a_trace_is_only_passed_on() -> None:
    traced = INCOMING.set(TRACEPARENT)

    with span("work") as made:
        passed_on = traceparent()

    INCOMING.reset(traced)
    assert made is None
    assert telemetry.tracing() is None
    assert (passed_on, traceparent()) == (TRACEPARENT, "")


@pytest.mark.parametrize(
    "header",
    [
        "",
        "00-" + "0" * 32 + "-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-" + "0" * 16 + "-01",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        TRACEPARENT.upper(),
        TRACEPARENT + "\n",
        TRACEPARENT + "-more",
    ],
)
def test_what_names_no_trace_is_not_passed_on(header: str) -> None:
    assert telemetry.checked_traceparent(header) == ""
