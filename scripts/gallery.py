"""Draw every chart of saeidioms.charts from a finished run, each above the line that makes it.

The page is looked at picture by picture before a release: in colour, in grey, and as someone sees
it who lacks the cones for red. Coders of the chart of agreement are simulated, and said to be.

    python scripts/gallery.py RUN --out FOLDER [--width-mm 180]
"""

from __future__ import annotations

import argparse
import base64
import html
import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

import saeidioms as si
from saeidioms import charts, findings
from saeidioms.analyses.corpora import use_of
from saeidioms.pipeline import resume
from saeidioms.progress import track
from saeidioms.run import Run
from saeidioms.seeds import generator

PEOPLE = 'cluster="participant_id"'
TIMES = 'time="time", before="before", after="after"'
# Name of a chart (and of its picture) -> the line that makes it, of the names in `_names`.
LINES = {
    "distribution": "charts.distribution(counted.shares(), taxonomy, idioms=run.lexicon)",
    "by_group": 'charts.by_group(counted.shares(by="arm"), taxonomy, by="arm")',
    "treemap": "charts.treemap(counted.shares(), taxonomy)",
    "idiom_bars": "charts.idiom_bars(run.lexicon, taxonomy)",
    "change": 'charts.change(changes, taxonomy, panel="arm", columns=2)',
    "dumbbell": 'charts.dumbbell(changes[changes["arm"] == "control"], taxonomy)',
    "forest": (
        f'charts.forest(findings.within(coded, {TIMES}, by="arm", {PEOPLE}), taxonomy, by="arm")'
    ),
    "forest-model": (
        f'charts.forest(findings.model(coded, "time + setting", {PEOPLE}), taxonomy, by="term")'
    ),
    "forest-permute": (
        f'charts.forest(findings.permute(late, by="arm", baseline="control", {PEOPLE}), taxonomy)'
    ),
    "forest-traits": (
        f'charts.forest(findings.traits(coded, "trait_empathy", {PEOPLE}), taxonomy, '
        'by=None, value="r", title="Correlation with trait_empathy", band=0.1)'
    ),
    "reliable_change": (
        f"charts.reliable_change(findings.reliable_change(coded, {TIMES}, "
        f'by="arm", baseline="control", {PEOPLE}).summary, taxonomy)'
    ),
    "power_curve": "charts.power_curve(planned.table, taxonomy, needed=planned.needed)",
    "effects": (
        'charts.effects(findings.predict(use, run.corpus, "trait_empathy").table, '
        'title="Difference of the mean trait_empathy")'
    ),
    "over_turns": (
        "charts.over_turns(findings.trajectory(coded).query(\"level == 'category'\"), taxonomy)"
    ),
    "lines": 'charts.lines(findings.trajectory(coded, by="time"), taxonomy, by="time")',
    "stacked_area": (
        'charts.stacked_area(findings.trajectory(coded, turns=8, by="time"), taxonomy, '
        'by="time", turns=True)'
    ),
    "templates": (
        "charts.templates(findings.find_templates(run.corpus, run.codes, taxonomy), taxonomy)"
    ),
    "template_use": (
        "charts.template_use(findings.template_use(run.corpus, run.codes, taxonomy, "
        "findings.find_templates(run.corpus, run.codes, taxonomy)['template'].head(10), "
        "by='arm'), by='arm')"
    ),
    "cooccurrence": "charts.cooccurrence(findings.cooccurrence(coded), taxonomy)",
    "transition_map": "charts.transition_map(follows, taxonomy)",
    "sankey": "charts.sankey(follows, taxonomy)",
    "feature_map": "charts.feature_map(run.features, run.codebook)",
    "frontier": "charts.frontier(si.sweep(run.embeddings, [32, 64, 128], [4, 8, 16]))",
    "expert_agreement": "charts.expert_agreement(simulated)",
}
# Machado, Oliveira and Fernandes 2009 (doi:10.1109/TVCG.2009.113): protanopia, on linear RGB
PROTANOPIA = np.array(
    [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ]
)
STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:72em;margin:2em auto;padding:0 1em}"
    "figure{margin:3em 0}img{width:100%;border:1px solid #ddd}"
    ".seen{display:grid;grid-template-columns:1fr 1fr;gap:1em}"
    "code{display:block;background:#f4f4f4;padding:.6em;white-space:pre-wrap}"
)


