"""Simulate studies whose truth is known: how often intervals cover it, how much is found wrongly.

    python scripts/simulate_findings.py [--corpora 200] [--participants 240] [--out FILE.csv]

Every corpus is the demo corpus of another seed (four arms, people with habits of their own, three
conversations each), coded by what was planted in it; no embedding takes part. Each is asked the
questions of a paper, with people as clusters. The truth is the mean over all corpora together, or
zero where the design says so.

question        what was asked; "nothing" are questions to which the answer is that nothing differs
estimates       of a corpus: sub-categories, times groups
covered         share of the 95% intervals that hold the truth, over all estimates
least, most     the same for the estimate that is covered least, and most often
p05             share of the p-values below .05 where nothing differs
fdr             mean share of false ones among the findings (q < .05) of a corpus; none found is 0
power           share of the true differences of at least 5 points that are found (q < .05)
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from saeidioms.corpus.corpus import Corpus
from saeidioms.corpus.demo import demo_corpus, planted_rates, planted_units
from saeidioms.findings.change import difference_in_differences, within
from saeidioms.findings.models import model
from saeidioms.findings.permuted import permute
from saeidioms.taxonomy.coded import CodedMessages
from saeidioms.taxonomy.coding import Codes
from saeidioms.taxonomy.comparison import compare
from saeidioms.taxonomy.distribution import Distribution, distribute
from saeidioms.taxonomy.taxonomy import Taxonomy

TAXONOMY = Taxonomy.read("empathy")
PERSON = {"cluster": "participant_id"}
TIMES = {"time": "time", "before": "before", "after": "after"}
ARMS = {"by": "arm", "baseline": "control"}
N_BOOT = 1000
LARGE = 5.0  # percentage points
KEY = ["question", "group", "sub_category"]


@dataclass(frozen=True)
class Study:
    """A demo corpus of supporters' messages, coded by what was planted in them."""

    corpus: Corpus
    codes: Codes

    @classmethod
    def of(cls, seed: int, participants: int) -> Study:
        """Generate the study of a seed."""
        corpus = demo_corpus(seed, participants).where(role="supporter")
        units = planted_units(corpus).drop(columns="idiom").drop_duplicates()
        return cls(corpus, Codes(units.assign(strength=1.0), corpus.messages()))

    def at(self, time: str) -> Study:
        """Return the part of one time."""
        corpus = self.corpus.where(time=time)
        units = self.codes.units[self.codes.units["unit_id"].isin(corpus.ids)]
        return Study(corpus, Codes(units, corpus.messages()))

    @property
    def coded(self) -> CodedMessages:
        """The messages and what they hold."""
        return CodedMessages.join(self.corpus, self.codes, TAXONOMY)

    @property
    def counted(self) -> Distribution:
        """Messages counted by conversation."""
        return distribute(self.corpus, self.codes, TAXONOMY)


def shares(study: Study, seed: int) -> pd.DataFrame:
    """Return all shares, in points, so that one table holds everything."""
    table = study.counted.shares(**PERSON, n_boot=N_BOOT, seed=seed)
    points = {"difference": "share", "low": "low", "high": "high"}
    percent = {name: 100 * table[column] for name, column in points.items()}
    return table.assign(**percent, group="all", p=np.nan, q=np.nan)


def arms(study: Study, seed: int) -> pd.DataFrame:
    """Compare the arms' shares by the cluster bootstrap."""
    return compare(study.counted, **ARMS, **PERSON, n_boot=N_BOOT, seed=seed)


def linear_model(study: Study, seed: int) -> pd.DataFrame:
    """Compare them by a regression."""
    table = model(study.coded, "C(arm, Treatment('control'))", **PERSON)
    return table.assign(group=table["term"].str.extract(r"\[T?\.?(\w+)\]", expand=False))


def permuted(study: Study, seed: int) -> pd.DataFrame:
    """Compare them by permutation, which gives no intervals."""
    table = permute(study.coded, **ARMS, **PERSON, n_permutations=N_BOOT, seed=seed)
    return table.assign(low=np.nan, high=np.nan)


