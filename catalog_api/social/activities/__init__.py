"""Activities: what people did that those who follow them may know of."""
