"""The order in which a codebook is printed, and what its tables hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from statistics import median

from saeidioms.display import percent
from saeidioms.documents.blocks import (
    Block,
    Bullets,
    Column,
    Heading,
    Paragraph,
    Phrases,
    Table,
    cleaned,
)
from saeidioms.documents.book import Agreement, Book, Category, Estimate, Feature, SubCategory
from saeidioms.taxonomy.grounds import MARK, SENTENCE

NOTHING = "–"
_LEGEND = (
    "“fires on” is the share of units; “place” the confidence, 0 to 1, with which the feature was "
    "put into its sub-category; “fidelity” is told of above; “stability”, where there were several "
    "seeds, is the mean cosine of the feature with its likes in the trainings of each. Idioms of a "
    "feature are the phrases that set its units apart most, examples its strongest units and "
    "typical ones. Examples of a sub-category go in even steps from the unit coded most strongly "
    "to the median."
)
_FIGURES: tuple[tuple[str, Callable[[Agreement], Estimate]], ...] = (
    ("Coders’ alpha", lambda found: found.coders),
    ("Precision", lambda found: found.precision),
    ("Recall", lambda found: found.recall),
    ("F1", lambda found: found.f1),
    ("Kappa", lambda found: found.kappa),
)


def lay_out(book: Book) -> tuple[Block, ...]:
    """Return a codebook as blocks, their texts clean."""
    return cleaned(_blocks(book))


def _blocks(book: Book) -> Iterator[Block]:
    yield Heading(book.title, 1)
    if book.notice:
        yield Paragraph(book.notice, "Notice")
    yield Heading("How it was made", 2)
    yield Paragraph(book.method)
    yield Paragraph(book.words)
    yield Table("What it was made from", (Column("", 2), Column("", 8)), book.facts)
    yield Heading("Overview", 2)
    yield _overview(book)
    if any(sub.doubtful for category in book.categories for sub in category.sub_categories):
        yield Paragraph(SENTENCE)
    yield Paragraph(_LEGEND, "Figures of features")
    yield from _agreement(book)
    for category in book.categories:
        yield Heading(category.name, 2)
        yield Paragraph(category.definition)
        yield Paragraph(_prevalence(category, book.level), "Prevalence")
        for sub in category.sub_categories:
            yield from _sub_category(sub, book.level)
    yield Heading("Features that belong to no sub-category", 2)
    rows = tuple((rest.name, rest.definition, f"{rest.features:,}") for rest in book.rest)
    columns = (Column("Group", 2), Column("Definition", 6), Column("Features", 1, True))
    yield Table("Groups outside of the sub-categories", columns, rows)


def _overview(book: Book) -> Table:
    """Return the table of all shares, categories above their own."""
    columns = (
        *(Column("Category", 2), Column("Sub-category", 3), Column("Share", 1, True)),
        Column(f"{100 * book.level:g}% interval", 2, True),
        *(Column("Messages", 1, True), Column("Features", 1, True)),
        Column("Median fidelity", 1, True),
    )
    rows: list[tuple[str, ...]] = []
    for category in book.categories:
        own = [feature for sub in category.sub_categories for feature in sub.features]
        rows.append((category.name, "", *_shares(category), *_features(own)))
        rows += [
            ("", _marked(sub), *_shares(sub), *_features(list(sub.features)))
            for sub in category.sub_categories
        ]
    share = book.uncoded.share
    rest = (percent(share.value), _interval(share, percent), f"{book.uncoded.count:,}", "", "")
    rows.append(("none of these", "", *rest))
    return Table("Share of messages that hold each sub-category", columns, tuple(rows))


def _marked(sub: SubCategory) -> str:
    return f"{sub.name} {MARK}" if sub.doubtful else sub.name


def _shares(thing: Category | SubCategory) -> tuple[str, ...]:
    share, count = thing.prevalence.share, thing.prevalence.count
    return percent(share.value), _interval(share, percent), f"{count:,}"


def _features(features: list[Feature]) -> tuple[str, ...]:
    known = [feature.fidelity.value for feature in features if feature.fidelity]
    return f"{len(features):,}", _number(median(known)) if known else NOTHING


def _agreement(book: Book) -> Iterator[Block]:
    """Yield the table of what people said, with the columns of which something is known."""
    places = [("all sub-categories", book.overall)]
    for category in book.categories:
        places.append((category.name, category.agreement))
        places += [
            (f"{category.name}: {sub.name}", sub.agreement) for sub in category.sub_categories
        ]
    known = [
        (name, figure) for name, figure in _FIGURES if any(figure(found) for _, found in places)
    ]
    if not known:
        yield Paragraph("No person coded what the tool coded.", "Agreement")
        return
    yield Paragraph(
        "Coders’ alpha is Krippendorff’s, among people who coded features. Precision, recall, F1 "
        "and kappa are of the tool’s strongest code of a unit, held to people’s word on a sample.",
        "Agreement",
    )
    rows = tuple(
        (name, *(_with_interval(figure(found)) for _, figure in known))
        for name, found in places
        if any(figure(found) for _, figure in known)
    )
    columns = (Column("", 3), *(Column(name, 2, True) for name, _ in known))
    yield Table("Agreement with people, and its interval", columns, rows)


def _sub_category(sub: SubCategory, level: float) -> Iterator[Block]:
    yield Heading(sub.name, 3)
    yield Paragraph(sub.definition, "Definition")
    if sub.include:
        yield Bullets(sub.include, "Counts")
    if sub.exclude:
        yield Bullets(sub.exclude, "Does not count")
    yield Paragraph(_prevalence(sub, level), "Prevalence")
    said = [
        f"{name} {_with_interval(figure(sub.agreement))}"
        for name, figure in _FIGURES
        if figure(sub.agreement)
    ]
    if said:
        yield Paragraph("; ".join(said), "Agreement")
    if sub.idioms:
        numbers = (f"({one.units:,} in {one.conversations:,})" for one in sub.idioms)
        yield Phrases(
            tuple(zip((one.phrase for one in sub.idioms), numbers, strict=True)),
            "Idioms (units, in so many conversations)",
        )
    if sub.examples:
        yield Bullets(sub.examples, "Examples", quoted=True)
    yield _feature_table(sub)


def _feature_table(sub: SubCategory) -> Block:
    if not sub.features:
        return Paragraph("no feature belongs to this sub-category.", "Features")
    shown: tuple[tuple[Column, Callable[[Feature], str | tuple[str, ...]]], ...] = (
        (Column("No.", 1, True), lambda one: str(one.number)),
        (Column("Label", 4), lambda one: one.label),
        (Column("Idioms", 4), lambda one: one.idioms),
        (Column("Examples", 5.6), lambda one: one.examples),
        (Column("Fires on", 1.5, True), lambda one: percent(one.density)),
        (Column("Place", 1.5, True), _place),
        (Column("Fidelity", 3, True), lambda one: _with_interval(one.fidelity)),
        (Column("Stability", 1.9, True), lambda one: _number(one.stability)),
    )
    # A column in which nothing is shown would only take the width of others.
    kept = [
        (column, cell)
        for column, cell in shown
        if any(cell(feature) not in ("", (), NOTHING) for feature in sub.features)
    ]
    rows = tuple(tuple(cell(feature) for _, cell in kept) for feature in sub.features)
    caption = f"Features of “{sub.name}”, the surest first"
    return Table(caption, tuple(column for column, _ in kept), rows)


def _place(feature: Feature) -> str:
    return "by people" if feature.by_people else _number(feature.confidence)


def _prevalence(thing: Category | SubCategory, level: float) -> str:
    share, count = thing.prevalence.share, thing.prevalence.count
    interval = _interval(share, percent)
    return f"{percent(share.value)} of messages ({count:,}); {100 * level:g}% interval {interval}."


def _with_interval(found: Estimate) -> str:
    """Return such as "0.61 [0.42, 0.80]"; a dash where nothing is known."""
    interval = _interval(found, _number)
    return f"{_number(found.value)} {interval}" if interval != NOTHING else _number(found.value)


def _interval(found: Estimate, shown: Callable[[float], str]) -> str:
    known = found.low == found.low and found.high == found.high
    return f"[{shown(found.low)}, {shown(found.high)}]" if known else NOTHING


def _number(value: float) -> str:
    return f"{value:.2f}" if value == value else NOTHING
