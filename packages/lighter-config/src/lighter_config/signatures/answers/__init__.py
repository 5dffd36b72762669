"""What a target takes when it is called, and whether a value fits: `reader` is the way in."""
