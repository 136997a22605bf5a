"""What Python source says of its classes, by AST: nothing is imported, so that the source may be anybody's."""
