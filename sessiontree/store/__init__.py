"""What exists nowhere else (links, titles, marks), kept so that nothing is lost."""
