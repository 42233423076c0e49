"""ClickHouse's errors: a code, a name and a message, and the HTTP status each is answered with."""

import re

__all__ = ["ClickHouseError", "from_engine", "refusal"]

_STATUSES = {
    400: (
        "BAD_ARGUMENTS CANNOT_COMPILE_REGEXP CANNOT_PARSE_TEXT CANNOT_PARSE_ESCAPE_SEQUENCE "
        "CANNOT_PARSE_QUOTED_STRING CANNOT_PARSE_DATE CANNOT_PARSE_DATETIME CANNOT_PARSE_NUMBER "
        "CANNOT_PARSE_DOMAIN_VALUE_FROM_STRING CANNOT_PARSE_IPV4 CANNOT_PARSE_IPV6 CANNOT_PARSE_UUID "
        "CANNOT_PARSE_INPUT_ASSERTION_FAILED DUPLICATE_COLUMN ILLEGAL_COLUMN UNKNOWN_ELEMENT_IN_AST "
        "UNKNOWN_TYPE_OF_AST_NODE THERE_IS_NO_COLUMN TOO_DEEP_AST TOO_BIG_AST UNEXPECTED_AST_STRUCTURE "
        "SYNTAX_ERROR INCORRECT_DATA TYPE_MISMATCH VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE"
    ),
    401: "REQUIRED_PASSWORD",
    403: "UNKNOWN_USER WRONG_PASSWORD AUTHENTICATION_FAILED SET_NON_GRANTED_ROLE ACCESS_DENIED",
    404: (
        "UNKNOWN_TABLE UNKNOWN_FUNCTION UNKNOWN_IDENTIFIER UNKNOWN_TYPE UNKNOWN_STORAGE UNKNOWN_DATABASE "
        "UNKNOWN_SETTING UNKNOWN_DIRECTION_OF_SORTING UNKNOWN_AGGREGATE_FUNCTION UNKNOWN_FORMAT "
        "UNKNOWN_DATABASE_ENGINE UNKNOWN_TYPE_OF_QUERY UNKNOWN_ROLE"
    ),
    408: "TIMEOUT_EXCEEDED",
    411: "HTTP_LENGTH_REQUIRED",
    413: "QUERY_IS_TOO_LARGE",
    415: "UNSUPPORTED_MEDIA_TYPE",
    501: "NOT_IMPLEMENTED",
    503: "SOCKET_TIMEOUT CANNOT_OPEN_FILE CANNOT_SCHEDULE_TASK",
}
_STATUS_OF = {name: status for status, names in _STATUSES.items() for name in names.split()}
_CODES = {
    "UNKNOWN_FUNCTION": 46,
    "UNKNOWN_TABLE": 60,
    "BAD_ARGUMENTS": 36,
    "NOT_IMPLEMENTED": 48,
    "SYNTAX_ERROR": 62,
    "UNKNOWN_TYPE_OF_QUERY": 78,
    "UNKNOWN_COMPRESSION_METHOD": 89,
    "READONLY": 164,
    "TOO_MANY_SIMULTANEOUS_QUERIES": 202,
    "QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING": 216,
    "QUERY_IS_TOO_LARGE": 229,
    "ABORTED": 236,
    "CANNOT_DECOMPRESS": 271,
    "INTO_OUTFILE_NOT_ALLOWED": 358,
    "SESSION_NOT_FOUND": 372,
    "SESSION_IS_LOCKED": 373,
    "INVALID_SESSION_TIMEOUT": 374,
    "QUERY_WAS_CANCELLED": 394,
    "ACCESS_DENIED": 497,
    "AUTHENTICATION_FAILED": 516,
    "STD_EXCEPTION": 1001,
}
_HEADLINE = re.compile(r"Code: (\d+)\. DB::Exception: ")
_NAME = re.compile(r"\(([A-Z][A-Z0-9_]{2,})\)")
_VERSION = re.compile(r" \(version [0-9.]+[^)]*\)+\s*$")


class ClickHouseError(Exception):
    """An error as ClickHouse tells it over HTTP."""

    def __init__(self, code: int, name: str, message: str) -> None:
        super().__init__(message)
        self.code, self.name, self.message = code, name, message

    @property
    def status(self) -> int:
        """The HTTP status a ClickHouse server answers this error with."""
        return _STATUS_OF.get(self.name, 500)

    def text(self, version: str) -> str:
        """The body of the answer.

        >>> refusal("SYNTAX_ERROR", "Empty query").text("26.9")
        'Code: 62. DB::Exception: Empty query. (SYNTAX_ERROR) (version 26.9)'
        """
        return f"Code: {self.code}. DB::Exception: {self.message}. ({self.name}) (version {version})"


def refusal(name: str, message: str) -> ClickHouseError:
    """An error of the front itself, under the name ClickHouse has for it."""
    return ClickHouseError(_CODES[name], name, message.rstrip("."))


def from_engine(error: BaseException) -> ClickHouseError:
    """What the engine raised, understood; its text may hold bytes that are not UTF-8.

    >>> from_engine(RuntimeError("Code: 60. DB::Exception: No such table. (UNKNOWN_TABLE)")).status
    404
    """
    if isinstance(error, ClickHouseError):
        return error
    # chDB decodes its message strictly: the message itself is then inside the decoding error.
    told = error.object.decode(errors="replace") if isinstance(error, UnicodeDecodeError) else str(error)
    if isinstance(error, MemoryError):
        return ClickHouseError(241, "MEMORY_LIMIT_EXCEEDED", "The server is out of memory")
    # an error about settings holds another one: the innermost counts
    headline = next(reversed(list(_HEADLINE.finditer(told))), None)
    if headline is None:
        return ClickHouseError(1001, "STD_EXCEPTION", told.strip().rstrip(".") or type(error).__name__)
    message = told[headline.end() :].strip()
    while (shorter := _VERSION.sub("", message)) != message:
        message = shorter.rstrip()
    names = list(_NAME.finditer(message))
    name = names[-1].group(1) if names else "STD_EXCEPTION"
    if names:
        message = message[: names[-1].start()] + message[names[-1].end() :]
    while (shorter := _VERSION.sub("", message).rstrip(" .").removesuffix(f"({name})")) != message:
        message = shorter
    return ClickHouseError(int(headline.group(1)), name, message)
