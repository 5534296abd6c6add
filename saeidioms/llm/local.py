"""A causal language model on this machine, by transformers."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from saeidioms.artifacts import digest_file, digest_json
from saeidioms.errors import DependencyError, ModelError, OptionError
from saeidioms.llm.model import Prompt
from saeidioms.machine import choose_device
from saeidioms.progress import bar

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

logger = logging.getLogger(__name__)

_WEIGHTS = ("*.safetensors", "*.bin", "*.gguf")
_DIGEST_BYTES = (
    1 << 20
)  # of a weight file's start; whole files of many gigabytes would take minutes


class LocalModel:
    """Any causal model that transformers loads; it always takes the likeliest token.

    A model with a chat template gets instruction, examples and question as turns of a chat; a base
    model gets them as text that it goes on with. Generation ends with the JSON object.

    Parameters
    ----------
    model
        Name on the hub, folder, or GGUF file (which needs the package ``gguf``).
    batch_size
        Prompts generated for together, those of similar length.
    device
        Where to compute; by default a GPU where there is one.

    Raises
    ------
    OptionError
        If `batch_size` is below 1.
    """

    destination = ""

    def __init__(self, model: str, *, batch_size: int = 8, device: str | None = None) -> None:
        if batch_size < 1:
            raise OptionError(f"batch_size is {batch_size}; it must be at least 1.")
        self.model = model
        self.name = Path(model).stem if Path(model).is_file() else model
        self.batch_size = batch_size
        self.device = choose_device(device)
        self.dtype = torch.bfloat16 if self.device.startswith("cuda") else torch.float32

    @cached_property
    def key(self) -> Mapping[str, Any]:
        """The model (for files their sizes and first MiB) and the precision."""
        return {"model": _identity(self.model), "dtype": str(self.dtype), "local": True}

    def count_tokens(self, text: str) -> int:
        """Return the number of tokens of a text."""
        return len(self._tokenizer(text)["input_ids"])

    def answer(self, prompts: Sequence[Prompt]) -> Iterator[tuple[int, str]]:
        """Yield (index of the prompt, its answer), those of one batch together.

        Raises
        ------
        ModelError
            If the model cannot be loaded, or a prompt is longer than it can read.
        """
        texts = [self._text(prompt) for prompt in prompts]
        order = sorted(range(len(texts)), key=lambda index: -len(texts[index]))
        with bar("asking the model", total=len(texts), unit="prompt") as shown:
            for start in range(0, len(order), self.batch_size):
                batch = order[start : start + self.batch_size]
                longest = max(prompts[index].max_tokens for index in batch)
                answers = self._generate([texts[index] for index in batch], longest)
                yield from zip(batch, answers, strict=True)
                shown.update(len(batch))

    def _text(self, prompt: Prompt) -> str:
        """Return all that the model reads."""
        if self._tokenizer.chat_template is None:
            pairs = [f"Input:\n{asked}\nOutput: {said}\n" for asked, said in prompt.examples]
            return "\n".join([prompt.system.strip(), *pairs, f"Input:\n{prompt.user}\nOutput:"])
        turns = [("user", asked) for asked, _ in prompt.examples]
        answers = [("assistant", said) for _, said in prompt.examples]
        chat = [turn for pair in zip(turns, answers, strict=True) for turn in pair]
        chat.append(("user", prompt.user))
        return self._in_template(prompt.system, [{"role": role, "content": c} for role, c in chat])

    def _in_template(self, system: str, chat: list[dict[str, str]]) -> str:
        """Apply the chat template; where it has no instructions, they open the first turn."""
        from jinja2 import TemplateError

        options: dict[str, Any] = {"tokenize": False, "add_generation_prompt": True}
        try:
            instructed = [{"role": "system", "content": system}, *chat]
            return str(self._tokenizer.apply_chat_template(instructed, **options))
        except TemplateError:
            first = {"role": "user", "content": f"{system}\n\n{chat[0]['content']}"}
            return str(self._tokenizer.apply_chat_template([first, *chat[1:]], **options))

    def _generate(self, texts: list[str], max_tokens: int) -> list[str]:
        from transformers import StoppingCriteriaList

        chat = self._tokenizer.chat_template is not None
        inputs = self._tokenizer(
            texts, return_tensors="pt", padding=True, add_special_tokens=not chat
        ).to(self.device)
        length = inputs["input_ids"].shape[1]
        limit = getattr(self._network.config, "max_position_embeddings", None)
        if limit is not None and length + max_tokens > limit:
            raise ModelError(
                f"{self.name} reads {limit} tokens, and a prompt with its answer takes "
                f"{length + max_tokens}; take a model that reads more, or shorter prompts."
            )

        def said(tokens: torch.Tensor) -> list[str]:
            return self._tokenizer.batch_decode(tokens[:, length:], skip_special_tokens=True)

        def finished(tokens: torch.Tensor, scores: Any, **_: Any) -> torch.Tensor:
            done = [_object_end(text) is not None for text in said(tokens)]
            return torch.tensor(done, device=tokens.device)

        with torch.inference_mode():
            tokens = self._network.generate(
                **inputs,
                max_new_tokens=max_tokens,
                do_sample=False,
                pad_token_id=self._tokenizer.pad_token_id,
                stopping_criteria=StoppingCriteriaList([finished]),
            )
        return [text[: _object_end(text)].strip() for text in said(tokens)]

    @cached_property
    def _tokenizer(self) -> PreTrainedTokenizerBase:
        from transformers import AutoTokenizer

        tokenizer = self._load(AutoTokenizer)
        tokenizer.padding_side = "left"  # so that all answers begin at the same place
        if tokenizer.pad_token is None:
            tokenizer.pad_token = tokenizer.eos_token
        return tokenizer

    @cached_property
    def _network(self) -> Any:
        from transformers import AutoModelForCausalLM

        logger.info("Loading the language model %s on %s.", self.name, self.device)
        return self._load(AutoModelForCausalLM, dtype=self.dtype).to(self.device).eval()

    def _load(self, kind: Any, **options: Any) -> Any:
        path = Path(self.model)
        try:
            if path.is_file() and path.suffix.lower() == ".gguf":
                return kind.from_pretrained(str(path.parent), gguf_file=path.name, **options)
            return kind.from_pretrained(self.model, **options)
        except ImportError as error:
            raise DependencyError(
                f"{self.name} needs a package that is missing ({_first_line(error)}); install it, "
                'for a GGUF file: pip install "saeidioms[llm]".'
            ) from error
        except (OSError, ValueError, KeyError) as error:
            raise ModelError(
                f"{self.model} cannot be loaded as a causal language model "
                f"({_first_line(error)}); give a folder, a GGUF file or a name on the hub."
            ) from error


def _object_end(text: str) -> int | None:
    """Return where the first JSON object of a text ends; None where it does not yet."""
    start = text.find("{")
    if start < 0:
        return None
    try:
        return start + json.JSONDecoder().raw_decode(text[start:])[1]
    except json.JSONDecodeError:
        return None


def _identity(model: str) -> str:
    """Return what tells a model from others: its name, or a digest of its files."""
    path = Path(model)
    if path.is_file():
        return _digest_start(path)
    if path.is_dir():
        weights = sorted(file for pattern in _WEIGHTS for file in path.glob(pattern))
        configs = sorted(path.glob("*.json"))
        return digest_json(
            {file.name: digest_file(file) for file in configs}
            | {file.name: _digest_start(file) for file in weights}
        )
    return model


def _digest_start(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(_DIGEST_BYTES)
    return digest_json({"bytes": path.stat().st_size, "start": start.hex()})


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0]
