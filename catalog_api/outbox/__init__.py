"""Events written in the transaction of the change they tell of, and moved to the event log after it."""
