"""Job `graph_filter`: the broad tastes in the graph of who listened to what."""
