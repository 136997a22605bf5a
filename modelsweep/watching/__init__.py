"""Watching: what is new in buckets and registries is examined when it comes."""
