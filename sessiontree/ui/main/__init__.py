"""The main screen: the tree, the stream beside it, the composer below."""
