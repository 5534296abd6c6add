"""A causal language model on this machine, by transformers."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError

from saeidioms.artifacts import digest_bytes, digest_json
from saeidioms.errors import DependencyError, ModelError, OptionError
from saeidioms.llm.dialect import Dialect
from saeidioms.llm.model import Prompt
from saeidioms.machine import choose_device

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

logger = logging.getLogger(__name__)

_QUESTION, _ANSWER = "Input:", "Output:"  # what base models are shown round examples
_THINKING = re.compile(r"\s*<think>.*?(?:</think>|\Z)", re.DOTALL)
_OF_MODELS = ("*.json", "*.jinja", "*.model", "*.txt", "*.safetensors", "*.bin", "*.gguf")
_FOR_GGUF = ("gguf", "accelerate")
_BLOCK, _BLOCKS = 1 << 16, 256  # of a file that is digested; all of it would take minutes


class LocalModel:
    """Any causal model that transformers loads; it always takes the likeliest token.

    A model with a chat template gets instruction, examples and question as turns of a chat, and
    is asked not to think aloud; where the template has no place for an instruction, the first turn
    opens with it. A base model gets them as text to go on with. An answer ends with its JSON
    object. The model is loaded when it is first asked, on a GPU in bfloat16, else in float32.

    Parameters
    ----------
    model
        Name on the hub, folder, or GGUF file (which needs packages of the extra ``llm``).
    batch_size
        Prompts that are answered at once, those of similar length together. Answers are those of
        prompts asked one by one, as far as rounding does not decide between two tokens.
    device
        Where to compute; by default a GPU where there is one.

    Raises
    ------
    OptionError
        If `batch_size` is below 1, or there is no such device.
    """

    destination = ""

    def __init__(self, model: str, *, batch_size: int = 8, device: str | None = None) -> None:
        if batch_size < 1:
            raise OptionError(f"batch_size is {batch_size}; it must be at least 1.")
        self.model = model
        self.batch_size = batch_size
        self.device = choose_device(device)
        self.dtype = torch.bfloat16 if self.device.startswith("cuda") else torch.float32
        path = Path(model)
        self.name = path.resolve().name if path.exists() else model

    @cached_property
    def key(self) -> Mapping[str, Any]:
        """Name, weights and precision; for a name on the hub its commit stands for the weights.

        Of a folder or file 256 blocks of 64 KiB, spread evenly over each file, are digested.

        Raises
        ------
        ModelError
            If the hub, and what was loaded from it before, have no such model.
        """
        dtype = str(self.dtype).removeprefix("torch.")
        return {"model": self.name, "weights": self._identity(), "dtype": dtype}

    def count_tokens(self, text: str) -> int:
        """Return the number of tokens of a text."""
        return len(self._tokenizer(text)["input_ids"])

    def answer(self, prompts: Sequence[Prompt]) -> Iterator[tuple[int, str]]:
        """Yield (index of the prompt, its answer), those of one batch together, long ones first.

        Raises
        ------
        DependencyError
            If a package is needed that is not installed.
        ModelError
            If the model cannot be loaded, its chat template refuses a prompt, or a prompt is longer
            than it can read, all of which is told before any is answered; or if the memory of the
            device is too small.
        """
        tokens = [self._tokens(prompt) for prompt in prompts]
        order = sorted(range(len(prompts)), key=lambda index: -len(tokens[index]))
        for start in range(0, len(order), self.batch_size):
            batch = order[start : start + self.batch_size]
            most = [prompts[index].max_tokens for index in batch]
            answers = self._generate([tokens[index] for index in batch], most)
            yield from zip(batch, answers, strict=True)

    @property
    def _chats(self) -> bool:
        return self._tokenizer.chat_template is not None

    def _tokens(self, prompt: Prompt) -> list[int]:
        """Return all that the model reads."""
        text = self._chat(prompt) if self._chats else _plain_text(prompt)
        tokens: list[int] = self._tokenizer(text, add_special_tokens=not self._chats)["input_ids"]
        config = self._network.config.get_text_config()
        limit = getattr(config, "max_position_embeddings", None)
        if limit is not None and len(tokens) + prompt.max_tokens > limit:
            raise ModelError(
                f"{self.name} reads {limit} tokens, and a prompt with its answer takes "
                f"{len(tokens) + prompt.max_tokens}; take a model that reads more, or shorter "
                "prompts."
            )
        return tokens

    def _chat(self, prompt: Prompt) -> str:
        """Return a prompt as a chat in the model's own template."""
        from jinja2 import TemplateError

        # As to servers that know nothing of schemas, so the schema is told.
        chat = Dialect(form="text").request(prompt, {})["messages"]
        problem = "it leaves out what the model is to do"
        for messages in (chat, _without_system(chat)):
            try:
                text = self._tokenizer.apply_chat_template(
                    messages,
                    tokenize=False,
                    add_generation_prompt=True,
                    enable_thinking=False,  # which templates without thinking pass over
                )
            except TemplateError as error:
                problem = _first_line(error)
                continue
            if messages[0]["content"].strip() in text:
                return str(text)
        raise ModelError(
            f"The chat template of {self.name} refuses a prompt ({problem}); take another model."
        )

    def _generate(self, prompts: Sequence[Sequence[int]], most: Sequence[int]) -> list[str]:
        """Return the answers to one batch, each of at most so many tokens."""
        from transformers import StoppingCriteriaList

        width = max(map(len, prompts))
        pad = self._network.generation_config.pad_token_id
        # Padding stands on the left, so that all answers begin at one place.
        tokens = torch.tensor([[pad] * (width - len(one)) + list(one) for one in prompts])
        mask = torch.tensor([[0] * (width - len(one)) + [1] * len(one) for one in prompts])

        def said(tokens: torch.Tensor) -> list[str]:
            own = [row[width : width + n] for row, n in zip(tokens.tolist(), most, strict=True)]
            return [str(self._tokenizer.decode(row, skip_special_tokens=True)) for row in own]

        def finished(tokens: torch.Tensor, scores: Any, **_: Any) -> torch.Tensor:
            done = [self._end(text) is not None for text in said(tokens)]
            return torch.tensor(done, device=tokens.device)

        try:
            with torch.inference_mode():
                tokens = self._network.generate(
                    tokens.to(self.device),
                    attention_mask=mask.to(self.device),
                    max_new_tokens=max(most),
                    stopping_criteria=StoppingCriteriaList([finished]),
                )
        except torch.OutOfMemoryError as error:
            raise ModelError(
                f"The memory of {self.device} is too small for {self.name} and {len(prompts)} "
                "prompts at once; take a smaller batch_size or model."
            ) from error
        return [text[: self._end(text)].strip() for text in said(tokens)]

    def _end(self, text: str) -> int | None:
        """Return where an answer ends within what was generated; None where it does not yet."""
        end = _object_end(text)
        if end is None and not self._chats:  # it goes on with a question of its own
            end = text.find(f"\n{_QUESTION}")
        return None if end == -1 else end

    @cached_property
    def _tokenizer(self) -> PreTrainedTokenizerBase:
        from transformers import AutoTokenizer

        return self._load(AutoTokenizer)

    @cached_property
    def _network(self) -> Any:
        from transformers import AutoModelForCausalLM, GenerationConfig

        logger.info("Loading the language model %s on %s.", self.name, self.device)
        network = self._load(AutoModelForCausalLM, dtype=self.dtype).to(self.device).eval()
        ends = network.generation_config.eos_token_id
        ends = {self._tokenizer.eos_token_id, *(ends if isinstance(ends, list) else [ends])}
        ends = sorted(ends - {None})
        pads = (self._tokenizer.pad_token_id, *ends, 0)
        # Nothing else of the model's own: it may sample, or shun repetitions, of which JSON is full
        network.generation_config = GenerationConfig(
            do_sample=False,
            eos_token_id=ends or None,
            pad_token_id=next(pad for pad in pads if pad is not None),
        )
        return network

    def _load(self, kind: Any, **options: Any) -> Any:
        from transformers.utils.logging import disable_progress_bar

        disable_progress_bar()  # which is drawn even into files
        path, source = Path(self.model), self.model
        if path.is_file():
            for package in _FOR_GGUF:
                if find_spec(package) is None:
                    raise DependencyError(
                        f"A GGUF file needs the package {package}, which is not installed: "
                        '`pip install "saeidioms[llm]"`.'
                    )
            source, options["gguf_file"] = str(path.parent), path.name
        try:
            return kind.from_pretrained(source, trust_remote_code=False, **options)
        except ImportError as error:
            raise DependencyError(
                f"{self.name} needs a package that is not installed ({_first_line(error)})."
            ) from error
        except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
            raise self._unusable(error) from error

    def _unusable(self, error: Exception) -> ModelError:
        return ModelError(
            f"{self.model} cannot be loaded as a causal language model ({_first_line(error)}); "
            "give a folder, a GGUF file or a name on the hub, and check the connection."
        )

    def _identity(self) -> str:
        """Return what tells the weights, and all else that decides answers, from others."""
        from huggingface_hub import hf_hub_download

        path = Path(self.model)
        if path.is_file():
            return _digest_sample(path)
        if path.is_dir():
            files = sorted(file for pattern in _OF_MODELS for file in path.glob(pattern))
            return digest_json({file.name: _digest_sample(file) for file in files})
        try:
            return Path(hf_hub_download(self.model, "config.json")).parent.name
        except (OSError, ValueError) as error:
            raise self._unusable(error) from error


