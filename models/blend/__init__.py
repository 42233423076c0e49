"""Several retrievers as one: scores on one scale, added with weights that held-back listeners chose."""
