"""Every case in other forms that loaders take for the same: attacks stay found, and honest files stay clean."""

from __future__ import annotations

import zlib

import pytest

from modelsweep.core.finding import ProblemKind
from modelsweep.core.report import Verdict
from tests.scanners.case import Case, examine_bytes
from tests.scanners.rewriting import REWRITINGS as OF_TEXTS
from tests.scanners.rewriting_formats import FORMATS
from tests.scanners.test_cases import all_cases

pytestmark = pytest.mark.filterwarnings("ignore:invalid escape")
"""Python's own readers warn of what stands in some cases."""
REWRITINGS = OF_TEXTS | FORMATS
SHARE = 12
"""One of how many cases every run rewrites; the slow sweep takes all of them."""
SIZE = 200_000
"""Bytes of the longest case that is rewritten."""
FOUND = frozenset({Verdict.MALICIOUS, Verdict.REVIEW})
BY_PLACE = frozenset(
    {
        *("commands/order_that_is_kept_from_the_user", "oci_blob/other_digest", "oci_blob/other_digest_of_unknown"),
        *(
            "python_compiled/benign_hashed_in_cache",
            "python_compiled/benign_in_cache",
            "python_compiled/command_in_cache",
        ),
        *("secrets/possible_named_in_test", "secrets/possible_test_key", "signature/benign_required_signer"),
        *("compressed/over_limit", "torch_distributed/benign", "torch_distributed/benign_without_zip64"),
    }
)
"""What the name, the folder or the size of the file itself tells."""
DIFFERENT: dict[str, frozenset[str]] = {
    "json": frozenset(
        {
            *("json_config/key_declared_twice", "keras/duplicate_key"),  # of which a rewritten file has one
            *(f"requirements/elsewhere_{what}" for what in ("npm", "lock_of_npm", "lock_of_npm_before")),
            *("requirements/elsewhere_lock_on_a_forge", "requirements/elsewhere_lock_that_is_published"),
            *(f"encoded/{what}" for what in ("base64_of_zstd_in_config", "pickle_in_layers", "python_compressed")),
            *("archives/tar_under_gzip_in_base64", "signature/file_of_another_key"),
        }
    ),
    "yaml": frozenset({"yaml_config/whole_file_as_template"}),
    "pickle": frozenset({"pickle/frame_beyond_the_one_around_it", "expressions/setting_of_protocol_0"}),
    "python": frozenset(
        {
            *(
                "python_code/turned_line",
                "requirements/elsewhere_script",
                "requirements/elsewhere_script_index",
            ),  # comments
            *("python_code/way_renamed", "python_code/way_renamed_later", "python_code/way_name_of_module_text"),
            *("python_code/benign_way_loop_over_something", "python_code/model_that_tells_a_server"),
        }
    ),
    "pickle_in_escapes": frozenset(
        {
            *(f"encoded/{what}" for what in ("executable_in_pickle", "in_json_of_pickle", "in_text_of_pickle")),
            *("encoded/gzip_of_program_as_text", "encoded/zlib_of_program_as_text", "archives/program_in_old_pickle"),
            *("executable/dos_header_as_text", "executable/elf_as_old_text", "executable/elf_as_text"),
            *("executable/mach_as_old_text", "executable/mach_as_text", "executable/pe_as_old_text"),
            *("executable/pe_as_text", "expressions/setting_that_runs", "expressions/shapes_that_run"),
            "expressions/shapes_of_protocol_4",
        }
    ),
    "python_looked": frozenset(
        {
            *(f"python_code/benign_script_{what}" for what in ("passed_on", "setup_that_fetches")),
            *(f"python_code/{what}" for what in ("data_set_runs_command", "metric_runs_command", "disguised_alphabet")),
            *("python_code/executable_memory", "python_code/stealing_environment"),
        }
    ),
    "tar_under_gzip": frozenset(
        f"encoded/{what}"
        for what in (
            "within_string",
            "within_noise_of_a_string",
            "without_header_within_string",
            "without_header_within_noise",
        )
    ),
    "protobuf": frozenset({"tensorflow/fingerprint"}),  # known by its order
    "protobuf_among": frozenset(
        f"onnx/{what}" for what in ("benign_scalar", "benign_tensor", "tensor_of_another_size", "tensor_with_a_path")
    ),  # a tensor by itself is known by having no other fields
    "members": frozenset({"torch_distributed/under_another_name", "zip/bomb", "zip/evil_hidden_entry"}),
    "members_deflated": frozenset(
        f"torch/{what}"
        for what in (
            *("benign_bytecode", "benign_export", "benign_export_of_numbers", "benign_of_1_4", "benign_package"),
            *("benign_script", "benign_script_names_modules", "benign_script_not_called", "custom_operator"),
        )
    ),  # numbers that torch never compresses: "not scanned"
    **dict.fromkeys(("gzip", "xz", "zstandard", "lz4", "zip", "tar"), BY_PLACE),
}
"""Cases that are judged otherwise, by what the names of rewritings begin with. For most of them the other form is not
the same to a loader; for the rest, docs/coverage.md says what is not seen."""


def told_otherwise(rewriting: str, folder: str, name: str, case: Case) -> str:
    """Return how a case is judged otherwise in another form, nothing where it is judged alike."""
    data = case.build()
    written = REWRITINGS[rewriting](data, case.name) if len(data) <= SIZE else None
    is_whole = case.options.scanners is None  # else what opens the other form may be left out
    if written is None or case.verdict is Verdict.NOT_SCANNED or not is_whole:
        return ""
    result = examine_bytes(*written, case.options)
    crashed = any(problem.kind is ProblemKind.CRASH for problem in result.problems)
    alike = result.verdict in FOUND if case.verdict in FOUND else result.verdict is case.verdict
    return "" if alike and not crashed else f"{folder}/{name}"


def check(rewriting: str, share: int) -> None:
    """Assert that cases are judged alike in another form: one of `share`, chosen by their names."""
    otherwise = set()
    for folder, name, case in all_cases():
        if zlib.crc32(f"{rewriting} {folder} {name}".encode()) % share == 0:
            otherwise.add(told_otherwise(rewriting, folder, name, case))
    known = frozenset[str]().union(*(names for kind, names in DIFFERENT.items() if rewriting.startswith(kind)))
    assert sorted(otherwise - known - {""}) == []


@pytest.mark.parametrize("rewriting", REWRITINGS)
def test_some_cases_are_judged_alike_in_another_form(rewriting: str) -> None:
    check(rewriting, SHARE)


@pytest.mark.slow
@pytest.mark.parametrize("rewriting", REWRITINGS)
def test_all_cases_are_judged_alike_in_another_form(rewriting: str) -> None:
    check(rewriting, 1)
