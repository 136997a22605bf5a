"""Names of the module `builtins`, of Python 3.8 to 3.13 together, with those that `site` adds.

What runs us has others of them in each version, and without `site`: verdicts must not depend on that.
"""

from __future__ import annotations

TYPES = frozenset(
    (
        "ArithmeticError AssertionError AttributeError BaseException BaseExceptionGroup BlockingIOError "
        "BrokenPipeError BufferError BytesWarning ChildProcessError ConnectionAbortedError ConnectionError "
        "ConnectionRefusedError ConnectionResetError DeprecationWarning EOFError EncodingWarning EnvironmentError "
        "Exception ExceptionGroup FileExistsError FileNotFoundError FloatingPointError FutureWarning GeneratorExit "
        "IOError ImportError ImportWarning IndentationError IndexError InterruptedError IsADirectoryError KeyError "
        "KeyboardInterrupt LookupError MemoryError ModuleNotFoundError NameError NotADirectoryError "
        "NotImplementedError OSError OverflowError PendingDeprecationWarning PermissionError ProcessLookupError "
        "PythonFinalizationError RecursionError ReferenceError ResourceWarning RuntimeError RuntimeWarning "
        "StopAsyncIteration StopIteration SyntaxError SyntaxWarning SystemError SystemExit TabError TimeoutError "
        "TypeError UnboundLocalError UnicodeDecodeError UnicodeEncodeError UnicodeError UnicodeTranslateError "
        "UnicodeWarning UserWarning ValueError Warning ZeroDivisionError _IncompleteInputError bool bytearray bytes "
        "classmethod complex dict enumerate filter float frozenset int list map memoryview object property range "
        "reversed set slice staticmethod str super tuple type zip"
    ).split()
)
"""Classes, errors among them."""
BUILTINS = TYPES | frozenset(
    (
        "Ellipsis False None NotImplemented True __build_class__ __debug__ __import__ abs aiter all anext any ascii "
        "bin breakpoint callable chr compile copyright credits delattr dir divmod eval exec exit format getattr "
        "globals hasattr hash help hex id input isinstance issubclass iter len license locals max min next oct open "
        "ord pow print quit repr round setattr sorted sum vars"
    ).split()
)
