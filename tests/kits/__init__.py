"""What tests share: fakes at seams, servers to talk to, makers of input."""
