"""The rules that ARGUMENT_RULES and STATE_RULES name, each in one statement; the judge implements them."""

INERT_CLASS = "an inert class (CLASSES, ENUMS, STATE_RULES), named as a global"

RULES = {
    "callable-first": "argument 0 (of a partial's state: item 0) is missing, None, an inert class, an inert callable, or a"
    " function of a package in CLASSES that is not dangerous; calling the result is calling it.",
    "calls-0-with-1": "argument 0 is called with the tuple that is argument 1: judge that call; the rest is data.",
    "calls-0-with-2": "argument 0 is called with the tuple that is argument 2: judge that call; argument 1 is an inert"
    " class, argument 3 its state, as under `setattr-state`.",
    "class-first": f"argument 0 is {INERT_CLASS}; no other argument is a global but an inert class.",
    "data-arguments": "every argument is literal data: numbers, strings, bytes, None, and containers of these.",
    "distribution-state": "the state is a dict whose `_parse_arg_template`, if there, is a literal string that matches"
    " the template of scipy (it goes to exec); or a tuple in which that key occurs nowhere. Else it is dangerous.",
    "formula-state": "`formula`, if in the state, is a literal string of names, numbers, operators and calls of C, Q, I,"
    " log, exp, sqrt, center, standardize (also after `np.`): patsy evaluates it. Else it is dangerous.",
    "getattr": f"argument 0 is {INERT_CLASS}; argument 1 is a literal identifier, not dunder. The result is the global"
    " `Class.name` of that module, and is judged as such when it is called.",
    "global-by-name": "arguments 0 and 1 are literal strings; the result is the global they name, judged as a reference.",
    "held-names": "all arguments are literal, strings among them identifiers with dots and never dunder; the result is"
    " never called.",
    "module-by-name": "argument 0 is a literal string; the result is the module or global it names, judged as a reference.",
    "nested-torch": "argument 0 is literal bytes, themselves scanned as a torch file.",
    "no-items": "the class may be made and given a state, but not filled by APPEND(S), SETITEM(S), ADDITEMS.",
    "one-argument": "exactly one argument (a second one would be called, or make a class).",
    "raw-handle": "`handle` and `_handle`, if in the state, are literal bytes, bytearray or str, or None: a number there is"
    " a pointer that is freed.",
    "reconstructor": f"argument 0 is {INERT_CLASS}; argument 1 is a builtin data type (object, dict, list, set, frozenset,"
    " tuple, int, float, complex, str, bytes, bytearray) or an inert class; argument 2 is anything.",
    "same-package": "every global among the arguments is inert and of the top-level package of the callable: it is called.",
    "setattr-state": "the last argument is a dict, or a tuple of dicts, whose keys are literal identifiers, not dunder and"
    " not in SETTER_KEYS, under the rule of STATE_KEYS.",
    "text-codec": "argument 0 is literal text; argument 1 is missing or a literal name of latin-1, utf-8 or ascii.",
    "type-by-name": "argument 0 is a literal string; the result is the type of module `types` or `builtins` with that"
    " name, judged as a reference.",
    "typing-subscript": "argument 0 is a global of `typing`, `collections` or `builtins`; argument 1 is globals or data.",
}
