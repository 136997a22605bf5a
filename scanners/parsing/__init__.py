"""Parsers over readers, which the scanners share."""
