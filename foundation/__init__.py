"""What everything of Segue stands on: settings, time, ids, refusals, tokens, contracts and engine clients; it knows no music."""
