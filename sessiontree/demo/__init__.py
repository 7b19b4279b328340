"""A Messages API on loopback with scripted scenes, and a folder of its own to play in."""
