"""Asks the whole API what its document says may be asked, and some that it says may not, and checks every answer."""
