"""A demonstration world: invented people listen to invented music, for reasons we know."""
