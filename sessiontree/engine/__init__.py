"""What the app does, without a screen: it keeps the forest current and starts the runs."""
