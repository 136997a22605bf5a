"""Checkpoints, whole modules, quantized, sparse and nested tensors, storages and optimizers of PyTorch."""

# mypy: disable-error-code="import-not-found, import-untyped, no-untyped-call"

from __future__ import annotations

import io
import pickle
from typing import TYPE_CHECKING, Any

from scripts.inert.recording import recording_pickle

if TYPE_CHECKING:
    from collections.abc import Callable


def save_and_load(label: str, saved: Any) -> None:
    """Send one object through `torch.save`, zip and legacy, and through plain pickle."""
    import torch

    failures = []
    for options in ({}, {"_use_new_zipfile_serialization": False}):
        stream = io.BytesIO()
        try:
            torch.save(saved, stream, **options)
            stream.seek(0)
            torch.load(stream, pickle_module=recording_pickle, weights_only=False)
        except Exception as error:  # noqa: BLE001 - the other ways are still tried
            failures.append(f"{options}: {error}")
    for protocol in (2, 4):
        recording_pickle.loads(pickle.dumps(saved, protocol))
    if failures:
        raise ValueError("; ".join(failures))


def makers() -> dict[str, Callable[[], Any]]:
    """Objects by label; each is made when it is saved."""
    import torch

    kinds = [value for value in vars(torch).values() if isinstance(value, torch.dtype)]
    found: dict[str, Callable[[], Any]] = {
        f"dtype {kind}": lambda kind=kind: [kind, torch.empty(2, dtype=kind)] for kind in kinds
    }
    found |= {f"storage {kind}": lambda kind=kind: torch.empty(2, dtype=kind).storage() for kind in kinds}
    found |= _modules() | _optimizers() | _tensors()
    return found


def _modules() -> dict[str, Callable[[], Any]]:
    """Every class of torch.nn, made with the small integers its constructor asks for."""
    import inspect

    import torch

    found: dict[str, Callable[[], Any]] = {}
    for namespace in (torch.nn, torch.ao.nn.quantized, torch.ao.nn.qat, torch.ao.nn.intrinsic, torch.ao.quantization):
        for name, kind in vars(namespace).items():
            if inspect.isclass(kind) and issubclass(kind, torch.nn.Module):
                found[f"{namespace.__name__}.{name}"] = lambda kind=kind: _made(kind)
    return found | {
        "network": _network,
        "dynamic": lambda: torch.ao.quantization.quantize_dynamic(_network(), {torch.nn.Linear}),
        "weight norm": lambda: torch.nn.utils.weight_norm(torch.nn.Linear(2, 2)),
        "spectral": lambda: torch.nn.utils.spectral_norm(torch.nn.Linear(2, 2)),
        "parametrized": lambda: torch.nn.utils.parametrizations.weight_norm(torch.nn.Linear(2, 2)).state_dict(),
        "pruned": lambda: torch.nn.utils.prune.l1_unstructured(torch.nn.Linear(2, 2), "weight", 1),
        "qconfig": lambda: torch.ao.quantization.get_default_qconfig_mapping("fbgemm"),
        "hooked": _hooked,
        "distributions": lambda: [
            torch.distributions.Normal(torch.zeros(1), torch.ones(1)),
            torch.distributions.constraints.real,
        ],
        "data": lambda: torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.zeros(4, 1)), batch_size=2),
    }


def _made(kind: Any) -> Any:
    import inspect

    import torch

    named = {
        "embed_dim": 4, "d_model": 4, "num_layers": 1, "kernel_size": 1, "lambd": 0.5, "padding": 1, "threshold": 0.1,
        "value": 0.1, "cutoffs": [2], "n_classes": 4, "normalized_shape": 4, "num_groups": 1, "dim": 1,
        "unflattened_size": (1, 1), "qconfig": torch.ao.quantization.default_qat_qconfig,
    }  # fmt: skip
    required = {
        name: named.get(name, 2)
        for name, one in inspect.signature(kind).parameters.items()
        if one.default is one.empty and one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)
    }
    if "encoder_layer" in required:
        required["encoder_layer"] = torch.nn.TransformerEncoderLayer(4, 2)
    if "decoder_layer" in required:
        required["decoder_layer"] = torch.nn.TransformerDecoderLayer(4, 2)
    return kind(**required)


def _network() -> Any:
    import torch

    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(4, 2)
    )


