"""Model repositories as a whole: what one file of a folder makes of another.

A scanner sees one file, and says what it names: a module, a shard, a folder of code. Here those names meet the files
that stand beside. The outcome is a function of all results of a job in report order; nothing is read again.
"""
