"""The codebook of a real run: its numbers are the run's, and words are kept as was asked."""

import io
import json
import shutil

import pandas as pd
import pytest
from docx import Document

from saeidioms import cli
from saeidioms.documents.collect import collect
from saeidioms.documents.words import SEVERAL, WITHHELD, Words, quoted
from saeidioms.documents.write import write_codebook
from saeidioms.errors import OptionError
from saeidioms.pipeline import resume, start_applied
from saeidioms.report.explorer import shorten
from saeidioms.run import Run, read_shares

SECRETS = ("Zebulon", "zeb@example.org", "1234567")
FILES = ["codebook.docx", "codebook.html", "codebook.md", "codebook.tex"]


def everything(folder):
    """All that a reader of the documents could find in them."""
    texts = [(folder / name).read_text(encoding="utf-8") for name in FILES[1:]]
    document = Document(io.BytesIO((folder / FILES[0]).read_bytes()))
    texts += [paragraph.text for paragraph in document.paragraphs]
    texts += [cell.text for table in document.tables for row in table.rows for cell in row.cells]
    return "\n".join(texts)


def stopped(capsys, *arguments):
    """Run a command that must fail; return its one sentence."""
    with pytest.raises(SystemExit) as caught:
        cli.main([str(argument) for argument in arguments])
    assert caught.value.code == 2
    return capsys.readouterr().err


def test_the_verb_writes_four_files_and_makes_no_stage_again(copy, capsys):
    stages = {path: path.stat().st_mtime_ns for path in copy.glob("*/manifest.json")}
    cli.main(["codebook", str(copy)])
    said = capsys.readouterr().out
    folder = copy / "documents"
    assert sorted(path.name for path in folder.iterdir()) == FILES
    assert all(str(folder / name) in said for name in FILES)
    assert {path: path.stat().st_mtime_ns for path in copy.glob("*/manifest.json")} == stages
    assert "zeb@example.org" in everything(folder)


def test_the_verb_still_makes_the_stage_anew_by_its_options(copy):
    before = Run(copy).codebook.table
    cli.main(["codebook", str(copy), "--min-confidence", "0.9", "--format", "md"])
    after = Run(copy).codebook.table
    assert (after["sub_category"] != "").sum() < (before["sub_category"] != "").sum()
    assert [path.name for path in (copy / "documents").iterdir()] == ["codebook.md"]
    assert "confidence of at least 0.9" in (copy / "documents" / "codebook.md").read_text("utf-8")


UNNAMED = {"category": "", "sub_category": ""}


def test_shares_intervals_and_counts_are_the_runs_own(finished):
    run = Run(finished)
    book = collect(run, Words.of(run, "shown"))
    shares = read_shares(run).fillna(UNNAMED).set_index(["level", "category", "sub_category"])
    seen = 0
    for category in book.categories:
        rows = [(("category", category.name, ""), category.prevalence)]
        rows += [
            (("sub_category", category.name, sub.name), sub.prevalence)
            for sub in category.sub_categories
        ]
        for place, found in rows:
            row = shares.loc[place]
            assert found.count == row["count"]
            assert (found.share.value, found.share.low, found.share.high) == (
                *(row["share"], row["low"], row["high"]),
            )
            seen += 1
    assert seen == len(shares) - 1
    assert book.uncoded.share.value == shares.loc[("uncoded", "", "")]["share"]


def test_the_printed_overview_shows_the_runs_shares(copy):
    write_codebook(resume(copy), ["docx"])
    document = Document(io.BytesIO((copy / "documents" / "codebook.docx").read_bytes()))
    rows = [[cell.text for cell in row.cells] for row in document.tables[1].rows]
    printed = {(row[1] or row[0]).removesuffix(" †"): row for row in rows[1:]}
    for row in read_shares(Run(copy)).fillna(UNNAMED).to_dict("records"):
        name = row["sub_category"] or row["category"] or "none of these"
        assert printed[name][4] == f"{row['count']:,}"
        if row["share"] >= 0.01:
            assert printed[name][2] == f"{100 * row['share']:.1f}%"
            assert printed[name][3] == f"[{100 * row['low']:.1f}%, {100 * row['high']:.1f}%]"


