"""The model card of a run: what the Hub reads, nothing of the corpus, and what push sends."""

import re

import pytest
import yaml
from huggingface_hub import ModelCard

import saeidioms as si
from saeidioms import cli
from saeidioms.documents.card import write_card
from saeidioms.errors import ArtifactError, OptionError
from saeidioms.pipeline import resume
from saeidioms.run import Run


def test_the_verb_writes_a_card_whose_first_lines_the_hub_reads(copy, capsys):
    cli.main(["card", str(copy), "--repo", "me/mine", "--license", "cc-by-4.0"])
    path = copy / "documents" / "model_card.md"
    said = capsys.readouterr().out
    assert str(path) in said
    assert 'sae, "me/mine", card=' in said
    data = ModelCard.load(path).data
    assert (data.library_name, data.license) == ("saeidioms", "cc-by-4.0")
    assert "sparse-autoencoder" in data.tags


def test_a_card_tells_options_data_encoder_measures_and_how_to_load(copy):
    run = Run(copy)
    card = write_card(resume(copy), repo="me/mine").read_text(encoding="utf-8")
    for part in (
        'si.pull("me/mine")',
        run.embeddings.encoder.model,
        run.embeddings.encoder.weights,
        run.sae.digest_,
        "`n_features` 40",
        "`seed` 0",
        f"{len(run.corpus):,} units, each a sentence",
        f"| Explained variance of held-out rows | {run.sae.metrics_['explained_variance']:.3f} |",
        f"| Rows trained on | {run.sae.metrics_['n_train']:,} |",
        "Median stability over seeds",
        run.codebook.taxonomy.title,
        "## Intended use and limits",
    ):
        assert part in card, part


def test_a_card_holds_no_text_label_or_path_of_the_run_unless_asked(copy):
    run = Run(copy)
    card = write_card(resume(copy)).read_text(encoding="utf-8")
    phrases = [phrase for phrase in run.features.idioms["phrase"] if phrase.count(" ") > 2]
    assert phrases
    own = {sub.definition for sub in run.codebook.taxonomy.sub_categories}
    for text in (*phrases, *(t for t in run.corpus.texts if t.count(" ") > 3)):
        assert text not in card or any(text in definition for definition in own), text
    assert not [label for label in run.labelled.table["label"] if label in card]
    assert str(copy) not in card
    assert "chats.csv" not in card
    shown = write_card(resume(copy), words="shown").read_text(encoding="utf-8")
    assert sum(f'"{phrase}"' in shown for phrase in phrases) > 3
    masked = write_card(resume(copy), words="masked", names=["name"]).read_text(encoding="utf-8")
    assert "zebulon" not in masked.casefold()


def test_the_line_that_loads_works(copy, tmp_path, monkeypatch):
    run = Run(copy)
    path = write_card(resume(copy))
    monkeypatch.chdir(tmp_path)
    si.push(run.sae, "./dictionary", card=path)
    card = (tmp_path / "dictionary" / "README.md").read_text(encoding="utf-8")
    assert card == path.read_text(encoding="utf-8")
    code = re.search(r"```python\n(.*?)```", card, re.DOTALL)[1]
    names = {"texts": run.corpus.texts[:6].tolist()}
    exec(code, names)
    expected = run.activations.matrix[:6]
    assert abs(names["activations"] - expected).max() < 1e-4


def test_a_card_without_a_license_says_so(copy):
    card = write_card(resume(copy)).read_text(encoding="utf-8")
    assert "license" not in yaml.safe_load(card.split("---")[1])
    assert "None is stated yet" in card


def test_a_card_that_is_not_there_is_not_pushed(copy, tmp_path):
    with pytest.raises(ArtifactError, match="write one with `saeidioms card RUN`"):
        si.push(Run(copy).sae, tmp_path / "d", card=tmp_path / "none.md")
    assert not (tmp_path / "d").exists()


def test_the_dictionary_of_another_run_gets_its_card_there(copy, tmp_path):
    run = resume(copy)
    run.record.dictionary = "model"
    with pytest.raises(OptionError, match="is that of model; write its card there"):
        write_card(run)
