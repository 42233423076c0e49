"""Songs that are like a song: by who listens to them, or by what is said of them in words."""