def _plain_text(prompt: Prompt) -> str:
    """Return a prompt as a text that an answer would continue."""
    pairs = [f"{_QUESTION}\n{asked}\n{_ANSWER} {said}" for asked, said in prompt.examples]
    parts = [prompt.system.strip(), *pairs, f"{_QUESTION}\n{prompt.user}\n{_ANSWER}"]
    return "\n\n".join(part for part in parts if part)


def _without_system(chat: list[dict[str, str]]) -> list[dict[str, str]]:
    """Return a chat in which the first turn opens with the instruction."""
    system, *turns = chat
    if system["role"] != "system":
        return chat
    first, *others = turns
    return [{**first, "content": f"{system['content']}\n\n{first['content']}"}, *others]


def _object_end(text: str) -> int | None:
    """Return where the first JSON object after any thinking ends; None where it does not yet."""
    thinking = _THINKING.match(text)
    start = text.find("{", thinking.end() if thinking else 0)
    if start < 0:
        return None
    try:
        return json.JSONDecoder().raw_decode(text, start)[1]
    except (ValueError, RecursionError):
        return None


def _digest_sample(path: Path) -> str:
    """Return the digest of a file's size and of blocks of it; of all of it up to 16 MiB."""
    size = path.stat().st_size
    step = max(_BLOCK, size // _BLOCKS)
    with path.open("rb") as file:
        blocks = []
        for start in range(0, size, step):
            file.seek(start)
            blocks.append(file.read(_BLOCK))
    return digest_bytes(str(size).encode(), *blocks)


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].rstrip(". ")
