"""Generator of `inert_names.py` and `inert_classes.py` of `scanners/judge`: what of frameworks a pickle may use."""
