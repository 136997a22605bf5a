"""What the fleet survives, shown with a real Redis, real workers, and real kills."""