def main() -> None:
    """Read the command line, draw, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="run folder, such as of `saeidioms demo`")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--width-mm", type=float, default=charts.TWO_COLUMNS.width_mm)
    parser.add_argument("--only", nargs="+", choices=LINES, default=list(LINES), metavar="NAME")
    parsed = parser.parse_args()
    template = charts.Template(width_mm=parsed.width_mm)
    names = _names(resume(parsed.run))
    parts = []
    for name in track(parsed.only, "drawing", len(parsed.only)):
        figure = eval(LINES[name], names)
        path = charts.save(figure, parsed.out / f"{name}.png", template)
        parts.append(_part(name, path))
    page = f"<!doctype html><meta charset=utf-8><title>Charts</title><style>{STYLE}</style>"
    (parsed.out / "gallery.html").write_text(page + "".join(parts), encoding="utf-8")


def _names(run: Run) -> dict[str, Any]:
    """Return what the lines speak of."""
    counted, taxonomy = run.distribution(), run.codebook.taxonomy
    coded = si.CodedMessages.join(run.corpus, run.codes, taxonomy)
    times = {"by": "time", "baseline": "before"}
    made = {
        "si": si,
        "charts": charts,
        "findings": findings,
        "run": run,
        "counted": counted,
        "taxonomy": taxonomy,
        "coded": coded,
        "late": coded.where(coded.groups("time") == "after", "after"),
        "changes": si.compare(counted, **times, panel="arm", cluster="participant_id"),
        "follows": findings.transitions(run.corpus, run.codes, taxonomy).table,
        "planned": findings.power(
            coded, **times, difference=5, conversations=(80, 160, 320, 640, 1280, 2560)
        ),
        "use": use_of(run, run, "participant_id"),
        "simulated": _simulated(coded),
    }
    return made


def _simulated(coded: si.CodedMessages) -> pd.DataFrame:
    """Return the agreement of coders who take one message in so many for what it is not."""
    draw = generator(0, "gallery.coders")
    rows = draw.choice(len(coded), 150, replace=False)
    wrong = {"expert 1": 0.05, "expert 2": 0.08, "expert 3": 0.12, "model": 0.1, "crowd": 0.25}
    parts = []
    for column, dimension in enumerate(coded.outcomes["category"].unique()):
        holds = coded.indicators[rows, column]
        for coder, share in wrong.items():
            rating = np.where(draw.random(len(rows)) < share, ~holds, holds).astype(int)
            part = pd.DataFrame({"item": rows, "coder": coder, "rating": rating})
            parts.append(part.assign(dimension=dimension))
    experts = [name for name in wrong if name.startswith("expert")]
    others = {f"simulated {name}": [name] for name in ("model", "crowd")}
    return findings.expert_table(pd.concat(parts), experts=experts, others=others)


def _part(name: str, path: Path) -> str:
    """Return a picture with its line, and the picture as others see it."""
    image = Image.open(path).convert("RGB")
    seen = [_encoded(image.convert("L")), _encoded(_without_red(image))]
    return (
        f"<figure><h2>{name}</h2><img src='{_source(path.read_bytes())}' alt='{name}'>"
        f"<figcaption><code>{html.escape(LINES[name])}</code></figcaption>"
        f"<details><summary>In grey, and in protanopia</summary><div class=seen>"
        f"{''.join(f'<img src={_source(one)!r}>' for one in seen)}</div></details></figure>"
    )


def _without_red(image: Image.Image) -> Image.Image:
    rgb = np.asarray(image) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ PROTANOPIA.T, 0, 1)
    back = np.where(seen <= 0.0031308, seen * 12.92, 1.055 * seen ** (1 / 2.4) - 0.055)
    return Image.fromarray((255 * back).round().astype(np.uint8))


def _encoded(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.resize((image.width // 2, image.height // 2)).save(file, "png")
    return file.getvalue()


def _source(image: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(image).decode()}"


if __name__ == "__main__":
    main()
