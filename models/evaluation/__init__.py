"""How good lists are: splits, metrics, intervals and the baselines every model must beat."""
