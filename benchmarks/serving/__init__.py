"""Of the server."""