def change(study: Study, seed: int) -> pd.DataFrame:
    """Compare people with themselves."""
    return within(study.coded, **TIMES, by="arm").rename(columns={"arm": "group"})


def differences(study: Study, seed: int) -> pd.DataFrame:
    """Compare the arms' changes with the control arm's."""
    asked = {**TIMES, **ARMS, **PERSON, "n_boot": N_BOOT, "seed": seed}
    return difference_in_differences(study.coded, **asked)


QUESTIONS: dict[str, Callable[[Study, int], pd.DataFrame]] = {
    "shares": shares,
    "arms, after": lambda study, seed: arms(study.at("after"), seed),
    "arms, after (linear model)": lambda study, seed: linear_model(study.at("after"), seed),
    "change within people": change,
    "difference in differences": differences,
    "nothing: arms, before": lambda study, seed: arms(study.at("before"), seed),
    "nothing: arms, before (permuted)": lambda study, seed: permuted(study.at("before"), seed),
}


def answers(seed: int, participants: int) -> pd.DataFrame:
    """Return what one corpus answers to every question, a row an estimate."""
    study = Study.of(seed, participants)
    parts = []
    for question, ask in QUESTIONS.items():
        table = ask(study, seed)
        table = table[table["level"] == "sub_category"]
        kept = table[["group", "sub_category", "difference", "low", "high", "p", "q"]]
        parts.append(kept.assign(question=question, seed=seed))
    return pd.concat(parts, ignore_index=True)


def unchanged() -> pd.DataFrame:
    """Return which changes the design does not plant: ``group, sub_category``."""
    rates = planted_rates().groupby(["arm", "sub_category", "time"])["share"].sum().unstack()
    still = (rates["after"] - rates["before"]).abs() < 1e-9
    return still[still].index.to_frame(index=False).rename(columns={"arm": "group"})


def summarise(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the table that is printed, from the answers of all corpora."""
    rows = rows.merge(unchanged().assign(still=True), "left", on=["group", "sub_category"])
    # The control arm does not change, so an arm differs from it where the arm changes.
    planted_nothing = rows["still"].eq(True) & (rows["question"] != "shares")
    rows["null"] = rows["question"].str.startswith("nothing") | planted_nothing
    truth = rows.groupby(KEY)["difference"].transform("mean").mask(rows["null"], 0.0)
    rows["covered"] = (rows["low"] <= truth) & (truth <= rows["high"])
    rows["found"], rows["large"] = rows["q"] < 0.05, truth.abs() >= LARGE
    table = []
    for question, own in rows.groupby("question", sort=False):
        each = own.groupby(KEY)["covered"].mean()
        known = own["low"].notna().any()
        false = (own["found"] & own["null"]).groupby(own["seed"]).sum()
        findings = own["found"].groupby(own["seed"]).sum()
        tested = own["p"].notna().any()
        large = own[own["large"] & ~own["null"]]
        table.append(
            {
                "question": question,
                "estimates": len(each),
                "covered": own["covered"].mean() if known else np.nan,
                "least": each.min() if known else np.nan,
                "most": each.max() if known else np.nan,
                "p05": (own.loc[own["null"], "p"] < 0.05).mean() if tested else np.nan,
                "fdr": (false / findings.clip(lower=1)).mean() if tested else np.nan,
                "power": large["found"].mean() if tested and len(large) else np.nan,
            }
        )
    return pd.DataFrame(table)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpora", type=int, default=200)
    parser.add_argument("--participants", type=int, default=240)
    parser.add_argument("--out", type=Path, metavar="FILE.csv", help="write the table there too")
    options = parser.parse_args()
    seeds = range(1, options.corpora + 1)
    ask = partial(answers, participants=options.participants)
    with ProcessPoolExecutor() as pool:
        parts = list(tqdm(pool.map(ask, seeds), "corpora", total=len(seeds), disable=None))
    table = summarise(pd.concat(parts, ignore_index=True))
    print(table.round(3).to_string(index=False))
    if options.out:
        table.to_csv(options.out, index=False)


if __name__ == "__main__":
    main()
