"""How alike two names are: the share of three-letter pieces that they have in common, for many names at once.

Names are compared folded: without case, accents and punctuation; titles without what names the same recording otherwise
(remastered, featuring).
"""

import polars as pl

LONGEST = 120  # characters that are compared: names that differ only behind them are alike
_MARKS = r"\p{M}+"
_OTHER = r"[^\p{L}\p{N}]+"
_NUMBERS = r"\b(?:\d+|ii|iii|iv|vi|vii|viii|ix|xi|xii)\b"
_FEATURING = r"[(\[]\s*(?:feat|ft|featuring|with)\b[^)\]]*[)\]]|\s(?:feat|ft|featuring)\b\.?\s.*$"
_REMASTERED = r"[(\[][^)\](\[]*\bremaster(?:ed)?\b[^)\](\[]*[)\]]|\s-\s[^-]*\bremaster(?:ed)?\b[^-]*$"


def folded(name: pl.Expr) -> pl.Expr:
    """A name without what people write differently and mean the same by; a name of signs alone stays as it is.

    >>> names = pl.DataFrame({"name": ["Beyoncé", "AC/DC", "Simon & Garfunkel", "The Beatles", "!!!", "The The"]})
    >>> names.select(folded(pl.col("name")))["name"].to_list()
    ['beyonce', 'ac dc', 'simon and garfunkel', 'beatles', '!!!', 'the']
    """
    plain = name.str.normalize("NFKD").str.replace_all(_MARKS, "").str.to_lowercase()
    words = (
        plain.str.replace_all("&", " and ", literal=True)
        .str.replace_all(_OTHER, " ")
        .str.strip_chars()
        .str.replace(r"^the (.)", "$1")
    )
    return pl.when(words == "").then(plain.str.strip_chars()).otherwise(words)


def recording(title: pl.Expr) -> pl.Expr:
    """A title without what names the same recording otherwise.

    >>> titles = pl.DataFrame({"title": ["Help! - Remastered 2009", "Umbrella (feat. JAY-Z)", "Hurt (Live)", "(Feat. X)"]})
    >>> titles.select(recording(pl.col("title")))["title"].to_list()
    ['Help!', 'Umbrella', 'Hurt (Live)', '(Feat. X)']
    """
    lowered = title.str.replace_all(f"(?i){_FEATURING}", "").str.replace_all(f"(?i){_REMASTERED}", "")
    core = lowered.str.strip_chars()
    return pl.when(core == "").then(title).otherwise(core)


def numbers(name: pl.Expr) -> pl.Expr:
    """The numbers of a folded title, one after the other: by them alone the parts of a work differ.

    >>> titles = pl.DataFrame({"title": ["sonata no 2", "prelude iii", "1979", "mix"]})
    >>> titles.select(numbers(pl.col("title")))["title"].to_list()
    ['2', 'iii', '1979', '']
    """
    return name.str.extract_all(_NUMBERS).list.join(" ")


def alike(
    left: pl.DataFrame, right: pl.DataFrame, *, floor: float, within: str | None = None
) -> pl.DataFrame:
    """Pairs of names that are alike by at least `floor` (above 0), as columns left, right and likeness.

    Both have the columns `id` and `name`, folded, and each id once; with `within`, a column of that name must be equal
    in both. Likeness is the Jaccard index of the two sets of trigrams, of the name with two spaces before and one behind:

        likeness = |A ∩ B| / |A ∪ B|

    No pair is missed: two sets that are alike by t share one of the |A| - ceil(t |A|) + 1 rarest trigrams of A (prefix
    filter; Chaudhuri, Ganti, Kaushik 2006), and only names that do are compared.
    """
    kept = [] if within is None else [within]
    told = [_pieces(names, kept) for names in (left, right)]
    rarity = (
        pl.concat([pieces.select("piece") for pieces in told]).group_by("piece").agg(pl.len().alias("times"))
    )
    first, second = (_rarest(pieces, rarity, floor) for pieces in told)
    pairs = first.join(second, on=["piece", *kept], suffix="_right").select("id", "id_right").unique()
    common = (
        pairs.join(told[0].select("id", "piece", "pieces"), on="id")
        .join(told[1].select(id_right="id", piece="piece", pieces_right="pieces"), on=["id_right", "piece"])
        .group_by("id", "id_right")
        .agg(pl.len().alias("common"), pl.col("pieces", "pieces_right").first())
    )
    likeness = pl.col("common") / (pl.col("pieces") + pl.col("pieces_right") - pl.col("common"))
    return common.select(
        pl.col("id").alias("left"), pl.col("id_right").alias("right"), likeness=likeness
    ).filter(pl.col("likeness") >= floor - 1e-9)


def _pieces(names: pl.DataFrame, kept: list[str]) -> pl.DataFrame:
    """Each trigram of each name once, with the number of them."""
    padded = pl.concat_str(pl.lit("  "), pl.col("name").str.slice(0, LONGEST), pl.lit(" "))
    windows = names.select("id", *kept, padded.alias("padded")).with_columns(
        pl.int_ranges(0, pl.col("padded").str.len_chars() - 2).alias("at")
    )
    pieces = windows.explode("at").select(
        "id", *kept, pl.col("padded").str.slice(pl.col("at"), 3).alias("piece")
    )
    return pieces.unique().with_columns(pl.len().over("id").cast(pl.Int64).alias("pieces"))


def _rarest(pieces: pl.DataFrame, rarity: pl.DataFrame, floor: float) -> pl.DataFrame:
    """So many of the rarest trigrams of each name that one of them is shared by whatever is alike."""
    place = pl.struct("times", "piece").rank("ordinal").over("id")
    needed = pl.col("pieces") - (pl.col("pieces") * floor - 1e-9).ceil().cast(pl.Int64) + 1
    return pieces.join(rarity, on="piece").filter(place <= needed)
