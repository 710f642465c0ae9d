"""Text to sentences and segments, in pieces as it comes. Pure."""
