"""Examines units: the supervisor of sandboxed children, and the tasks around it."""
