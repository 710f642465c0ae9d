"""What is fast, measured; and the demonstration."""
