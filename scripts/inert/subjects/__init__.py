"""What is saved: one module per framework, whose `makers()` gives a label and a function that makes each object."""
