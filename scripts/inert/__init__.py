"""Generator of `scanners/judge/inert_names.py`: which classes and callables of real frameworks a pickle may use."""
