"""Job `session_neighbours`: which songs are played together in one sitting."""
