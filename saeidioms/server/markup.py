"""The report as it is served: the same page, and the scripts that speak with the server."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from pathlib import Path

from saeidioms.errors import ArtifactError

FOLDER = Path(__file__).parent / "page"
_POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">\n')
_END = "</body>"


@dataclass(frozen=True)
class ServedPage:
    """The page, and the Content-Security-Policy that goes with it as a header."""

    text: str
    policy: str

    @classmethod
    def of(cls, report: Path) -> ServedPage:
        """Put into a report what is there only when it is served.

        The report's own policy, which forbids every request, becomes one that admits this server;
        its scripts stay admitted by their digests alone.

        Raises
        ------
        ArtifactError
            If the file cannot be read, or is no report.
        """
        try:
            text = report.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise ArtifactError(f"{report} cannot be read ({error}); write it again.") from error
        found = _POLICY.search(text)
        before, end, after = text.rpartition(_END)
        if not found or not end:
            raise ArtifactError(f"{report} is no report of saeidioms; write it again.")
        own = html.unescape(found[1])
        policy = own.replace("script-src", "script-src 'self'").replace(
            "style-src", "style-src 'self'"
        )
        served = (FOLDER / "served.html").read_text(encoding="utf-8")
        script = '<script type="module" src="page/served.js"></script>\n'
        head = '<link rel="stylesheet" href="page/served.css">\n'
        body = before.replace(found[0], head, 1) + served + script + end + after
        return cls(body, f"{policy}; connect-src 'self'; frame-ancestors 'none'")