def test_every_assigned_feature_is_there_once_with_its_figures(finished):
    run = Run(finished)
    book = collect(run, Words.of(run, "shown"))
    table = run.features.table.set_index("feature")
    fidelity = run.fidelity.drop_duplicates("feature", keep="last").set_index("feature")
    subs = [sub for category in book.categories for sub in category.sub_categories]
    seen = [(sub.name, one) for sub in subs for one in sub.features]
    assigned = table.index[table["sub_category"] != ""]
    assert sorted(one.number for _, one in seen) == sorted(assigned)
    for name, one in seen:
        row = table.loc[one.number]
        assert (name, one.label) == (row["sub_category"], shorten(row["label"], 120))
        assert (one.density, one.stability) == (row["density"], row["stability"])
        judged = fidelity.loc[one.number]
        if one.fidelity:
            assert one.fidelity.low == judged["detection_low"]
            assert one.fidelity.value == judged["detection"] == row["fidelity"]
    assert sum(rest.features for rest in book.rest) + len(seen) == len(table)


def test_examples_are_of_their_sub_category_and_of_different_conversations(finished):
    run = Run(finished)
    book = collect(run, Words.of(run, "shown"), n_examples=3)
    coded = run.codes.units.merge(run.corpus.table, on="unit_id")
    coded["text"] = [shorten(text, 300) for text in coded["text"]]
    for category in book.categories:
        for sub in category.sub_categories:
            own = coded[coded["sub_category"] == sub.name]
            assert len(sub.examples) <= 3
            assert set(sub.examples) <= set(own["text"])
            assert len({text.casefold() for text in sub.examples}) == len(sub.examples)
            if len(own):
                assert (
                    own["strength"].max()
                    in own.loc[own["text"] == sub.examples[0], "strength"].tolist()
                )


def test_masked_words_hold_no_address_and_no_name_that_was_given(copy):
    paths = write_codebook(resume(copy), words="masked", names=["name"])
    said = everything(paths[0].parent)
    assert not [secret for secret in SECRETS if secret.casefold() in said.casefold()]
    assert "[EMAIL" in said
    assert "[USER" in said
    assert "names of users (1 are known) are masked" in said


def test_omitted_words_are_only_what_several_people_say(copy):
    paths = write_codebook(resume(copy), words="omitted", names=["name"])
    said = everything(paths[0].parent)
    assert not [secret for secret in SECRETS if secret.casefold() in said.casefold()]
    run = Run(copy)
    book = collect(run, Words.of(run, "omitted", ["name"]))
    texts = run.corpus.table.assign(text=run.corpus.table["text"].str.casefold())
    subs = [sub for category in book.categories for sub in category.sub_categories]
    phrases = {one.phrase for sub in subs for one in sub.idioms}
    phrases |= {phrase for sub in subs for one in sub.features for phrase in one.idioms}
    assert phrases
    for phrase in (one for one in phrases if one.isascii() and one.replace(" ", "").isalpha()):
        holding = texts["text"].str.contains(phrase.casefold(), regex=False)
        assert texts.loc[holding, "participant_id"].nunique() >= SEVERAL, phrase
    assert not [sub for sub in subs if sub.examples]
    assert not [one for sub in subs for one in sub.features if one.examples]


def test_a_phrase_of_one_person_is_withheld_however_often_it_is_said():
    words = Words("omitted", "participant_id", people={"my secret spot": 1, "so sorry": SEVERAL})
    assert words.label('"so sorry"', "offline") == '"so sorry"'
    assert words.label('asks: "so sorry" / "my secret spot"', "offline") == WITHHELD
    assert words.label('"a label by a person" is kept', "a person").startswith('"a label')
    assert not words.allow("never counted")
    assert words.examples(["anything"], 5) == ()


def test_what_a_label_quotes_is_found():
    assert quoted('asks: "have you tried" / "calling a recruiter"') == [
        *("have you tried", "calling a recruiter"),
    ]
    assert quoted("asks about: job, :(, news") == ["job", ":(", "news"]
    assert quoted('like: "one two three…"') == ["one two three"]
    assert quoted('"what I hear", about: news') == ["what I hear", "news"]


