"""The kinds of node on the symbolic stack of `pickle_machine`; `a` and `b` are the two numbers that each carries."""

from __future__ import annotations

GLOBAL = 1  # a: index of the name, b: what BUILD on an instance of it does
TUPLE = 2  # a: start among the items, b: length
LIST = 3  # a: the first instance among its items, 0 for none; b: length
DICT = 4  # b: twice the number of pairs
SET = 5  # b: length
FROZENSET = 6  # b: length
CALL = 7  # a: callee, b: arguments
OBJECT = 8  # a: class, b: arguments; made without calling the class
PERSISTENT = 9  # a: identifier
EXTENSION = 10  # a: code in copyreg's registry
BUFFER = 11  # out-of-band data of protocol 5
COMPUTED_GLOBAL = 12  # a: module, b: name; at least one of them is no literal string

# What BUILD on an instance of a global does: nothing of interest, an event, a pause for raw bytes, or it is kept. What
# the next returns is not its own: filling it is an event, too. Of the last it is an event unless the state is a
# dictionary.
ORDINARY = 0
WATCHED = 1
PAUSING = 2
KEEPING = 3
RETURNING = 4
PLAIN = 5

# Why `Machine.run` came back.
STOPPED = 1
FAULTY = 2
EXHAUSTED = 3
PAUSED = 4
