"""Source text: where it is found, and what one statement, condition or function says by itself."""
