"""Chatterbox-Nano: Turbo's code on a T3 of GPT-2 small; all but T3's weights are Turbo's own files."""
