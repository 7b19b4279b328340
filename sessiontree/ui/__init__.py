"""The Textual app. Widgets post messages up and get plain data down."""
