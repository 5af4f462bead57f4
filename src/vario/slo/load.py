"""SLO files: the short form, OpenSLO, Sloth and Pyrra, told apart by what stands in them."""

import glob
from collections.abc import Sequence
from pathlib import Path

from vario.slo.foreign import is_pyrra, is_sloth, read_pyrra, read_sloth
from vario.slo.model import Place, Problem, Slo, SloFileError, SloSet
from vario.slo.openslo import OpenSloReader
from vario.slo.shortform import TOP_FIELDS, read_short_form
from vario.wire.document import DocumentError, Item, read_documents


def load_slos(patterns: Sequence[str]) -> SloSet:
    """Returns the SLOs of every file that the patterns name.

    Args:
        patterns: paths and globs. A glob may find nothing; a path must be there.

    Raises:
        SloFileError: a file cannot be read, or an SLO in it cannot be used.
    """
    found: list[SloSet] = []
    problems: list[Problem] = []
    seen: set[str] = set()
    for pattern in patterns:
        paths = sorted(glob.glob(pattern)) if glob.has_magic(pattern) else [pattern]
        for path in paths:
            if path not in seen:
                seen.add(path)
                slos, faults = check_file(path)
                found.append(slos)
                problems += faults
    slos = tuple(slo for each in found for slo in each.slos)
    problems += [one for one in _find_repeated(slos) if one not in problems]
    if problems:
        raise SloFileError(problems)
    return SloSet(
        slos,
        tuple(warning for each in found for warning in each.warnings),
        tuple(other for each in found for other in each.others),
    )


def check_file(path: str) -> tuple[SloSet, list[Problem]]:
    """Returns what one SLO file says, and everything that is wrong in it."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        return SloSet(), [Problem(Place(path, 1, 1), f"cannot be read: {error.strerror}")]
    except UnicodeDecodeError as error:
        return SloSet(), [Problem(Place(path, 1, 1), f"is not UTF-8: {error}")]
    return check_text(text, path)


def check_text(text: str, file: str) -> tuple[SloSet, list[Problem]]:
    """Returns what the text of an SLO file says, and everything that is wrong in it."""
    try:
        documents = [one for item in read_documents(text) for one in _split(item)]
    except DocumentError as error:
        return SloSet(), [Problem(Place(file, error.line, error.column), str(error))]
    slos: list[Slo] = []
    problems: list[Problem] = []
    warnings: list[Problem] = []
    openslo = OpenSloReader(file)
    for item in documents:
        try:
            keys = item.fields("an SLO file").keys()
            if keys & TOP_FIELDS and "version" not in keys:
                read, faults, doubts = read_short_form(item, file)
                slos += read
                problems += faults
                warnings += doubts
            elif is_sloth(item):
                slos += read_sloth(item, file)
            elif is_pyrra(item):
                slos += read_pyrra(item, file)
            else:
                openslo.add(item)
        except DocumentError as error:
            problems.append(Problem(Place(file, error.line, error.column), str(error)))
    openslo.finish()
    slos += openslo.slos
    problems += [*openslo.problems, *_find_repeated(slos)]
    warnings += [*openslo.warnings, *_find_doubtful(slos)]
    problems.sort(key=lambda problem: (problem.place.line, problem.place.column))
    return SloSet(tuple(slos), tuple(warnings), tuple(openslo.others)), problems


def _split(item: Item) -> list[Item]:
    """Returns the documents of one: OpenSLO's examples are lists of them."""
    return list(item.items("documents")) if item.node.id == "sequence" else [item]


def _find_repeated(slos: Sequence[Slo]) -> list[Problem]:
    first: dict[str, Slo] = {}
    problems: list[Problem] = []
    for slo in slos:
        known = first.setdefault(slo.name, slo)
        if known is not slo:
            message = f"the name is taken by the SLO at {known.place}; names are unique"
            problems.append(Problem(slo.place, message, slo.name))
    return problems


def _find_doubtful(slos: Sequence[Slo]) -> list[Problem]:
    """Returns what an SLO should have and has not."""
    doubtful: list[Problem] = []
    for slo in slos:
        for key in ("owner", "runbook"):
            if not getattr(slo, key) and slo.windows:
                message = f"no {key}: whoever is told at night wants one"
                doubtful.append(Problem(slo.place, message, slo.name))
        if slo.sli.mode == "unsupported":
            message = f"it loads, and is not measured here: {slo.sli.reason}"
            doubtful.append(Problem(slo.place, message, slo.name))
    return doubtful
