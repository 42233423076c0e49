"""Reports for people: pages that open without a network, with the tables behind them as CSV and Parquet."""
