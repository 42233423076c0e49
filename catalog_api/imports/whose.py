"""Whose plays a file tells: of whom it names, of who is said to be meant where it names nobody, or of one account."""

from dataclasses import dataclass

import polars as pl

from foundation.ids import UserId

UNNAMED = "me"  # one listener for whatever does not say whose it is: another file name makes no other person


@dataclass(frozen=True, slots=True)
class Whose:
    """The listener of rows that name none; with an account, of all rows."""

    listener: str = UNNAMED
    account: UserId | None = None

    def of(self, told: pl.Expr) -> pl.Expr:
        """The external ids of the listeners of rows, which name `told`, null or "" where they name none.

        >>> rows = pl.DataFrame({"told": ["rob", None, ""]})
        >>> [rows.select(whose.of(pl.col("told")))["told"].to_list() for whose in (Whose("ann"), Whose(account=UserId(7)))]
        [['rob', 'ann', 'ann'], ['account 7', 'account 7', 'account 7']]
        """
        is_named = pl.lit(value=False) if self.account is not None else told != ""
        return pl.when(is_named).then(told).otherwise(self.named)

    @property
    def named(self) -> pl.Expr:
        """The external id of the listener of rows that name none."""
        return pl.lit(self.listener if self.account is None else f"account {self.account}")
