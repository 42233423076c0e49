"""Whose plays a file tells: of whom it names, of who is said to be meant where it names nobody, or of one account."""

from dataclasses import dataclass

from foundation.ids import UserId

UNNAMED = "me"  # one listener for whatever does not say whose it is: another file name makes no other person


@dataclass(frozen=True, slots=True)
class Whose:
    """The listener of rows that name none; with an account, of all rows."""

    listener: str = UNNAMED
    account: UserId | None = None

    def of(self, told: str | None = None) -> str:
        """The external id of the listener of a row that names `told`.

        >>> Whose("ann").of("rob"), Whose("ann").of(None), Whose(account=UserId(7)).of("rob")
        ('rob', 'ann', 'account 7')
        """
        if self.account is not None:
            return f"account {self.account}"
        return told or self.listener
