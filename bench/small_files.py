"""Small files of many formats, as a folder of experiments holds them, each by its format's own writer."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from random import Random

import joblib
import numpy as np
from safetensors.numpy import save as save_safetensors
from sklearn.linear_model import LinearRegression

from bench.payloads import write_gguf, write_torch

PER_FOLDER = 100


def write_small_files(folder: Path, count: int, size: int, random: Random) -> None:
    """Write `count` files of about `size` bytes each in the mean, all formats in turn, `PER_FOLDER` to a folder."""
    for number in range(count):
        suffix, write = WRITERS[number % len(WRITERS)]
        path = folder / f"{number // PER_FOLDER:02}" / f"file{number:04}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, random.randrange(size // 4, size * 7 // 4), random)


def _weights(size: int, random: Random) -> np.ndarray:
    return np.frombuffer(random.randbytes(max(size // 4, 8) * 4), np.uint32).astype(np.float32)


def _estimator(size: int, random: Random) -> LinearRegression:
    features = _weights(size, random)
    model = LinearRegression()
    model.coef_, model.intercept_ = features, 0.5
    return model


def _settings(size: int, random: Random) -> dict[str, object]:
    return {
        f"layer{number}": {"units": random.randrange(4096), "rate": random.random()} for number in range(size // 48)
    }


def _pickle(path: Path, size: int, random: Random) -> None:
    half = size // 2
    state = {"weights": _weights(half, random), "settings": _settings(half, random), "epoch": 7}
    path.write_bytes(pickle.dumps(state, 4))


def _pickle_2(path: Path, size: int, random: Random) -> None:
    path.write_bytes(pickle.dumps(_estimator(size, random), 2))


def _joblib(path: Path, size: int, random: Random) -> None:
    joblib.dump(_estimator(size, random), path)


def _joblib_compressed(path: Path, size: int, random: Random) -> None:
    joblib.dump({"weights": _weights(size, random)}, path, compress=3)


def _npy(path: Path, size: int, random: Random) -> None:
    np.save(path, _weights(size, random))


def _npz(path: Path, size: int, random: Random) -> None:
    np.savez(path, weights=_weights(size // 2, random), bias=_weights(size // 2, random))


def _safetensors(path: Path, size: int, random: Random) -> None:
    path.write_bytes(save_safetensors({"weights": _weights(size, random)}))


def _json(path: Path, size: int, random: Random) -> None:
    path.write_text(json.dumps(_settings(size, random), indent=1))


def _zip(path: Path, size: int, random: Random) -> None:
    inside = io.BytesIO()
    np.save(inside, _weights(size, random))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("weights.npy", inside.getvalue())
        archive.writestr("state.pkl", pickle.dumps(_settings(1000, random), 4))


def _text(path: Path, size: int, random: Random) -> None:
    words = ("loss", "accuracy", "epoch", "step", "learning", "rate")
    path.write_text(" ".join(random.choices(words, k=size // 6)) + "\n")


WRITERS: tuple[tuple[str, Callable[[Path, int, Random], None]], ...] = (
    (".pkl", _pickle),
    (".pickle", _pickle_2),
    (".joblib", _joblib),
    (".joblib", _joblib_compressed),
    (".npy", _npy),
    (".npz", _npz),
    (".safetensors", _safetensors),
    (".pt", write_torch),
    (".gguf", write_gguf),
    (".json", _json),
    (".zip", _zip),
    (".txt", _text),
)
