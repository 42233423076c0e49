"""Songs: what can be played, by whom, on which album."""
