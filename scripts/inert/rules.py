"""The rules that ARGUMENT_RULES and STATE_RULES name, each in one statement.

`scanners/judge/inert.py` is the code, for states `inert_states.py`.
"""

RULES = {
    "bound-patterns": "every argument from the third on is a method of a compiled pattern, or None; they are called.",
    "callable-first": (
        "argument 0 (of a partial's state: item 0) is missing, None, an inert class or callable, or a function "
        "that may be held; calling the result is calling it."
    ),
    "callables": "each argument is a text, or what `callable-first` demands; they are kept, and not called.",
    "cached-function": (
        "every argument is literal data (size and kind of a cache), or the only one is what `callable-first` demands; "
        "it is kept, and calling the result is calling it."
    ),
    "calls-0-with-1": "argument 0 is called with the tuple that is argument 1: judge that call; the rest is data.",
    "calls-0-with-2": (
        "argument 0 is called with the tuple that is argument 2: judge that call; argument 1 is an inert class, "
        "argument 3 its state, as under `setattr-state`."
    ),
    "class-first": "argument 0 is an inert class (CLASSES, ENUMS), named as a global.",
    "compiled-context": (
        "argument 0 is an instance of an inert class, argument 1 the global contextlib.nullcontext, the rest data: a "
        "callback and a context for when the module is called."
    ),
    "compiled-module": (
        "argument 0 is an instance, argument 1 a torch._dynamo.eval_frame.OptimizeContext, which is called with a "
        "method of that instance and wraps it."
    ),
    "created-class": (
        "argument 0 is the literal name of a class, of none that the module has; argument 1 a class of data, of the "
        "package, created so itself, or unknown and told as such; argument 2 a dict of identifiers, not dunder, with "
        "literal data and such classes."
    ),
    "data-arguments": "every argument is literal data: numbers, strings, bytes, None, and containers of these.",
    "distribution-state": (
        "the state is a dict whose `_parse_arg_template`, if there, is a literal string that matches "
        "DISTRIBUTION_TEMPLATE (scipy passes it to exec), or a tuple in which that key occurs nowhere. Else it is "
        "dangerous."
    ),
    "formula-state": (
        "`formula`, if in the state, is a literal string of names, numbers, operators and calls of known "
        "functions (patsy evaluates it). Else it is dangerous."
    ),
    "getattr": (
        "argument 0 is an inert class, named as a global; argument 1 is a literal identifier, not dunder. The "
        "result is the global `Class.name` of that module, and is judged as such when it is called."
    ),
    "file-beside": (
        "`filename`, if in the state, is a literal text that is neither absolute nor climbs with `..`: joblib joins it "
        "to the folder of the file, and unpickles what is there."
    ),
    "global-by-name": (
        "arguments 0 and 1 are literal strings; the result is the global they name, judged as a reference."
    ),
    "graph-code": (
        "argument 1 is a literal string: with what stands under `_code` in argument 0 it is Python, or it names a file "
        "of the package; both are scanned."
    ),
    "held-functions": (
        "the state is a dict, and every global under `func`, `args` and `keywords` may be held: an attribute of a "
        "class, which calls them."
    ),
    "held-method": (
        "as `held-names`; argument 0 is the name of no method that runs, writes or deletes: it is called of whatever "
        "the result is handed."
    ),
    "held-names": "all arguments are literal data, without dunder names; the result is never called.",
    "literal-repr": (
        "the argument is the literal text of None, Ellipsis, NotImplemented or a range, which dill evaluates."
    ),
    "local-files": "argument 0 is the global fsspec.implementations.local.LocalFileSystem, the rest data.",
    "no-folder": "argument 0 is None, the rest data: a cache without a folder, where nothing is made or read.",
    "local-uri": "the only argument is literal text that begins with file:///; nothing is opened.",
    "local-folder": (
        "`work_dir` and `model_name`, if in the state, are literal texts without a colon but that of a drive, or None: "
        "fsspec opens, and connects to, what an address names."
    ),
    "made-partial": (
        "argument 0 is the type of partial functions, by dill's name for it or its own; the others are those of "
        "`callable-first`."
    ),
    "module-by-name": (
        "argument 0 is a literal string; the result is the module or global it names, judged as a reference."
    ),
    "nested-file": (
        "argument 0 is literal bytes, or a buffer that only a state of literal bytes fills, themselves scanned as a "
        "file."
    ),
    "nested-pickle": "the only argument is literal bytes that begin as pickles do, themselves scanned as one.",
    "nested-pickle-1": "argument 1 is literal bytes that begin as pickles do, themselves scanned as one.",
    "nested-pickle-4": "argument 4 is literal bytes that begin as pickles do, themselves scanned as one.",
    "nested-state": (
        "what is in the state under `__cuda_dependent_attributes__` and `__codegen__` is literal bytes, or containers "
        "of literals, of which the bytes are scanned as files."
    ),
    "one-argument": "exactly one argument (a second one would be called).",
    "one-datum": "exactly one argument: None, Ellipsis or NotImplemented.",
    "pickled-keys": "the keys of the state are literal bytes that begin as pickles do, themselves scanned as such.",
    "pickled-module": "`module`, if in the state, is literal bytes that begin as pickles do, scanned as one.",
    "plain-metadata": "`_var_metadata`, if in the state, is literal data: functions in it are called for items.",
    "plain-state": (
        "the state is a dictionary, whose items BUILD puts into `__dict__` itself: only what a class with slots is "
        "given goes through its `__setattr__`."
    ),
    "raw-handle": (
        "`handle` and `_handle`, if in the state, are literal bytes, bytearray or str, or None: a number there is "
        "a pointer that is freed."
    ),
    "reconstructor": (
        "argument 0 is an inert class, or in CALLS where argument 1 is object, argument 1 a builtin data type or in "
        "CALLS: its `__init__` is called with argument 2, which is anything."
    ),
    "same-package": (
        "every global among the arguments is inert and of the top-level package of the callable, which calls it; an "
        "instance is of that package, too."
    ),
    "sequence-arguments": "every argument is literal data, or a literal tuple or list, which is copied as it is.",
    "setattr-state": (
        "the last argument is a state whose keys are literal identifiers, not dunder and neither in SETTER_KEYS "
        "nor in STATE_KEYS."
    ),
    "state-pickle": "the state is literal bytes that begin as pickles do, themselves scanned as one.",
    "text-codec": "argument 1 is missing or a literal name of latin-1, utf-8 or ascii.",
    "type-by-name": (
        "argument 0 is a literal string; the result is the type of module `types` or `builtins` with that name, "
        "judged as a reference."
    ),
    "typing-subscript": "argument 0 is a global of `typing`, `collections` or `builtins`.",
    "uncompiled-state": (
        "`_compile_kwargs` and `define_params`, if in the state, are None: else the instance would be compiled, or a "
        "function registered, as they say."
    ),
    "union-type": "argument 0 is the global operator.or_, argument 1 holds only globals: `int | str` is saved so.",
}
