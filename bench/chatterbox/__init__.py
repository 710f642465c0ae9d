"""Chatterbox-Turbo: ours beside upstream's, on full-size random weights."""
