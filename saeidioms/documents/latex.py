r"""Blocks as LaTeX: longtables with the rules of booktabs, for pdfLaTeX, XeLaTeX and LuaLaTeX."""

from __future__ import annotations

import re
import unicodedata

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
    "€": r"\texteuro{}",
}
_LIGATURES = re.compile(r"([-',])(?=\1)|([?!])(?=\\textasciigrave)")
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
\usepackage{array}
\usepackage{booktabs}
\usepackage{longtable}
\usepackage{caption}
% A character beyond European letters: itself where engine and font have it, or else its number.
\newcommand{\Unicode}[1]{\texttt{{[}U+#1{]}}}
\ifPDFTeX\else
  \renewcommand{\Unicode}[1]{\iffontchar\font"#1 \char"#1 \else\texttt{{[}U+#1{]}}\fi}
\fi
\setlength{\parindent}{0pt}
\setlength{\parskip}{0.4em}
\sloppy
\begin{document}
% ----------------------------------------------------------------------------------------------
"""
_END = r"""
% ----------------------------------------------------------------------------------------------
\end{document}
"""


def write_latex(blocks: tuple[Block, ...]) -> str:
    """Return clean blocks as a whole LaTeX file, in which no text has commands of its own."""
    return _PREAMBLE + "\n\n".join(_block(block) for block in blocks) + _END


def escape(text: str) -> str:
    r"""Return a text of one line as LaTeX that prints it.

    What the fonts of pdfLaTeX lack becomes ``\Unicode{...}``, which the preamble defines.

    Examples
    --------
    >>> print(escape("50% & \\input{x} 🙂"))
    50\% \& \textbackslash{}input\{x\} \Unicode{1F642}
    """
    characters = unicodedata.normalize("NFC", text)
    return _LIGATURES.sub(r"\g<0>{}", "".join(map(_character, characters)))


def _character(one: str) -> str:
    if one in _MACROS:
        return _MACROS[one]
    if one.isascii() or ("\u00a1" <= one <= "\u017f" and one not in _BEYOND):
        return one
    if "\ufe00" <= one <= "\ufe0f":
        return ""  # asks for a coloured or a plain emoji, and has no form of its own
    return rf"\Unicode{{{ord(one):X}}}"


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
            *(_row(row) for row in table.rows),
            r"\end{longtable}}",
        ]
    )


def _row(cells: tuple[Line, ...]) -> str:
    own = " & ".join(r"\newline ".join(map(escape, lines(cell))) for cell in cells)
    return rf"{own} \\"
