"""A transcript of Claude Code: its session and turns, and what was said, as messages.

scanned = scan.read_session(path, project)   # a session, its turns, what lineage needs
for message in reading.messages(path): …     # the line to the live tip, from the root
reader = reading.Reader(path); reader.last() # its end first, then what is before and after
turns, end = reader.turns()                  # all of it, told turn by turn when someone looks
reader.context()                             # what it weighs: tokens, and the model

Nothing is imported here: whoever scans needs nothing of what it takes to tell what was said.
"""
