"""Chatterbox: text to speech tokens (T3), speech tokens to waveform (S3Gen), in plain torch."""
