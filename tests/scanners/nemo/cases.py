"""NeMo's .nemo: a tar whose model_config.yaml names what loading makes instances of."""

from __future__ import annotations

import io
import tarfile

from modelsweep.core.report import Verdict
from tests.scanners.case import Case
from tests.scanners.payload import gzipped
from tests.scanners.torch.cases import checkpoint

CONFIG = """\
target: nemo.collections.asr.models.ctc_bpe_models.EncDecCTCModelBPE
nemo_version: 1.23.0
preprocessor:
  _target_: nemo.collections.asr.modules.AudioToMelSpectrogramPreprocessor
  normalize: per_feature
optim:
  name: adamw
"""
RUNS = CONFIG + "decoder:\n  _target_: os.system\n  command: echo modelsweep-test\n"
UNKNOWN = CONFIG + "decoder:\n  _target_: acme.decoders.Beam\n"


def archive(config: str) -> bytes:
    """Return an archive as save_to makes it."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for name, data in (("./model_config.yaml", config.encode()), ("./model_weights.ckpt", checkpoint())):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return stream.getvalue()


CASES = {
    # Tars end with kilobytes of zeros
    "benign": Case(lambda: archive(CONFIG), "model.nemo", Verdict.CLEAN, cut_is_clean=True),
    "target_runs": Case(lambda: archive(RUNS), "model.nemo", Verdict.MALICIOUS),
    "target_runs_compressed": Case(lambda: gzipped(archive(RUNS)), "model.nemo", Verdict.MALICIOUS),
    "target_unknown": Case(lambda: archive(UNKNOWN), "model.nemo", Verdict.REVIEW),
}
