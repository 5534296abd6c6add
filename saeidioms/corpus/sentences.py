"""Messages cut into sentences, as people write them in chats, without losing a character.

Wikimedia's `sentencex <https://github.com/wikimedia/sentencex>`_ knows abbreviations, brackets
and quotations, and was made for edited prose. It leaves together what chats keep apart by other
means, so a thin layer adds cuts after

* repeated marks before anything ("what?! yes", "oh no!! tell me", "oh no.. tell me", "...so"):
  of 45 ellipses before a small letter drawn from chats, 39 stood between two clauses;
* a mark without a space ("im sorry.what happened"), unless it is part of an address;
* words that are also abbreviations ("it scares me. I ...", "oh no. that ...");
* line breaks, unless the line is long and goes on in small letters (text wrapped by an editor);
* emoticons before a capital ("I bet :) You ...").

A piece without a word (":)", "..") stays with the piece before it, a list number ("1.") with the
piece after it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise

import numpy as np
from sentencex import get_sentence_boundaries

_EMOTICON = r"""(?<!\S)(?:
    >?[:;=]['’]?[-^o]?[])(\[}{DPpOo0dSs3/\\|*<>@$]+ | [)(D][-']?[:;=] | [xX]D+ | </?3+
    | \(?[\^T;oO0uU>.xX*-]_+[\^T;oO0uU<.xX*-]\)? | \(?\^\^\)?
    )(?=[.,!?]*(?:\s|$))"""
_EMOJI = "[\U0001f300-\U0001faff\u2600-\u27bf\ufe0f\u200d]"
_LETTER = r"[^\W\d_]"
_MARK_CUT = re.compile(
    rf"""
    (?<![.!?…]) [.!?…] (?:
        (?: [.!?…]+ | (?<=…) ) (?: \s+ | (?={_LETTER}) | [\])"'”’*]+\s+(?=[A-Z]) )
      | (?<={_LETTER}[!?]) (?={_LETTER})
      | (?<={_LETTER}{_LETTER}\.) (?<!\b[DMSdms][rst]\.) (?<!\b[Mm]rs\.) (?<!\b[Vv]s\.)
        (?= {_LETTER}{{2}} | [Ii]\b )
      | (?: (?<=\b[IiUu]\.) | (?<=\b[Mm]e\.) | (?<=\b[Nn][Oo]\.) | (?<=\b[Oo][Kk]\.)
          | (?<=\b[Ii]ll\.) | (?<=\b[Aa]rt\.) | (?<=\b[Yy]u[mk]\.) | (?<=\b[Mm]iss\.) )
        \s+ (?=[^\d\s])
      | (?<=\betc\.) \s+ (?=[A-Z])
    )
    """,
    re.VERBOSE,
)
_EMOTICON_CUT = re.compile(rf"(?: {_EMOTICON} | {_EMOJI} ) [.,!?]* \s+ (?=[A-Z])", re.VERBOSE)
_EMOTICON_HINT = re.compile(
    r"[:;=^_<\u2600-\u27bf\U0001f300-\U0001faff]|[xX]D"
)  # cheap to look for
_ADDRESS = re.compile(
    r"https?://\S+ | www\.\S+ | (?<!\S)[^\s@]+@[^\s@]+\.\S+"
    r" | (?<!\S)\S+\.(?:com|org|net|edu|gov|co|uk|io|tv|de"
    r"|html?|php|js|py|pdf|docx?|txt|csv|jpe?g|png)\b(?:/\S*)?",
    re.VERBOSE | re.IGNORECASE,
)
_LINE_BREAK = re.compile(r"[\n\r\u2028\u2029]\s*")
_WRAP_WIDTH = 60  # editors wrap lines beyond this; a chat line so long and unfinished is wrapped
_TAIL = re.compile(
    rf"(?: (?![-*•–—]\s) (?: {_EMOTICON}[.,!?]* | [^\w\s]+ ) (?:\s+|$) )+", re.VERBOSE
)
_EMOTICONS = re.compile(_EMOTICON, re.VERBOSE)
_WORD = re.compile(r"[^\W_]")
_LIST_NUMBER = re.compile(r"\(?\d{1,2}[.)]\s*")


def split_sentences(texts: Iterable[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the sentences of every text as places in it.

    Parameters
    ----------
    texts
        N English texts, none empty.

    Returns
    -------
    owner, start, end
        (U,) int64 each: number of the text, and the characters from `start` to before `end`.
        The sentences of a text tile it: the first starts at 0, each ends where the next
        starts, the last ends at the text's length. Ordered by owner and start.
    """
    owner: list[int] = []
    start: list[int] = []
    end: list[int] = []
    for number, text in enumerate(texts):
        edges = _edges(text)
        owner += [number] * (len(edges) - 1)
        start += edges[:-1]
        end += edges[1:]
    return (
        np.array(owner, dtype=np.int64),
        np.array(start, dtype=np.int64),
        np.array(end, dtype=np.int64),
    )


def _edges(text: str) -> list[int]:
    """Return the borders of the sentences of one text, 0 and its length included."""
    cuts = {boundary["start_index"] for boundary in get_sentence_boundaries("en", text)}
    cuts |= _chat_cuts(text)
    cuts = {_past_tail(text, cut) for cut in cuts if 0 < cut < len(text)}
    inner = sorted(cut for cut in cuts if 0 < cut < len(text))
    return _joined(text, [0, *inner, len(text)]) if inner else [0, len(text)]


def _chat_cuts(text: str) -> set[int]:
    cuts = {match.end() for match in _MARK_CUT.finditer(text)}
    if any(not text[cut - 1].isspace() for cut in cuts):
        for address in _ADDRESS.finditer(text):
            cuts.difference_update(range(address.start() + 1, address.end()))
    if _EMOTICON_HINT.search(text):
        cuts.update(match.end() for match in _EMOTICON_CUT.finditer(text))
    for match in _LINE_BREAK.finditer(text):
        if not _is_wrapped(text, match):
            cuts.add(match.end())
    return cuts


def _is_wrapped(text: str, line_break: re.Match[str]) -> bool:
    line = text[text.rfind("\n", 0, line_break.start()) + 1 : line_break.start()].rstrip()
    follows = text[line_break.end() : line_break.end() + 1]
    return len(line) >= _WRAP_WIDTH and line[-1] not in ".!?…:" and follows.islower()


def _past_tail(text: str, cut: int) -> int:
    """Move a cut behind the emoticons and marks that follow: they colour what was said before."""
    tail = _TAIL.match(text, cut)
    return tail.end() if tail else cut


def _joined(text: str, edges: list[int]) -> list[int]:
    """Remove the borders that would leave a piece without a word, or a list number, alone."""
    kept = [0]
    for left, right in pairwise(edges):
        piece = text[left:right]
        if right == len(text):
            if not _has_word(piece) and len(kept) > 1:
                kept.pop()
        elif _LIST_NUMBER.fullmatch(piece):
            continue
        elif not _has_word(piece):
            if len(kept) == 1:
                continue
            kept[-1] = right
            continue
        kept.append(right)
    return kept


def _has_word(piece: str) -> bool:
    if _EMOTICON_HINT.search(piece):
        piece = _EMOTICONS.sub(" ", piece)
    return _WORD.search(piece) is not None
