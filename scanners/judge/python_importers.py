"""Python files that loaders, servers or tools import by name, without the user's own code asking for it."""

from __future__ import annotations

from modelsweep.core import patterns as re
from modelsweep.core.finding import Fact

_IMPORTERS = (
    (r"handler\.py", "inference servers import it by its name"),
    (r"setup\.py", "pip runs it to install the folder"),
    (r"conftest\.py", "pytest imports it by its name"),
    (r"(?:site|user)customize\.py", "each start of Python imports it"),
    (r"hubconf\.py", "torch.hub imports it by its name"),
    (r"ms_wrapper\.py", "ModelScope imports it by its name"),
    (r"custom_generate\w*\.py|generate\.py", "transformers runs it as custom generation"),
    (r"evaluated_\w+\.py", "loaders evaluate these texts of a configuration"),
    (r"__init__\.py", "whatever imports the folder runs it"),
    (
        r"(?:modell?ing|configuration|tokenization|processing|image_processing|feature_extraction)_\w+\.py",
        "transformers imports it with trust_remote_code",
    ),
    (r"graph \d+\.py", "loading the pickle executes it"),
    (r".*\.pth", "each start of Python runs it"),
)
"""Who imports a file with a name, without the user's own code asking for it."""
_MODEL_FILE = re.compile(
    r"(?:models?|modell?ing|configuration|tokenization|tokenizer|processing|processor|feature_extraction|pipeline|"
    r"image_processing|video_processing|custom_generate|custom_interface|evaluated|handler|hubconf|ms_wrapper)(?:_\w+)?\.pyw?$"
    r"|\w+_(?:pipeline|handler)\.py$|(?:site|user)customize\.py$|conftest\.py$"
)
"""Names of files that loaders, servers or Python itself import, without the user's own code asking for it."""
_TEST = re.compile(r"test[_-][\w-]+\.py|\w+_tests?\.py")
_TESTS = frozenset({"test", "tests", "testing"})
"""Folders in which only test runners import such files."""
_GRAPH = re.compile(r"graph \d+\.py")
"""Names of the code of a torch.fx graph in a pickle, which loading executes."""
_MODEL_PATH = re.compile(r"/custom_generate/generate\.py$|/code/inference\.py$")
"""Files that transformers or SageMaker import from a folder of this name."""


def importer(fact: Fact) -> str:
    """Return who imports the file of a fact, or an empty string."""
    return next((who for name, who in _IMPORTERS if re.fullmatch(name, fact.locator.name)), "")


def is_model_file(fact: Fact) -> bool:
    """Return whether loaders, servers or Python itself import the file of a fact."""
    path = "/".join(("", *str(fact.locator).replace("\\", "/").replace("!", "/").split("/")[-2:]))
    return (
        _MODEL_FILE.match(fact.locator.name) is not None
        or _MODEL_PATH.search(path) is not None
        or fact.locator.name.endswith(".pth")
        or (bool(fact.locator.members) and _GRAPH.fullmatch(fact.locator.members[-1]) is not None)
    )


def is_of_tests(fact: Fact) -> bool:
    """Return whether only pytest imports the file of a fact."""
    return fact.locator.name == "conftest.py"


def is_test(fact: Fact) -> bool:
    """Return whether the file of a fact is named as a test and is in a folder of tests."""
    *folders, name = str(fact.locator).replace("\\", "/").replace("!", "/").split("/")
    return _TEST.fullmatch(name) is not None and not _TESTS.isdisjoint(folders[-5:])


def is_setup(fact: Fact) -> bool:
    """Return whether the file of a fact is a setup.py, which installs the folder."""
    return fact.locator.name == "setup.py"
