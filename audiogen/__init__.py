"""audiogen: writes and plays folk tunes as audio."""
