"""Generator of `inert_names.py` and `inert_classes_*.py` of `scanners/judge`: what of frameworks a pickle may use."""
