r"""Blocks as LaTeX: longtables with the rules of booktabs, for pdfLaTeX, XeLaTeX and LuaLaTeX."""

from __future__ import annotations

import re
import unicodedata
from itertools import zip_longest

from saeidioms.documents.blocks import (
    Block,
    Bullets,
    Heading,
    Line,
    Paragraph,
    Phrases,
    Table,
    lines,
)

_SECTIONS = {1: "section*", 2: "subsection*", 3: "subsubsection*"}
_MACROS = {
    "\\": r"\textbackslash{}",
    **{one: rf"\{one}" for one in "{}#$%&_"},
    **{"~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "`": r"\textasciigrave{}"},
    **{"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': r"\textquotedbl{}"},
    # At the start of a row they would be an option of the line break before it.
    **{"[": "{[}", "]": "{]}", "*": "{*}"},
    **{"“": r"\textquotedblleft{}", "”": r"\textquotedblright{}", "‘": r"\textquoteleft{}"},
    **{"’": r"\textquoteright{}", "–": r"\textendash{}", "—": r"\textemdash{}"},
    **{"…": r"\textellipsis{}", "•": r"\textbullet{}", "×": r"\texttimes{}", "÷": r"\textdiv{}"},
    **{"€": r"\texteuro{}", "†": r"\textdagger{}"},
}
_LIGATURES = re.compile(r"([-',])(?=\1)|([?!])(?=\\textasciigrave)")
_HEADED = 9  # lines of a page that a heading needs
_LONG_WORD = 24  # characters that any column holds
_PART = re.compile("[^-/._?&=:@]{1,16}[-/._?&=:@]*|[-/._?&=:@]{1,16}")  # of a longer word
# Letters that the font encoding T1 lacks.
_BEYOND = set("\u00ad\u0126\u0127\u0138\u013f\u0140\u0149\u0166\u0167\u017f")
_PREAMBLE = r"""%
% Compiles with pdfLaTeX, XeLaTeX and LuaLaTeX. To set it into a supplement of your own,
% copy the packages and \Unicode into its preamble, and what stands between the lines of dashes.
\documentclass[10pt]{article}
\usepackage[a4paper,landscape,margin=15mm]{geometry}
\usepackage{iftex}
\ifPDFTeX
  \usepackage[T1]{fontenc}
  \usepackage[utf8]{inputenc}
\fi
\usepackage{textcomp}
\IfFileExists{lmodern.sty}{\usepackage{lmodern}}{}% or else pdfLaTeX sets T1 in bitmaps
\usepackage{array}
\usepackage{booktabs}
\usepackage{longtable}
\usepackage{caption}
% A character beyond European letters: itself where engine and font have it, or else its number.
\newcommand{\Unicode}[1]{\texttt{{[}U+#1{]}}\allowbreak}
\ifPDFTeX\else
  \renewcommand{\Unicode}[1]{\iffontchar\font"#1 \char"#1 \else\texttt{{[}U+#1{]}}\fi\allowbreak}
\fi
% A new page where fewer lines than these are left.
\newcommand{\Room}[1]{\par
  \ifdim\dimexpr\pagegoal-\pagetotal\relax<#1\baselineskip \newpage\fi}
\setlength{\parindent}{0pt}
\setlength{\parskip}{0.4em}
\sloppy
\makeatletter\@beginparpenalty=10000 \makeatother % no list begins a page, apart from its name
\begin{document}
% ----------------------------------------------------------------------------------------------
"""
_END = r"""
% ----------------------------------------------------------------------------------------------
\end{document}
"""


def write_latex(blocks: tuple[Block, ...]) -> str:
    """Return clean blocks as a whole LaTeX file, in which no text has commands of its own."""
    written = [
        f"{_room(block, following)}{_block(block)}"
        for block, following in zip_longest(blocks, blocks[1:])
    ]
    return _PREAMBLE + "\n\n".join(written) + _END


def escape(text: str) -> str:
    r"""Return a text of one line as LaTeX that prints it.

    What the fonts of pdfLaTeX lack becomes ``\Unicode{...}``, which the preamble defines. Words too
    long for a column may be broken.

    Examples
    --------
    >>> print(escape("50% & \\input{x} 🙂"))
    50\% \& \textbackslash{}input\{x\} \Unicode{1F642}
    """
    words = unicodedata.normalize("NFC", text).split(" ")
    return " ".join(_LIGATURES.sub(r"\g<0>{}", _word(word)) for word in words)


def _word(word: str) -> str:
    if len(word) <= _LONG_WORD:
        return "".join(map(_character, word))
    return r"\allowbreak{}".join("".join(map(_character, part)) for part in _PART.findall(word))


def _character(one: str) -> str:
    if one in _MACROS:
        return _MACROS[one]
    if one.isascii() or ("\u00a1" <= one <= "\u017f" and one not in _BEYOND):
        return one
    if "\ufe00" <= one <= "\ufe0f":
        return ""  # asks for a coloured or a plain emoji, and has no form of its own
    return rf"\Unicode{{{ord(one):X}}}"


def _room(block: Block, following: Block | None) -> str:
    """Return what keeps a heading on the page of what it heads: a short table, or some lines."""
    if not isinstance(block, Heading) or block.level == 1:
        return ""
    rows = len(following.rows) if isinstance(following, Table) and following.short else 0
    return f"\\Room{{{_HEADED + rows}}}\n"


def _block(block: Block) -> str:
    match block:
        case Heading(text, level):
            return rf"\{_SECTIONS[level]}{{{escape(text)}}}"
        case Paragraph(text, lead):
            return f"{_lead(lead)}{escape(text)}"
        case Phrases(items, lead):
            said = (
                rf"\textquotedblleft{{}}{escape(one)}\textquotedblright{{}} {escape(number)}"
                for one, number in items
            )
            return _lead(lead) + "; ".join(said)
        case Bullets(items, lead, quoted):
            name = "quote" if quoted else "itemize"
            mark = "" if quoted else r"\item "
            end = "\n\n" if quoted else "\n"
            own = end.join(f"{mark}{escape(item)}" for item in items)
            return f"{_lead(lead)}\n\\begin{{{name}}}\n{own}\n\\end{{{name}}}"
        case Table():
            return _table(block)


def _lead(lead: str) -> str:
    return rf"\textbf{{{escape(lead)}:}} " if lead else ""


def _table(table: Table) -> str:
    columns = "\n".join(
        rf"  >{{\{'raggedleft' if column.number else 'raggedright'}\arraybackslash}}"
        rf"p{{\dimexpr {width:.4f}\linewidth-2\tabcolsep\relax}}"
        for column, width in zip(table.columns, table.widths, strict=True)
    )
    heads = _row(tuple(column.name for column in table.columns)) + "\n\\midrule\n"
    return "\n".join(
        [
            r"{\small\begin{longtable}{",
            columns,
            "}",
            rf"\caption*{{{escape(table.caption)}}}\\",
            r"\toprule",
            f"{heads if table.headed else ''}\\endhead",
            r"\bottomrule",
            r"\endfoot",
            *_rows(table),
            r"\end{longtable}}",
        ]
    )


def _rows(table: Table) -> list[str]:
    """Return the rows: short tables on one page, rows of several lines apart from each other."""
    if table.short:
        return [_row(row, r"\\*") for row in table.rows]
    return [_row(row, r"\\ \addlinespace") for row in table.rows]


def _row(cells: tuple[Line, ...], end: str = r"\\") -> str:
    own = " & ".join(r"\newline ".join(map(escape, lines(cell))) for cell in cells)
    return f"{own} {end}"
