"""What nobody may ask of the embedded engine, and what a reader may not: doors to files, memory and the network."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from embedded.clickhouse.errors import ClickHouseError, refusal
from embedded.clickhouse.tokens import Kind, Token

__all__ = ["READONLY", "Rules"]

# Table functions that only compute, or that read what the engine guards by itself.
_HARMLESS = frozenset(
    [
        "format",
        "fuzzjson",
        "fuzzquery",
        "generate_series",
        "generaterandom",
        "generateseries",
        "input",
        "loop",
        "merge",
        "mergetreeanalyzeindexes",
        "mergetreecodecblockcounts",
        "mergetreeindex",
        "mergetreeprojection",
        "mergetreetextindex",
        "null",
        "numbers",
        "numbers_mt",
        "primes",
        "dictionary",
        "sqlstandardvalues",
        "values",
        "view",
        "viewexplain",
        "viewifpermitted",
        "zeros",
        "zeros_mt",
    ]
)
# These read and write local files, run programs or reach into this process, where the passwords are: a server
# keeps the first to one folder and has not got the others, but chDB lets them loose.
_LOCAL = frozenset(
    {
        "arrowstream",
        "executable",
        "executablepool",
        "file",
        "filecluster",
        "filesystem",
        "python",
        "sqlite",
    }
)
READONLY = "Cannot execute query in readonly mode"


@dataclass(frozen=True, slots=True)
class Rules:
    """The refusals, with the table functions this engine has."""

    table_functions: frozenset[str]

    @classmethod
    def of(cls, table_functions: Collection[str]) -> "Rules":
        """Every table function but the harmless ones is a door, those of a later engine too."""
        return cls(frozenset(name.lower() for name in table_functions) - _HARMLESS)

    def check(self, pieces: Sequence[Token], params: Mapping[str, str], *, reader: bool) -> None:
        """Raises ClickHouseError where a statement asks for what its user may not."""
        for place, token in enumerate(pieces):
            before = pieces[place - 1] if place else None
            after = pieces[place + 1] if place + 1 < len(pieces) else None
            if refused := _transfers_file(pieces, place):
                raise refused
            name = token.name.lower()
            if not name:
                continue
            called = after is not None and after.is_mark(b"(")
            if not reader:
                if called and _is_local(name) and not _names_a_table(pieces, place):
                    told = f"{token.name} is not allowed: it reaches files or processes of the server"
                    raise refusal("ACCESS_DENIED", told)
                continue
            # `file` is also a plain function, which arrayMap(file, …) and APPLY file name without calling it.
            if (called and name in self.table_functions) or (name == "file" and not _qualified(before)):
                raise refusal("READONLY", f"{READONLY}: {token.name} reads outside of the database")
        if reader and any(token.word == "IDENTIFIER" for token in pieces):
            for value in params.values():
                if value.strip(" `\"'").lower() in self.table_functions | {"file"}:
                    raise refusal("READONLY", f"{READONLY}: {value} reads outside of the database")


def _is_local(name: str) -> bool:
    return name in _LOCAL or name.endswith(("local", "localcluster"))


def _names_a_table(pieces: Sequence[Token], place: int) -> bool:
    """Whether the name before a bracket is a table with its columns, as in INSERT INTO file (a) or CREATE TABLE file (…)."""
    before = pieces[place - 1].word if place else ""
    return before in ("INTO", "EXISTS") or (before == "TABLE" and pieces[0].word in ("CREATE", "INSERT"))


def _qualified(before: Token | None) -> bool:
    return before is not None and before.is_mark(b".")


def _transfers_file(pieces: Sequence[Token], place: int) -> ClickHouseError | None:
    """INTO OUTFILE and FROM INFILE, but not a table that is called so."""
    word = pieces[place].word
    before = pieces[place - 1].word if place else ""
    if word == "OUTFILE" and before == "INTO" and (place < 2 or pieces[place - 2].word != "INSERT"):
        return refusal("INTO_OUTFILE_NOT_ALLOWED", "INTO OUTFILE is not allowed")
    if word == "INFILE" and before == "FROM":
        path = pieces[place + 1] if place + 1 < len(pieces) else None
        given = path is not None and (path.kind in (Kind.STRING, Kind.BROKEN) or path.is_mark(b"{"))
        if given or all(token.word != "SELECT" for token in pieces[:place]):
            return refusal(
                "UNKNOWN_TYPE_OF_QUERY", "FROM INFILE is not allowed: send the data with the request"
            )
    return None
