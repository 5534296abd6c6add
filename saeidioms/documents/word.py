"""Blocks as a document of Word (DOCX), by python-docx."""

from __future__ import annotations

import io
import zipfile
from datetime import datetime, timezone
from typing import Any

from docx import Document
from docx.enum.section import WD_ORIENT
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt, RGBColor

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
from saeidioms.progress import track

_DATE = datetime(2000, 1, 1, tzinfo=timezone.utc)  # in place of now, so that bytes repeat
_ZIPPED = (1980, 1, 1, 0, 0, 0)  # the first date that ZIP knows
_PAGE, _MARGIN = (Mm(297), Mm(210)), Mm(15)  # A4, landscape
_BODY, _SMALL = Pt(10), Pt(8.5)


def write_word(blocks: tuple[Block, ...]) -> bytes:
    """Return clean blocks as the bytes of a DOCX file; the same blocks give the same bytes."""
    document = Document()
    _set_up(document)
    for block in blocks:
        _add(document, block)
    title = next((block.text for block in blocks if isinstance(block, Heading)), "")
    about = document.core_properties
    about.title, about.author, about.comments = title[:255], "saeidioms", ""
    about.created = about.modified = _DATE
    written = io.BytesIO()
    document.save(written)
    return _timeless(written)


def _set_up(document: Any) -> None:
    section = document.sections[0]
    section.orientation = WD_ORIENT.LANDSCAPE
    section.page_width, section.page_height = _PAGE
    for side in ("left", "right", "top", "bottom"):
        setattr(section, f"{side}_margin", _MARGIN)
    document.styles["Normal"].font.size = _BODY
    document.styles["Normal"].paragraph_format.space_after = Pt(4)
    for name in ("Title", "Heading 1", "Heading 2", "Caption"):
        document.styles[name].font.color.rgb = RGBColor(0, 0, 0)


def _add(document: Any, block: Block) -> None:
    match block:
        case Heading(text, level):
            document.add_heading(text, level - 1)
        case Paragraph(text, lead):
            _lead(document.add_paragraph(), lead).add_run(text)
        case Phrases(items, lead):
            said = "; ".join(f"“{phrase}” {number}" for phrase, number in items)
            _lead(document.add_paragraph(), lead).add_run(said)
        case Bullets(items, lead, quoted):
            opening = _lead(document.add_paragraph(), lead)
            opening.paragraph_format.keep_with_next = True
            for item in items:
                document.add_paragraph(item, style="Quote" if quoted else "List Bullet")
        case Table():
            _add_table(document, block)


def _lead(paragraph: Any, lead: str) -> Any:
    if lead:
        paragraph.add_run(f"{lead}: ").bold = True
    return paragraph


def _add_table(document: Any, block: Table) -> None:
    document.add_paragraph(block.caption, style="Caption").paragraph_format.keep_with_next = True
    headed = int(block.headed)
    table = document.add_table(rows=headed + len(block.rows), cols=len(block.columns))
    table.style, table.alignment, table.autofit = "Light Shading", WD_TABLE_ALIGNMENT.LEFT, False
    _plain(table, headed=bool(headed))
    room = _PAGE[0] - 2 * _MARGIN
    widths = [int(room * part) for part in block.widths]
    for column, width in zip(table.columns, widths, strict=True):
        column.width = width
    rows = [tuple(column.name for column in block.columns)] * headed + list(block.rows)
    # Every look at table.cell or table.rows walks the whole table anew.
    for number, (row, cells) in enumerate(
        zip(track(list(table.rows), "table for Word"), rows, strict=True)
    ):
        _keep_whole(row, repeated=number < headed)
        together = block.short and number < headed + len(block.rows) - 1
        for cell, said, column, width in zip(row.cells, cells, block.columns, widths, strict=True):
            cell.width = width
            _fill(cell, said, right=column.number, bold=number < headed)
            for paragraph in cell.paragraphs:
                paragraph.paragraph_format.keep_with_next = together
            if not block.short:  # rows of several lines, apart from each other
                cell.paragraphs[-1].paragraph_format.space_after = Pt(5)
    document.add_paragraph().paragraph_format.space_after = Pt(0)


def _fill(cell: Any, said: Line, *, right: bool, bold: bool) -> None:
    for number, line in enumerate(lines(said) or ("",)):
        paragraph = cell.paragraphs[0] if number == 0 else cell.add_paragraph()
        paragraph.paragraph_format.space_after = Pt(1)
        if right:
            paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT
        run = paragraph.add_run(line)
        run.font.size, run.bold = _SMALL, bold


def _plain(table: Any, *, headed: bool) -> None:
    """Leave off what the style does to first and last rows and columns."""
    look = table._tbl.tblPr.find(qn("w:tblLook"))
    bits = {"firstRow": headed, "lastRow": False, "firstColumn": False, "lastColumn": False}
    bits |= {"noHBand": True, "noVBand": True}
    for name, value in bits.items():
        look.set(qn(f"w:{name}"), str(int(value)))
    # The same for programs that read it as one number, of which firstRow is the sixth bit.
    number = sum(int(value) << place for place, value in enumerate(bits.values(), start=5))
    look.set(qn("w:val"), f"{number:04X}")


def _keep_whole(row: Any, *, repeated: bool) -> None:
    """Keep a row on one page; a heading is repeated on each."""
    properties = row._tr.get_or_add_trPr()
    properties.append(OxmlElement("w:cantSplit"))
    if repeated:
        properties.append(OxmlElement("w:tblHeader"))


def _timeless(written: io.BytesIO) -> bytes:
    """Return a ZIP file with the date of each of its files set to one that never changes."""
    kept = io.BytesIO()
    with zipfile.ZipFile(written) as old, zipfile.ZipFile(kept, "w") as new:
        for name in old.namelist():
            entry = zipfile.ZipInfo(name, _ZIPPED)
            entry.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(entry, old.read(name))
    return kept.getvalue()
