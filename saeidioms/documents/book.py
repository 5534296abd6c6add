"""The printed codebook as it is, whatever the format: categories, sub-categories, features."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Estimate:
    """A number with its interval; NaN where it is not known."""

    value: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")

    def __bool__(self) -> bool:
        """Tell whether it is known."""
        return self.value == self.value


@dataclass(frozen=True)
class Prevalence:
    """The share (0 to 1) of messages that hold something, and how many they are."""

    share: Estimate
    count: int


@dataclass(frozen=True)
class Agreement:
    """What people say of a code: among each other, and of the tool's codes.

    Attributes
    ----------
    coders
        Krippendorff's alpha of those who coded features.
    n
        Features that two of them coded.
    precision, recall, f1, kappa
        Of the tool's strongest code of units, by a sample that people coded.
    """

    coders: Estimate = field(default_factory=Estimate)
    n: int = 0
    precision: Estimate = field(default_factory=Estimate)
    recall: Estimate = field(default_factory=Estimate)
    f1: Estimate = field(default_factory=Estimate)
    kappa: Estimate = field(default_factory=Estimate)


@dataclass(frozen=True)
class Idiom:
    """A phrase, and how many units of how many conversations hold it."""

    phrase: str
    units: int
    conversations: int


@dataclass(frozen=True)
class Feature:
    """A feature of a sub-category.

    Attributes
    ----------
    number, label, idioms, examples
        What it is known by; the most telling idioms first, examples from strong to typical.
    by_people
        Whether a person put it into its sub-category.
    confidence
        Of its place, 0 to 1.
    density
        Share of the units that it fires on.
    fidelity
        Balanced accuracy with which its label tells where it fires; 0.5 is chance.
    stability
        Mean cosine with the same feature of other seeds; NaN where there is one seed.
    """

    number: int
    label: str
    idioms: tuple[str, ...]
    examples: tuple[str, ...]
    by_people: bool
    confidence: float
    density: float
    fidelity: Estimate
    stability: float


@dataclass(frozen=True)
class SubCategory:
    """A sub-category with all that was found of it."""

    name: str
    definition: str
    include: tuple[str, ...]
    exclude: tuple[str, ...]
    prevalence: Prevalence
    agreement: Agreement
    features: tuple[Feature, ...]
    idioms: tuple[Idiom, ...]
    examples: tuple[str, ...]
    doubtful: bool = False  # rests on no faithful feature


@dataclass(frozen=True)
class Category:
    """A category and its sub-categories, in the taxonomy's order."""

    name: str
    definition: str
    prevalence: Prevalence
    agreement: Agreement
    sub_categories: tuple[SubCategory, ...]


@dataclass(frozen=True)
class Rest:
    """Features that belong to no sub-category: of a group outside of all, or of none."""

    name: str
    definition: str
    features: int


@dataclass(frozen=True)
class Book:
    """A codebook to print.

    Attributes
    ----------
    title
        Heading of the document.
    notice
        What is to be read first; "" where there is nothing.
    method
        A paragraph to paste into a paper.
    words
        What was done with participants' words, in one sentence.
    facts
        What it was made from, and with: (name, value).
    level
        Of the intervals of shares, such as 0.95.
    categories, uncoded, rest
        The codebook itself; messages that hold none of it; features that belong to none.
    overall
        Agreement over all sub-categories.
    """

    title: str
    notice: str
    method: str
    words: str
    facts: tuple[tuple[str, str], ...]
    level: float
    categories: tuple[Category, ...]
    uncoded: Prevalence
    rest: tuple[Rest, ...]
    overall: Agreement
