"""Makes requests with Schemathesis, each endpoint for itself and in chains, sends them as somebody, and checks the answers."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import Any, TypeAlias

import hypothesis
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, Verbosity
from hypothesis.errors import FlakyStrategyDefinition
from schemathesis import GenerationMode, Response
from schemathesis.checks import CheckFunction
from schemathesis.core.failures import FailureGroup
from schemathesis.core.parameters import ParameterLocation
from schemathesis.core.result import Ok
from schemathesis.engine.recorder import ScenarioRecorder
from schemathesis.schemas import APIOperation, BaseSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ensure_resource_availability,
    missing_required_header,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    use_after_free,
)

from foundation.http.upload import ANY, FORM
from tests.authorisation.requests import HISTORY, picture
from tests.fuzz.findings import Findings
from tests.fuzz.known import Known
from tests.fuzz.people import NOBODY, People, Person
from tests.fuzz.platform import SONG_OF_THE_MODEL

Case: TypeAlias = schemathesis.Case[Any]
Operation: TypeAlias = APIOperation[Any, Any, Any, Any]

CHECKS: Sequence[CheckFunction] = (
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    missing_required_header,
)
REFUSED = [401, 402, 403, 404, 405, 409, 413, 415, 422, 503, 507]
"""The ways in which a request that is not right may be refused."""
ALONE, CHAINED = "alone", "in chains"
STEPS = 20  # of a chain
AT_ONCE = 10  # chains of one seed
MOST_SHOWN = 1_500  # characters of a body
PICTURE = picture()


def settings(examples: int) -> hypothesis.settings:
    """So many, and nothing else: what fails is noted, not looked into by the library."""
    return hypothesis.settings(
        max_examples=examples,
        stateful_step_count=STEPS,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        derandomize=False,
        verbosity=Verbosity.quiet,
        suppress_health_check=list(HealthCheck),
    )


@dataclass(frozen=True)
class Asked:
    """A request that was sent, and what came; None: nothing came."""

    case: Case
    response: Response | None
    person: Person | None
    phase: str
    recorder: ScenarioRecorder | None = None
    before: Sequence[str] = ()


class Fuzzing:
    """One run against one address. Where it `is_whole`, nothing is away, and 503 is a fault as well."""

    def __init__(
        self,
        address: str,
        document: dict[str, Any],
        people: People,
        chance: Random,
        *,
        is_whole: bool = True,
    ) -> None:
        self.findings, self.known = Findings(), Known(chance)
        self._address, self._people, self._chance, self._is_whole = address, people, chance, is_whole
        self.known.note("payment_method", "local:ok", None)
        self._session = requests.Session()
        self._session.trust_env = False
        # Who asks is ours to say: the library would leave tokens out by itself.
        config = schemathesis.Config.from_dict(
            {
                "generation": {"with-security-parameters": False},
                "checks": {"negative_data_rejection": {"expected-statuses": REFUSED}},
            }
        )
        self._schema = schemathesis.openapi.from_dict(document, config=config)
        self._operations = list(_readable(self._schema))
        self.findings.operations = [each.label for each in self._operations]
        self._machine = self._schema.as_state_machine()

    def run(self, cases: int, seed: int, say: Callable[[str], None]) -> Findings:
        """At least so many cases: half of them alone, endpoint by endpoint, half in chains."""
        number = 0
        alone = max(1, min(8, cases // (3 * len(self._operations))))
        while self.findings.cases < cases:
            number += 1
            self.known.note("song_id", SONG_OF_THE_MODEL, None)
            for operation in self._operations:
                self._alone(operation, alone, seed * 1_000 + number)
            wanted = self.findings.by_phase[ALONE]
            while self.findings.by_phase[CHAINED] < wanted and self.findings.cases < cases:
                number += 1
                self._chains(AT_ONCE, seed * 1_000 + number)
            say(f"{self.findings.cases:,} cases, {len(self.findings.failures)} kinds of failures")
        return self.findings

    def close(self) -> None:
        """Let the connection go."""
        self._session.close()

    def _alone(self, operation: Operation, examples: int, seed: int) -> None:
        """The endpoint by itself: mostly what it should take, some of what it should not."""
        wanted = {GenerationMode.POSITIVE: examples, GenerationMode.NEGATIVE: max(1, examples // 2)}
        takes_something = bool(operation.body or operation.query or operation.path_parameters)
        for mode, number in wanted.items():
            if mode is GenerationMode.NEGATIVE and not takes_something:
                continue  # there is nothing that it could refuse

            @hypothesis.seed(seed)
            @settings(number)
            @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
            def ask(case: Case) -> None:
                person = self._people.anybody()
                self.check(Asked(case, self.send(case, person), person, ALONE), CHECKS)

            # What takes nothing can be made in one way alone; somebody else asks each time.
            for _ in range(1 if takes_something else number):
                ask()

    def _chains(self, number: int, seed: int) -> None:
        """Requests that use what the answers before them told, as the same person most of the time."""
        fuzzing, chance, people = self, self._chance, self._people

        class Chain(self._machine):  # type: ignore[misc, name-defined] # made at run time
            def setup(self) -> None:
                self.usual = self.asking = people.anybody()
                self.is_one_person = True  # so far
                self.before: list[str] = []

            def call(self, case: Case, **_: Any) -> Response | None:
                self.asking = self.usual if chance.random() < 0.85 else people.anybody()
                self.is_one_person &= self.asking is self.usual
                response = fuzzing.send(case, self.asking)
                self.before.append(f"{case.operation.label} as {_kind(self.asking)}")
                return response

            def after_call(self, response: Response | None, case: Case) -> None:
                if response is not None:
                    super().after_call(response, case)

            def validate_response(self, response: Response | None, case: Case, **_: Any) -> None:
                checks = [*CHECKS, use_after_free]
                if self.is_one_person and case.method == "GET":  # others need not see what one has made
                    checks.append(ensure_resource_availability)
                asked = Asked(case, response, self.asking, CHAINED, self.recorder, self.before)
                fuzzing.check(asked, checks)

        hypothesis.seed(seed)(Chain)
        # An API answers the same request differently the next time; where the library notices, it starts anew.
        with suppress(FlakyStrategyDefinition):
            Chain.run(settings=settings(number))

    def send(self, case: Case, person: Person | None) -> Response | None:
        """Send it as this person, with what is known in the place of what is made up; None: there was no answer."""
        self._place(case, person)
        headers, who = ({}, None) if person is None else (person.headers, person.number)
        try:
            response = case.call(base_url=self._address, session=self._session, headers=headers, timeout=30)
        except (requests.RequestException, UnicodeError) as error:
            self.findings.note(case.operation.label, 0, f"no answer: {type(error).__name__}", repr(case))
            return None
        if response.status_code < 300:
            self.known.learn(case.path, _decoded(response), who)
        elif response.status_code == 404:
            self.known.forget(case.path_parameters, who)
        elif person is not None and response.status_code == 401:
            code = (_decoded(response) or {}).get("code")
            if code == "invalid-token":
                self._people.instead_of(person)
        return response

    def check(self, asked: "Asked", checks: Sequence[CheckFunction]) -> None:
        """Count the answer, and note what is wrong with it."""
        label, response = asked.case.operation.label, asked.response
        if response is None:
            self.findings.count(label, 0, asked.phase)
            return
        status = response.status_code
        self.findings.count(label, status, asked.phase)
        wrong = []
        if status >= 500 and (self._is_whole or status != 503):
            wrong.append("a fault of the server")
        try:
            if (
                asked.case.body is PICTURE or asked.case.body is HISTORY
            ):  # the library cannot tell what is right of bytes that it has not made
                checks = [each for each in checks if each is not negative_data_rejection]
            asked.case.validate_response(response, checks=list(checks), recorder=asked.recorder)
        except FailureGroup as failures:
            wrong += [f"{each.title}\n{each.message}" for each in failures.exceptions]
        for what in wrong:
            self.findings.note(label, status, what, _shown(response, asked.person, asked.before))

    def _place(self, case: Case, person: Person | None) -> None:
        """Known ids and words, where the request is meant to be right; and this person's own secrets."""
        if person is not None:
            for name, value in person.things.items():
                self.known.note(name, value, person.number)
        label, who = case.operation.label, None if person is None else person.number
        if self._is_right(case, ParameterLocation.PATH):
            self.known.place(label, case.path_parameters, who)
        if self._is_right(case, ParameterLocation.QUERY):
            self.known.place(label, case.query, who)
        if (case.media_type or "").startswith("image/"):
            case.body = PICTURE if self._chance.random() < 0.5 else case.body
            case.media_type = "image/png" if case.body is PICTURE else case.media_type
        elif case.media_type in (FORM, ANY) and self._chance.random() < 0.5:
            case.body, case.media_type = HISTORY, ANY
        elif isinstance(case.body, dict) and self._is_right(case, ParameterLocation.BODY):
            self.known.place(label, case.body, who)

    @staticmethod
    def _is_right(case: Case, where: ParameterLocation) -> bool:
        meta = case.meta
        part = None if meta is None else meta.components.get(where)
        return part is not None and part.mode is GenerationMode.POSITIVE


