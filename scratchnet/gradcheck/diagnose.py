"""From evidence to a ranked list of names."""

import math
from collections.abc import Iterable

import numpy as np

from scratchnet.gradcheck import bank
from scratchnet.gradcheck.bank.operation import Operation, Setup
from scratchnet.gradcheck.catalogue import CATALOGUE
from scratchnet.gradcheck.evidence import Evidence
from scratchnet.gradcheck.finding import Finding
from scratchnet.gradcheck.report import Likely
from scratchnet.gradcheck.signs import elementwise, factor, geometry, structure, terms
from scratchnet.gradcheck.subject import listed

SIGNS = (factor, elementwise, structure, geometry, terms)
MOST = 5  # names that are shown


def diagnose(e: Evidence) -> list[Likely]:
    """The likely mistakes, the best first; "no known mistake" if nothing fits."""
    findings = list(e.trial.findings)
    known = None
    if e.results:
        known = bank.recognise(e)
        if known and "kernel" in known[1].roles:
            e.windows = known[1].roles["kernel"], known[1].roles["stride"]
        with np.errstate(all="ignore"):
            for sign in SIGNS:
                findings += sign.find(e)
        if known:
            findings += bank.find(e, *known)
    ranked = rank(findings, e.failed)
    if not ranked:
        wrong = listed(e.label(name) for name in e.failed) if e.failed else "the gradient"
        nothing = f"{wrong} fit{'s' * (len(e.failed) < 2)} no mistake in the catalogue"
        ranked = [Likely(CATALOGUE["no known mistake"], (nothing,), 0.0)]
    for likely in ranked:
        if known:
            likely.diagnosis = likely.diagnosis.of(known[0].called, known[0].lesson)
            likely.also_lesson = known[0].lesson if likely.diagnosis.lesson not in (0, known[0].lesson) else None
    noted = {finding.evidence for finding in e.trial.findings}  # says it in the code's own words already
    words = {"dout": e.subject.upstream, "stride": _stride_name(e, known)}
    return [likely.in_words(words, noted) for likely in ranked]


def _stride_name(e: Evidence, known: tuple[Operation, Setup] | None) -> str:
    """Under which name the code is given the stride, if only one of its settings can be it."""
    stride = known[1].roles.get("stride") if known else None
    like = [name for name, value in e.settings.items() if stride == (value, value)]
    return like[0] if len(like) == 1 and not any(name.lower().startswith("stride") for name in e.settings) else "stride"


def rank(findings: Iterable[Finding], failed: list[str]) -> list[Likely]:
    """One entry for each name: its best evidence counts, and how many of the wrong gradients it explains."""
    by_name: dict[str, list[Finding]] = {}
    for finding in findings:
        by_name.setdefault(finding.name, []).append(finding)
    ranked = []
    for name, found in by_name.items():
        found.sort(key=lambda f: -f.weight)
        explained = {argument for f in found for argument in f.explains if f.weight >= found[0].weight - 0.15}
        share = len(explained & set(failed)) / len(failed) if failed and explained else 1.0
        evidence = tuple(dict.fromkeys(f.evidence for f in found if f.weight >= found[0].weight - 0.15))
        detail = next((f.detail for f in found if f.detail), "")
        score = found[0].weight * math.sqrt(share)
        diagnosis = CATALOGUE[name].of(found[0].variant, CATALOGUE[name].lesson)
        ranked.append(Likely(diagnosis, evidence[:3], score, tuple(sorted(explained)), detail))
    ranked.sort(key=lambda likely: -likely.score)
    return ranked[:MOST]
