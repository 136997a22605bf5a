"""Parsers over readers, which scanners share."""
