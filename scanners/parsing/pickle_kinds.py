"""The kinds of nodes on the symbolic stack of `pickle_machine`; `a` and `b` are the two numbers that each node has."""

from __future__ import annotations

GLOBAL = 1  # a: index of the name, b: what BUILD on an instance of it does
TUPLE = 2  # a: start among the items, b: length
LIST = 3  # a: the first instance among its items, or 0; b: length
DICT = 4  # b: twice the number of pairs
SET = 5  # b: length
FROZENSET = 6  # b: length
CALL = 7  # a: callee, b: arguments
OBJECT = 8  # a: class, b: arguments; created without calling the class
PERSISTENT = 9  # a: identifier
EXTENSION = 10  # a: code in copyreg's registry
BUFFER = 11  # out-of-band data of protocol 5
COMPUTED_GLOBAL = 12  # a: module, b: name; at least one of them is not a literal string

# What BUILD on an instance of a global does.
ORDINARY = 0  # nothing of interest
WATCHED = 1  # an event
PAUSING = 2  # a pause for raw bytes
KEEPING = 3  # the state is kept
RETURNING = 4  # an event, as is adding items: the instance may be shared
PLAIN = 5  # an event unless the state is a dictionary

# Why `Machine.run` returned.
STOPPED = 1
FAULTY = 2
EXHAUSTED = 3
PAUSED = 4