def _readable(schema: BaseSchema) -> Iterator[Operation]:
    """Every operation; one that cannot be read is not left out."""
    for found in schema.get_all_operations():
        assert isinstance(found, Ok), found.err()
        yield found.ok()


def _kind(person: Person | None) -> str:
    return NOBODY if person is None else person.kind


def _decoded(response: Response) -> Any:
    try:
        return json.loads(response.content)
    except ValueError:
        return None


def _shown(response: Response, person: Person | None, before: Sequence[str]) -> str:
    """The request and its answer, for who wants to see it again."""
    request = response.request
    sent = {
        name: value
        for name, value in request.headers.items()
        if name.lower() in {"content-type", "if-match", "if-none-match", "idempotency-key"}
    }
    lines = [f"  {request.method} {request.url} as {_kind(person)} {sent or ''}"]
    if isinstance(request.body, str | bytes):
        body = request.body
        body = body if isinstance(body, str) else body.decode("utf-8", "backslashreplace")
        lines.append(f"  {body[:MOST_SHOWN]!r}")
    answer = response.content.decode("utf-8", "backslashreplace")
    lines.append(f"  -> {response.status_code} {response.headers.get('content-type')} {answer[:MOST_SHOWN]}")
    if len(before) > 1:
        lines.append("  after " + ", ".join(before[-6:-1]))
    return "\n".join(lines)
