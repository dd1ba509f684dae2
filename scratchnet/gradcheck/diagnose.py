"""From evidence to a ranked list of names."""

import math
from collections.abc import Iterable

import numpy as np

from scratchnet.gradcheck import bank
from scratchnet.gradcheck.catalogue import CATALOGUE
from scratchnet.gradcheck.evidence import Evidence
from scratchnet.gradcheck.finding import Finding
from scratchnet.gradcheck.report import Likely
from scratchnet.gradcheck.signs import elementwise, factor, geometry, structure, terms
from scratchnet.gradcheck.subject import label

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
        wrong = ", ".join(label(name) for name in e.failed) or "the gradient"
        ranked = [Likely(CATALOGUE["no known mistake"], (f"{wrong} fits no mistake in the catalogue",), 0.0)]
    for likely in ranked:
        if known:
            likely.diagnosis = likely.diagnosis.of(known[0].called, known[0].lesson)
            likely.also_lesson = known[0].lesson if known[0].lesson != likely.diagnosis.lesson else None
    return ranked


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
        ranked.append(Likely(CATALOGUE[name], evidence[:3], score, tuple(sorted(explained)), detail))
    ranked.sort(key=lambda likely: -likely.score)
    return ranked[:MOST]
