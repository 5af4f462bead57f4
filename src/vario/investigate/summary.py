"""The answer in at most six sentences: what, whom, since when, why, what to do."""

from vario.investigate.season import say_days
from vario.investigate.timeline import Timeline
from vario.investigate.words import SYMPTOMS, say_effect, say_scope, say_share, say_time
from vario.model.investigation import Investigation, Question


def summarise(answer: Investigation) -> tuple[str, ...]:
    """Returns what an investigation found, for somebody who reads nothing else."""
    service = answer.question.service or "the service"
    lines: list[str] = []
    if answer.effect is not None and answer.symptom is not None:
        lines.append(f"{service}: {SYMPTOMS[answer.symptom]}; {say_effect(answer.effect)}.")
    if answer.scope:
        share = next((one.explained for one in answer.findings if one.kind == "slice"), None)
        holds = f", which holds {say_share(share)} of the damage" if share is not None else ""
        lines.append(f"It hurts {say_scope(answer.scope)}{holds}.")
    else:
        lines.append("It hurts all parts of the traffic alike, as far as attributes tell.")
    spread_s = (answer.onset_high_ns - answer.onset_low_ns) / 2e9
    began = f"It began at {say_time(answer.onset_ns)}, give or take {spread_s:.0f} s"
    lines.append(f"{began}; {_compared(answer)}.")
    causes = [one for one in answer.findings if one.kind != "slice"]
    if answer.verdict == "explained":
        lines.append(f"Most likely cause: {_lower(causes[0].statement)}")
        if causes[0].next_step:
            lines.append(causes[0].next_step)
    elif causes:
        lines.append(f"No clear cause; closest: {_lower(causes[0].statement)}")
        if causes[0].next_step:
            lines.append(causes[0].next_step)
    else:
        lines.append("No clear cause: no suspect stood up to the comparison with before.")
    return tuple(lines[:6])


def say_no_change(question: Question, timeline: Timeline) -> tuple[str, ...]:
    """Returns that nothing is beyond its usual variation."""
    service = question.service or "the services"
    start, end = say_time(timeline.history.start_ns), say_time(timeline.history.end_ns)
    if timeline.days:
        return (
            f"Nothing changed for {service} beyond what is usual at this time of day.",
            f"What rose from {start} to {end} rose about as much at {say_days(timeline.days)}.",
        )
    return (
        f"Nothing changed for {service} beyond its usual variation.",
        f"{timeline.count.sum():.0f} requests from {start} to {end} were compared in steps of "
        f"{timeline.step_ns / 1e9:g} s.",
    )


def _compared(answer: Investigation) -> str:
    """Returns what "before" was."""
    start, end = say_time(answer.baseline.start_ns), say_time(answer.baseline.end_ns)
    days = f" and with {say_days(answer.days)}" if answer.days else ""
    return f"compared with {start} to {end}{days}"


def say_nothing_there(question: Question) -> tuple[str, ...]:
    """Returns that there is not enough to look at."""
    service = question.service or "any service"
    return (f"There are too few requests of {service} in this time to compare with a time before.",)


def _lower(sentence: str) -> str:
    """Returns a sentence to go on with: its first letter small, unless it begins with a name."""
    first, _, _ = sentence.partition(" ")
    plain = first.isalpha() and first[1:].islower()
    return sentence[0].lower() + sentence[1:] if plain else sentence
