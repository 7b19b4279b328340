"""A transcript of Claude Code: its session and turns, and what was said, as messages.

scanned = read_session(path, project)       # a session, its turns, what lineage needs
for message in messages(path): …            # the line to the live tip, from the root
reader = Reader(path); reader.last()        # its end first, then what is before and after
turns, end = reader.turns()                 # all of it, told turn by turn when someone looks
reader.context()                            # what it weighs: tokens, and the model
"""

from sessiontree.claude.transcript.reading import Context, Reader, messages
from sessiontree.claude.transcript.scan import read_session
from sessiontree.claude.transcript.turns import WrittenTurn

__all__ = ["Context", "Reader", "WrittenTurn", "messages", "read_session"]