def _hooked() -> Any:
    import torch

    network = torch.nn.Linear(1, 1)
    network.register_forward_pre_hook(torch.nn.utils.weight_norm)
    network.apply(lambda one: one.requires_grad_(False))
    return network


def _optimizers() -> dict[str, Callable[[], Any]]:
    import inspect

    import torch

    def checkpoint(kind: Any) -> Any:
        network = _network()
        optimizer = kind(network.parameters(), lr=0.1)
        schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1)
        states = {
            "model": network.state_dict(),
            "optimizer": optimizer.state_dict(),
            "scheduler": schedule.state_dict(),
        }
        return [states, {"rng": torch.get_rng_state(), "epoch": 1}, optimizer, schedule]

    optimizers = [
        one for one in vars(torch.optim).values() if inspect.isclass(one) and one is not torch.optim.Optimizer
    ]
    rates = [one for one in vars(torch.optim.lr_scheduler).values() if inspect.isclass(one)]

    def scheduled(kind: Any) -> Any:
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
        named = {
            "lr_lambda": float,
            "step_size": 1,
            "milestones": [1],
            "gamma": 0.1,
            "T_max": 2,
            "T_0": 2,
            "base_lr": 0.1,
            "max_lr": 1.0,
            "total_steps": 3,
        }
        accepted = {key: value for key, value in named.items() if key in inspect.signature(kind).parameters}
        return kind(optimizer, **accepted)

    found: dict[str, Callable[[], Any]] = {
        f"optimizer {kind.__name__}": lambda kind=kind: checkpoint(kind) for kind in optimizers
    }
    return found | {f"schedule {kind.__name__}": lambda kind=kind: scheduled(kind) for kind in rates}


def _tensors() -> dict[str, Callable[[], Any]]:
    import numpy as np
    import torch
    from torch import nn

    zeros = torch.zeros(2, 3)
    return {
        "parameter": lambda: [
            nn.Parameter(zeros),
            nn.Buffer(zeros),
            nn.UninitializedParameter(),
            nn.ParameterList([nn.Parameter(zeros)]),
        ],
        "gradient": lambda: torch.zeros(2, requires_grad=True),
        "sparse": lambda: [
            zeros.to_sparse(),
            torch.eye(3).to_sparse_csr(),
            torch.eye(3).to_sparse_csc(),
            torch.eye(4).to_sparse_bsr((2, 2)),
        ],
        "quantized": lambda: torch.quantize_per_tensor(zeros, 0.1, 0, torch.qint8),
        "quantized by channel": lambda: torch.quantize_per_channel(
            zeros, torch.ones(2), torch.zeros(2), 0, torch.quint8
        ),
        "nested": lambda: torch.nested.nested_tensor([torch.zeros(2), torch.zeros(3)]),
        "jagged": lambda: torch.nested.nested_tensor([torch.zeros(2), torch.zeros(3)], layout=torch.jagged),
        "meta": lambda: torch.zeros(2, device="meta"),
        "attributes": lambda: _with_attributes(torch.zeros(2)),
        "values": lambda: [
            torch.Size([1]),
            torch.device("cpu"),
            torch.strided,
            torch.contiguous_format,
            torch.Generator,
            torch.finfo,
        ],
        "functions": lambda: [
            torch.nn.functional.relu,
            torch.relu,
            torch.nn.functional.gelu,
            torch.sigmoid,
            nn.init.xavier_uniform_,
            torch.cat,
        ],
        "complex": lambda: [torch.zeros(1, dtype=torch.complex64).conj(), torch.zeros(2).neg()],
        "random": lambda: {
            "torch": torch.get_rng_state(),
            "numpy": np.random.get_state(),
            "cuda": [torch.get_rng_state()],
        },
        "legacy types": lambda: [
            torch.FloatTensor([1]),
            torch.LongTensor([1]),
            torch.HalfTensor([1]),
            torch.FloatStorage([1]),
        ],
        "untyped": lambda: [torch.UntypedStorage(3), torch.TypedStorage(3)],
        "scaler": lambda: torch.amp.GradScaler("cpu").state_dict(),
        "averaged": lambda: torch.optim.swa_utils.AveragedModel(nn.Linear(1, 1)),
        "return types": lambda: [torch.max(zeros, 0), torch.sort(zeros), torch.svd(zeros)],
        "version": lambda: torch.__version__,
    }


def _with_attributes(tensor: Any) -> Any:
    tensor.note = "kept"
    return tensor
