import json
import shutil
from dataclasses import replace

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    AutoModelForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

from saeidioms.errors import DependencyError, ModelError, OptionError
from saeidioms.llm import local
from saeidioms.llm.local import LocalModel
from saeidioms.llm.model import Prompt

CHAT = (
    "{% for message in messages %}<{{ message.role }}>{{ message.content }}</>{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
NO_SYSTEM = "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}"
DEAF = "{% set messages = messages | rejectattr('role', 'equalto', 'system') | list %}"
SCHEMA = {"type": "object", "properties": {"label": {"type": "string"}}}
PROMPT = Prompt("Label it.", "<unit 1>I am so sorry</unit 1>", (("cats", '{"label": "a"}'),))


def save(folder, template=None, *, seed=0, positions=512):
    """Write a randomly initialised model of two layers, and a tokenizer of bytes."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        special_tokens=["<s>", "</s>"], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator([], trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", 0)]
    )
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>")
    fast.chat_template = template
    fast.save_pretrained(folder)
    config = LlamaConfig(
        vocab_size=len(fast),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=positions,
        bos_token_id=fast.bos_token_id,
        eos_token_id=fast.eos_token_id,
        initializer_range=0.3,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = LlamaForCausalLM(config)
    network.generation_config.update(do_sample=True, temperature=5.0, repetition_penalty=2.0)
    network.save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return save(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def chatting(tmp_path_factory):
    return save(tmp_path_factory.mktemp("chatting"), CHAT)


@pytest.fixture(params=["base", "chatting"])
def folder(request):
    return request.getfixturevalue(request.param)


def prompts_of_many_lengths():
    texts = ["hi", "what is it? " * 6, "I am sorry", "", "no " * 30, "é 系", "yes"]
    most = [20, 7, 1, 12, 9, 20, 3]
    return [replace(PROMPT, user=text, max_tokens=n) for text, n in zip(texts, most, strict=True)]


def read_by(model, prompt):
    """Return the text that the model would read."""
    return model._tokenizer.decode(model._tokens(prompt))


def speak(model, monkeypatch, *answers):
    """Let the network say the answers, row by row, and then what cannot be stopped soon enough."""
    width = {}

    def forward(self, input_ids=None, past_key_values=None, **options):
        out = original(self, input_ids=input_ids, past_key_values=past_key_values, **options)
        at = past_key_values.get_seq_length()
        width.setdefault("prompt", at)
        said = at - width["prompt"]
        for row, answer in enumerate(answers):
            tokens = model._tokenizer(answer, add_special_tokens=False)["input_ids"]
            out.logits[row, -1] = -100.0
            out.logits[row, -1, tokens[said] if said < len(tokens) else 5] = 100.0
        steps.append(said)
        return out

    steps = []
    original = LlamaForCausalLM.forward
    monkeypatch.setattr(LlamaForCausalLM, "forward", forward)
    return steps


def test_batches_give_the_answers_of_single_prompts_to_the_right_prompts(folder):
    prompts = prompts_of_many_lengths()
    one_by_one = dict(LocalModel(folder, batch_size=1, device="cpu").answer(prompts))
    assert sorted(one_by_one) == list(range(len(prompts)))
    assert len(set(one_by_one.values())) > 3
    for batch_size in (2, 3, 100):
        pairs = list(LocalModel(folder, batch_size=batch_size, device="cpu").answer(prompts))
        assert len(pairs) == len(prompts)
        assert dict(pairs) == one_by_one


def test_answers_are_the_same_each_time_and_long_prompts_come_first(folder):
    prompts = prompts_of_many_lengths()
    model = LocalModel(folder, batch_size=2, device="cpu")
    pairs = list(model.answer(prompts))
    assert list(model.answer(prompts)) == pairs
    lengths = [len(model._tokens(prompts[index])) for index, _ in pairs]
    assert lengths == sorted(lengths, reverse=True)


def test_the_likeliest_token_is_taken_whatever_the_model_comes_with(base):
    prompt = replace(PROMPT, max_tokens=8)
    model = LocalModel(base, device="cpu")
    network = AutoModelForCausalLM.from_pretrained(base)
    tokens = model._tokens(prompt)
    start = len(tokens)
    for _ in range(prompt.max_tokens):
        with torch.inference_mode():
            tokens = [*tokens, int(network(torch.tensor([tokens])).logits[0, -1].argmax())]
    expected = model._tokenizer.decode(tokens[start:], skip_special_tokens=True).strip()
    assert dict(model.answer([prompt])) == {0: expected}


def test_generation_ends_with_the_object(folder, monkeypatch):
    model = LocalModel(folder, device="cpu")
    answers = [
        '{"label": "a }"} and {"label"',
        ' Sure: {"label": {"a": 1}}\n\nInput:',
        "{unfinished",
    ]
    steps = speak(model, monkeypatch, *answers)
    prompts = [replace(PROMPT, user="same length", max_tokens=30) for _ in answers]
    said = dict(model.answer(prompts))
    assert said[0] == '{"label": "a }"}'
    assert said[1] == 'Sure: {"label": {"a": 1}}'
    assert said[2].startswith("{unfinished")
    assert max(steps) == 29  # the last row holds on
    steps.clear()
    monkeypatch.undo()
    steps = speak(model, monkeypatch, *answers[:2])
    list(model.answer(prompts[:2]))
    assert max(steps) < len(answers[1])


def test_a_base_model_does_not_answer_questions_of_its_own(base, monkeypatch):
    model = LocalModel(base, device="cpu")
    speak(model, monkeypatch, ' no idea\n\nInput:\nme\nOutput: {"label": "mine"}')
    assert dict(model.answer([PROMPT])) == {0: "no idea"}


def test_objects_within_thinking_are_not_the_answer(chatting, monkeypatch):
    model = LocalModel(chatting, device="cpu")
    text = '<think>maybe {"label": "a"}?</think>{"label": "b"}'
    speak(model, monkeypatch, f"{text} or so")
    assert dict(model.answer([PROMPT])) == {0: text}


def test_a_prompt_never_gets_more_tokens_than_it_may_have(base, monkeypatch):
    model = LocalModel(base, device="cpu")
    speak(model, monkeypatch, "abcdefgh" * 5, "abcdefgh" * 5)
    prompts = [replace(PROMPT, user="same", max_tokens=n) for n in (5, 12)]
    assert dict(model.answer(prompts)) == {0: "abcde", 1: "abcdefghabcd"}


def test_a_base_model_reads_examples_and_then_the_question(base):
    assert read_by(LocalModel(base), PROMPT) == (
        '<s>Label it.\n\nInput:\ncats\nOutput: {"label": "a"}\n\n'
        "Input:\n<unit 1>I am so sorry</unit 1>\nOutput:"
    )


def test_a_chat_model_reads_instruction_examples_and_question_as_turns(chatting):
    assert read_by(LocalModel(chatting), PROMPT) == (
        '<system>Label it.</><user>cats</><assistant>{"label": "a"}</>'
        "<user><unit 1>I am so sorry</unit 1></><assistant>"
    )


def test_a_chat_model_is_told_the_schema(chatting):
    text = read_by(LocalModel(chatting), replace(PROMPT, schema=SCHEMA))
    assert json.dumps(SCHEMA) in text.split("</>")[0]


@pytest.mark.parametrize("flaw", [NO_SYSTEM, DEAF], ids=["refuses", "leaves out"])
def test_a_template_without_a_place_for_instructions_gets_them_in_the_first_turn(tmp_path, flaw):
    text = read_by(LocalModel(save(tmp_path, flaw + CHAT)), PROMPT)
    assert text.startswith("<user>Label it.\n\ncats</><assistant>")
    without = replace(PROMPT, system="")
    assert read_by(LocalModel(str(tmp_path)), without).startswith("<user>cats</>")


def test_a_template_that_takes_no_prompt_is_refused_in_a_sentence(tmp_path):
    model = LocalModel(save(tmp_path, "{{ raise_exception('never') }}"))
    with pytest.raises(ModelError, match=r"chat template of .* refuses a prompt \(never\)"):
        list(model.answer([PROMPT]))


def test_templates_are_asked_for_no_thinking(tmp_path):
    thinking = "{% if enable_thinking is not false %}<think>{% endif %}"
    assert "<think>" not in read_by(LocalModel(save(tmp_path, CHAT + thinking)), PROMPT)


def test_a_prompt_that_is_too_long_is_told_before_any_is_answered(tmp_path):
    model = LocalModel(save(tmp_path, positions=200))
    answers = model.answer([PROMPT, replace(PROMPT, max_tokens=190)])
    with pytest.raises(ModelError, match=r"reads 200 tokens, and .* takes \d+; take a model"):
        next(answers)


def test_nothing_is_loaded_before_it_is_needed_and_then_once(base, monkeypatch):
    loads = []
    original = LocalModel._load

    def load(self, kind, **options):
        loads.append(kind.__name__)
        return original(self, kind, **options)

    monkeypatch.setattr(LocalModel, "_load", load)
    model = LocalModel(base, device="cpu")
    assert model.key["model"] == model.name
    assert list(model.answer([])) == []
    assert loads == []
    for _ in range(2):
        list(model.answer([replace(PROMPT, max_tokens=1)]))
    assert sorted(loads) == ["AutoModelForCausalLM", "AutoTokenizer"]


def test_tokens_are_counted_by_the_models_tokenizer(base):
    assert LocalModel(base).count_tokens("abc é") == 7


def test_the_key_tells_weights_templates_and_configurations_apart(tmp_path, base):
    def key(folder):
        return dict(LocalModel(str(folder), device="cpu").key)

    first = tmp_path / "a" / "model"
    shutil.copytree(base, first)
    copy = tmp_path / "b" / "model"
    shutil.copytree(first, copy)
    known = key(first)
    assert known["model"] == "model"
    assert known["dtype"] == "float32"
    assert key(copy) == known  # whenever and wherever it was copied
    (copy / "chat_template.jinja").write_text(CHAT)
    assert key(copy) != known
    assert key(save(copy, seed=1)) != known
    (first / "README.md").write_text("about")
    assert key(first) == known
    assert dict(LocalModel(str(first), batch_size=3, device="cpu").key) == known


def test_of_a_large_file_blocks_from_all_over_it_are_digested(tmp_path, monkeypatch):
    monkeypatch.setattr(local, "_BLOCK", 4)
    monkeypatch.setattr(local, "_BLOCKS", 4)
    path = tmp_path / "weights.gguf"

    def digest(content):
        path.write_bytes(content)
        return local._digest_sample(path)

    content = bytes(range(100))
    known = digest(content)
    assert digest(content) == known
    assert digest(content + b"x") != known
    for at in (0, 25, 53, 75):
        assert digest(content[:at] + b"!" + content[at + 1 :]) != known


def test_a_name_on_the_hub_is_known_by_its_commit(tmp_path, monkeypatch, base):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    repo, commit = tmp_path / "models--someone--tiny", "0" * 39 + "7"
    (repo / "refs").mkdir(parents=True)
    (repo / "refs" / "main").write_text(commit)
    shutil.copytree(base, repo / "snapshots" / commit)
    model = LocalModel("someone/tiny", device="cpu")
    assert dict(model.key) == {"model": "someone/tiny", "weights": commit, "dtype": "float32"}


@pytest.mark.parametrize("name", ["someone/not-there", "not a name", "missing.gguf"])
def test_a_model_that_cannot_be_found_is_told_in_a_sentence(name):
    model = LocalModel(name)
    for use in (lambda: list(model.answer([PROMPT])), lambda: model.key):
        with pytest.raises(ModelError, match=f"^{name} cannot be loaded .*; give a folder") as told:
            use()
        assert "\n" not in str(told.value)


@pytest.mark.parametrize("file", ["model.safetensors", "config.json"])
def test_damaged_files_are_told_in_a_sentence(tmp_path, file):
    folder = save(tmp_path / "model")
    path = tmp_path / "model" / file
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ModelError, match="cannot be loaded") as told:
        list(LocalModel(folder).answer([PROMPT]))
    assert "\n" not in str(told.value)


def test_a_file_that_is_no_gguf_file_is_told_in_a_sentence(tmp_path):
    path = tmp_path / "model.gguf"
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(ModelError, match=r"model\.gguf cannot be loaded"):
        list(LocalModel(str(path)).answer([PROMPT]))


@pytest.mark.parametrize("package", ["gguf", "accelerate"])
def test_a_package_that_gguf_files_need_is_named(tmp_path, monkeypatch, package):
    path = tmp_path / "model.gguf"
    path.write_bytes(b"GGUF")
    monkeypatch.setattr(local, "find_spec", lambda name: None if name == package else name)
    with pytest.raises(DependencyError, match=f"the package {package}, which is not installed"):
        list(LocalModel(str(path)).answer([PROMPT]))


def test_too_little_memory_is_told_in_a_sentence(base, monkeypatch):
    def exhaust(*_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(LlamaForCausalLM, "forward", exhaust)
    with pytest.raises(ModelError, match=r"memory of cpu is too small .* smaller batch_size"):
        list(LocalModel(base, device="cpu").answer([PROMPT]))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_a_gpu_is_taken_where_there_is_one_and_computes_in_bfloat16(folder):
    model = LocalModel(folder)
    prompts = prompts_of_many_lengths()
    assert model.key["dtype"] == "bfloat16"
    assert sorted(index for index, _ in model.answer(prompts)) == list(range(len(prompts)))
    assert next(model._network.parameters()).device.type == "cuda"


def test_options_out_of_range_are_refused(base):
    with pytest.raises(OptionError, match="batch_size is 0"):
        LocalModel(base, batch_size=0)
    with pytest.raises(OptionError, match="device='nowhere'"):
        LocalModel(base, device="nowhere")
