"""The mathematics of recommendation and its evaluation; knows no engine and no HTTP."""
