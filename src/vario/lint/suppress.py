"""Comments by which people say that a finding is known: `# vario-lint: disable=VA203`."""

import re
from collections.abc import Collection
from dataclasses import dataclass, field

from vario.lint.finding import Finding, Rule
from vario.lint.source import Place, Source

UNKNOWN_CODE = Rule(
    "VA002",
    "unknown-code-in-comment",
    "warning",
    ("rules", "slo", "dashboard", "settings"),
    "A comment disables a code that there is not",
    "It has no effect, and who reads it believes that it has.",
    "# vario-lint: disable=VA999\ngroups: []\n",
    "groups: []\n",
    "correct the code: `vario lint --list` has them all",
)

_COMMENT = re.compile(r"vario-lint:\s*(disable|disable-file)=([A-Za-z0-9, ]*[A-Za-z0-9])")


@dataclass(frozen=True, slots=True)
class Suppressions:
    """What the comments of a file disable.

    Attributes:
        file: codes that are disabled everywhere in it.
        lines: codes by the line that they hold for; what begins there is disabled as a whole.
        unknown: codes that there are not, with their places.
    """

    file: set[str] = field(default_factory=set[str])
    lines: dict[int, set[str]] = field(default_factory=dict[int, set[str]])
    unknown: list[tuple[str, Place]] = field(default_factory=list[tuple[str, Place]])

    def covers(self, finding: Finding) -> bool:
        """Whether a finding is disabled."""
        places = {finding.place.line, finding.subject_line} - {0}
        code = finding.rule.code
        return code in self.file or any(code in self.lines.get(line, ()) for line in places)


def read_suppressions(source: Source, codes: Collection[str]) -> Suppressions:
    """Returns what the comments of a file disable.

    A comment behind something holds for its line; alone on a line, for the next line that is no
    comment. In JSON, which has no comments, the description of a panel holds for the panel.
    """
    found = Suppressions()
    if "vario-lint:" not in source.text:
        return found
    lines = source.text.splitlines()
    for number, line in enumerate(lines, 1):
        for match in _COMMENT.finditer(line):
            names = {name.strip().upper() for name in match[2].split(",") if name.strip()}
            column = match.start(2) + 1
            for name in sorted(names - set(codes)):
                place = Place(number, column, number, column + len(match[2]))
                found.unknown.append((name, place))
            if match[1] == "disable-file":
                found.file.update(names)
            else:
                held = number
                if line.lstrip().startswith("#"):
                    held = next(
                        (
                            after
                            for after in range(number + 1, len(lines) + 1)
                            if not lines[after - 1].lstrip().startswith("#")
                        ),
                        number,
                    )
                found.lines.setdefault(held, set()).update(names)
    return found
