"""Training arguments, configurations, small models and tokenizers of Transformers, and a statsmodels fit."""

# mypy: disable-error-code="import-not-found, import-untyped, no-untyped-call"

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scripts.inert.subjects.torch_objects import save_and_load

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["makers", "save_and_load"]


def makers() -> dict[str, Callable[[], Any]]:
    """Objects by label; each is made when it is saved."""
    import transformers as tr

    small = {
        "vocab_size": 20,
        "hidden_size": 8,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 8,
    }
    return {
        "arguments": lambda: tr.TrainingArguments("out", report_to=[]),
        "sequence arguments": lambda: tr.Seq2SeqTrainingArguments("out", report_to=[]),
        "steps": lambda: tr.TrainingArguments(
            "out", eval_strategy="steps", save_strategy="epoch", optim="adamw_torch", fsdp="", report_to=[]
        ),
        "config": lambda: [tr.BertConfig(**small), tr.GPT2Config(), tr.GenerationConfig(), tr.LlamaConfig(**small)],
        "bert": lambda: tr.BertModel(tr.BertConfig(**small)),
        "gpt2": lambda: tr.GPT2LMHeadModel(tr.GPT2Config(vocab_size=20, n_embd=8, n_layer=1, n_head=2)),
        "llama": lambda: tr.LlamaForCausalLM(tr.LlamaConfig(**small)),
        "vit": lambda: tr.ViTModel(
            tr.ViTConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8)
        ),
        "trainer state": lambda: [
            tr.TrainerState(),
            tr.TrainerControl(),
            tr.EarlyStoppingCallback(),
            tr.trainer_utils.EvalPrediction([1], [2]),
        ],
        "output": lambda: tr.modeling_outputs.BaseModelOutput(last_hidden_state=None),
        "encoding": lambda: tr.BatchEncoding({"a": [1]}),
        "tokenizer": _tokenizer,
        "collator": lambda: tr.DataCollatorWithPadding(_tokenizer()),
    }


def _tokenizer() -> Any:
    import tokenizers
    import transformers

    model = tokenizers.Tokenizer(tokenizers.models.WordLevel({"a": 0, "[UNK]": 1}, unk_token="[UNK]"))
    model.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    return transformers.PreTrainedTokenizerFast(tokenizer_object=model)