def test_masked_examples_that_become_the_same_stand_there_once():
    words = Words("masked", "conversation_id")
    texts = ["Mail a@b.org!", "mail c@d.org!", "Mail e@f.org, please."]
    assert words.examples(texts, 3) == ("Mail [EMAIL]!", "Mail [EMAIL], please.")


def test_an_idiom_of_a_megabyte_is_cut(copy):
    path = copy / "features" / "idioms.csv"
    idioms = pd.read_csv(path, keep_default_na=False)
    table = Run(copy).codebook.table
    assigned = table.loc[table["sub_category"] != "", "feature"]
    first = idioms[idioms["feature"].isin(assigned)].drop_duplicates("feature").index[0]
    idioms.loc[first, "phrase"] = "<b>&|" * 200_000
    idioms.to_csv(path, index=False)
    run = Run(copy)
    book = collect(run, Words.of(run, "shown"))
    subs = [sub for category in book.categories for sub in category.sub_categories]
    shown = [phrase for sub in subs for one in sub.features for phrase in one.idioms]
    assert sum(phrase.startswith("<b>&|") for phrase in shown) == 1
    assert max(map(len, shown)) <= 120


def test_the_same_run_gives_the_same_bytes_wherever_it_lies(finished, tmp_path):
    written = []
    for name in ("here", "there"):
        folder = shutil.copytree(finished, tmp_path / name)
        paths = write_codebook(resume(folder))
        written.append([path.read_bytes() for path in paths])
    assert written[0] == written[1]
    assert str(tmp_path).encode() not in b"".join(written[0])


def test_the_method_tells_numbers_clusters_level_seed_and_version(copy):
    cli.main(["codebook", str(copy), "--format", "md", "--level", "0.9"])
    said = (copy / "documents" / "codebook.md").read_text(encoding="utf-8")
    run = Run(copy)
    row = read_shares(run).iloc[0]
    version = json.loads((copy / "run.json").read_text())["versions"]["saeidioms"]
    for part in (
        f"We analysed {row['n']:,} messages of the role “supporter”",
        "90% bootstrap intervals from 2,000 draws of whole clusters",
        f"({row['clusters']:,} by participant\\_id; seed 0)",
        f"saeidioms {version}",
        run.embeddings.encoder.weights,
        run.codebook.taxonomy.source,
        "labelled by rules",
        "| Category | Sub-category | Share | 90% interval |",
    ):
        assert part in said, part


def test_no_agreement_is_told_where_nobody_coded(copy):
    write_codebook(resume(copy), ["md"])
    said = (copy / "documents" / "codebook.md").read_text(encoding="utf-8")
    assert "No person coded what the tool coded." in said
    assert "Kappa" not in said


def test_an_applied_run_tells_that_its_dictionary_is_of_other_chats(copy, tmp_path):
    chats = copy.parent / "new.csv"
    table = pd.read_csv(Run(copy).record.source)
    table[table["participant_id"] > "P010"].to_csv(chats, index=False)
    new = tmp_path / "new"
    paths = write_codebook(start_applied(copy, chats, new, {}), ["md"])
    said = paths[0].read_text(encoding="utf-8")
    assert "encoded with a dictionary of other chats" in said
    assert f"Shares are of all {len(Run(new).codes.messages):,} messages" in said


@pytest.mark.parametrize(
    ("options", "mend"),
    [
        (["--n-examples", "-1"], "--n-examples is -1; give a whole number"),
        (["--words", "masked", "--names", "nme"], "names has nme, which is no column"),
        (["--names", "name"], "give --words masked"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_done_is_said_in_one_sentence(copy, capsys, options, mend):
    assert mend in stopped(capsys, "codebook", copy, *options)
    assert not (copy / "documents").exists()


@pytest.mark.parametrize("wrong", [{"formats": ["pdf"]}, {"words": "some"}])
def test_an_unknown_format_or_policy_is_refused_with_what_there_is(finished, wrong):
    with pytest.raises(OptionError, match=r"(md, html, docx, tex|shown, masked, omitted)\."):
        write_codebook(resume(finished), **wrong)
