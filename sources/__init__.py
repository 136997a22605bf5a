"""Where bytes come from: one module per source, and the readers; the tuple is the whole list of sources.

The tuple is made when somebody asks for it: what scans a local file needs `sources.local` only, and starts quicker.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sources.source import Source

    SOURCES: tuple[Source, ...]


def __getattr__(name: str) -> tuple[Source, ...]:
    if name != "SOURCES":
        raise AttributeError(name)
    from sources.dvc import SOURCE as DVC
    from sources.gcs import SOURCE as GCS
    from sources.http import SOURCE as HTTP
    from sources.huggingface import SOURCE as HUGGINGFACE
    from sources.jfrog import SOURCE as JFROG
    from sources.local import SOURCE as LOCAL
    from sources.mlflow import SOURCE as MLFLOW
    from sources.oci import SOURCE as OCI
    from sources.s3 import SOURCE as S3

    return DVC, LOCAL, HUGGINGFACE, MLFLOW, JFROG, OCI, S3, GCS, HTTP
