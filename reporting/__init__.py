"""What is said: one module per output."""
