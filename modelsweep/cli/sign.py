"""`modelsweep sign`: sign what a scan states, for whoever admits models."""

from __future__ import annotations

import json
import os
import sys

import click

from modelsweep.cli.options import option
from modelsweep.cli.outputs import STDOUT, replacing
from modelsweep.cli.terminal import say
from modelsweep.core.installing import how_to_install
from modelsweep.core.units import MIB, format_size

PASSWORD = "MODELSWEEP_SIGNING_PASSWORD"  # noqa: S105 - a name
LARGEST = 256 * MIB
"""Bytes of a statement: a million files."""
LARGEST_KEY = 1 * MIB


@click.command(
    params=[
        click.Argument(["statement"], metavar="STATEMENT"),
        option("--key", metavar="FILE", required=True, help=f"Private key in PEM; its password is in ${PASSWORD}."),
        option("-o", "--output", metavar="FILE", default=STDOUT, help="Where the envelope goes [standard output]."),
    ],
    short_help="Sign what a scan states.",
)
def command(statement: str, key: str, output: str) -> int:
    """Sign STATEMENT, which `scan -f in-toto=FILE` wrote, as a DSSE envelope (Ed25519, ECDSA or RSA).

    \b
    Examples:
      modelsweep scan models/ -f in-toto=passed.intoto.json
      modelsweep sign passed.intoto.json --key release.pem -o passed.dsse.json
    """
    try:
        from modelsweep.signed_statement import CannotSign, envelope, private_key
    except ImportError as error:
        raise click.ClickException(f"{error.name} is not installed: {how_to_install('signing')}") from error
    password = os.environ.pop(PASSWORD, "").encode() or None
    try:
        signing_key = private_key(_read(key, LARGEST_KEY), password)
    except CannotSign as error:
        raise click.UsageError(f"{key}: {error}") from error
    try:
        signed = json.dumps(envelope(_read(statement, LARGEST), signing_key)) + "\n"
    except CannotSign as error:
        raise click.ClickException(f"{statement}: {error}") from error
    if output == STDOUT:
        sys.stdout.write(signed)
        return 0
    if os.path.realpath(output) == os.path.realpath(key):
        raise click.UsageError(f"{output} is the private key: the envelope would replace it")
    try:
        with replacing(output) as stream:
            stream.write(signed)
    except OSError as error:
        raise click.ClickException(f"cannot write {output}: {error.strerror}") from error
    say(f"{output}: signed")
    return 0


def _read(path: str, most: int) -> bytes:
    try:
        with open(path, "rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        raise click.UsageError(f"{path}: {error.strerror}") from error
    if len(data) > most:
        raise click.UsageError(f"{path}: larger than {format_size(most)}")
    return data
