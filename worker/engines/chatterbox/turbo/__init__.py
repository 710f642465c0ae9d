"""Chatterbox-Turbo: GPT-2 for T3, several utterances side by side, steps recorded as CUDA graphs."""
