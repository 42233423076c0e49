"""Job `ranker`: the weights by which feeds are put in order."""
