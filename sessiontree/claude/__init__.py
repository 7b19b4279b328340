"""All that knows Claude Code: its transcripts, its projects folder, its agent."""
