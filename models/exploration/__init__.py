"""Shows songs that few have been shown: how often, to whom, and with which chance, so that nothing is learnt wrongly from it."""
