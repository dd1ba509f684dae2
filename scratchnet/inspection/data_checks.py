"""Checks of the data: scale, labels, order, splits. A network can't be better than what it is shown."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np

from scratchnet.inspection.case import Case
from scratchnet.inspection.checkup import NOTE, PROBLEM, WARNING, Finding, NotExamined, Passed, Verdict
from scratchnet.inspection.text import count, number, percent
from scratchnet.rng import Purpose, stream
from scratchnet.typing import Array

FIT, PROBE = 2000, 1000  # images that a simple classifier is fitted and tried on


def finite(case: Case) -> Iterator[Verdict]:
    """NaN or infinity among the pixels."""
    name, splits = "data-not-finite", (case.train, *case.held_out)
    bad = [(split, int((~np.isfinite(split.images)).sum())) for split in splits if split.images.dtype.kind == "f"]
    bad = [(split, n) for split, n in bad if n]
    for split, n in bad:
        rows = np.flatnonzero(~np.isfinite(split.images.reshape(len(split.images), -1)).all(axis=1))
        yield Finding(
            name,
            PROBLEM,
            f"{split.name} images",
            f"{count(n)} values are NaN or infinite, in {count(len(rows))} images; the first is image {rows[0]}. One of "
            "them "
            "makes the loss NaN, and the next step every weight.",
            "Look at how that image was made: a division by 0 (the std of a blank image?), a log of 0, a missing value. "
            "Mend it there, or leave the image out.",
        )
    if not bad:
        yield Passed(name, "no NaN or infinity among the pixels")


def label_range(case: Case) -> Iterator[Verdict]:
    """Labels that are no class of the network."""
    name, k = "labels-out-of-range", case.num_classes
    wrong = [s for s in (case.train, *case.held_out) if s.labels.min() < 0 or s.labels.max() >= k]
    for split in wrong:
        low, high = int(split.labels.min()), int(split.labels.max())
        n = int(((split.labels < 0) | (split.labels >= k)).sum())
        yield Finding(
            name,
            PROBLEM,
            f"{split.name} labels",
            f"{count(n)} labels are not in 0 .. {k - 1}, which the network's {k} outputs stand for; they go from {low} "
            f"to {high}.",
            "Count classes from 0 (labels - 1 if they start at 1), or give the last layer as many outputs as there are "
            "classes.",
        )
    if not wrong:
        yield Passed(name, f"all labels are in 0 .. {k - 1}, as the network has outputs")


def scale(case: Case) -> Iterator[Verdict]:
    """Inputs that are far from mean 0 and deviation 1."""
    name, (x, _) = "inputs-unscaled", case.sample
    mean, std, low, high = (float(f(x)) for f in (np.mean, np.std, np.min, np.max))
    told = f"mean {number(mean)}, std {number(std)}, from {number(low)} to {number(high)}"
    remedy = "Scale them before the network sees them: preprocess.prepare(images) makes (x / 255 - 0.1307) / 0.3081. Do the "
    remedy += "same for validation and test."
    if std == 0:
        return  # constant images: said by another check
    if std > 5 or abs(mean) > 5:
        raw = ", as raw bytes are" if low >= 0 and 100 < high <= 255 else ""
        reason = (
            f"What the network takes has {told}{raw}. It wants about mean 0, std 1: with larger inputs every gradient of "
        )
        reason += "the first layer is as much larger, and steps jump."
        yield Finding(name, PROBLEM, "training images", reason, remedy)
    elif std < 0.05 and abs(mean) < 0.5:
        reason = f"What the network takes has {told}: almost nothing. It wants about mean 0, std 1; the first layer learns "
        reason += f"about {1 / std:,.0f} times too slowly. Were they divided by 255 twice?"
        yield Finding(name, PROBLEM, "training images", reason, remedy)
    else:
        yield Passed(name, f"the network's inputs have {told}")


def constant(case: Case) -> Iterator[Verdict]:
    """Images that do not differ, or show nothing."""
    name = "constant-images"
    flat = case.train.images.reshape(len(case.train.images), -1)
    blank = np.flatnonzero(flat.min(axis=1) == flat.max(axis=1))
    share = len(blank) / len(flat)
    if len(flat) > 1 and bool((flat == flat[0]).all()):
        yield Finding(
            name,
            PROBLEM,
            "training images",
            f"All {count(len(flat))} images are the same: there is nothing to tell the classes apart by.",
            "Look at a few images (viz.digits) right before they go into the network: they were overwritten or read "
            "wrongly.",
        )
    elif len(blank):
        yield Finding(
            name,
            WARNING if share >= 0.001 else NOTE,
            "training images",
            f"{count(len(blank))} of {count(len(flat))} images have the same value in every pixel; the first is image "
            f"{blank[0]}.",
            "Look at them (viz.digits): blank images teach nothing but how frequent their labels are.",
        )
    else:
        yield Passed(name, "images differ, and none is blank")


def balance(case: Case) -> Iterator[Verdict]:
    """Classes without images, and classes with many more than others."""
    counts = np.bincount(case.train.labels, minlength=case.num_classes)
    missing, present = np.flatnonzero(counts == 0), counts[counts > 0]
    if len(missing):
        yield Finding(
            "missing-classes",
            WARNING,
            "training labels",
            f"No image has the label {', '.join(map(str, missing[:10]))}{' ..' if len(missing) > 10 else ''}, though the "
            f"network has {case.num_classes} outputs. It will never name "
            f"{'that class' if len(missing) == 1 else 'those classes'}.",
            "Was the data cut off while sorted by class, or filtered? Draw the split at random (datasets.split keeps every "
            "class's share), or give the network fewer outputs.",
        )
    else:
        yield Passed(
            "missing-classes", f"each of the {case.num_classes} classes has images, {count(int(present.min()))} at least"
        )
    most, least = int(present.max()), int(present.min())
    if most > 5 * least:
        always = percent(most / counts.sum())
        yield Finding(
            "class-imbalance",
            WARNING,
            "training labels",
            f"Class {counts.argmax()} has {count(most)} images, class {np.where(counts > 0, counts, most).argmin()} has "
            f"{count(least)}. Who always says {counts.argmax()} is right {always} of the time: accuracy will look good "
            "while "
            "small classes are ignored.",
            "Look at recall by class (metrics.class_scores) rather than accuracy; draw images of the small classes more "
            "often.",
        )
    elif len(present) > 1:
        yield Passed("class-imbalance", f"the largest class has {most / least:.1f} times the images of the smallest")


def order(case: Case) -> Iterator[Verdict]:
    """Batches that hold few classes, since the data is sorted."""
    name, labels, size = "labels-sorted", case.train.labels, case.batch_size
    shares = np.bincount(labels) / len(labels)
    expected, agree = float((shares**2).sum()), float(np.mean(labels[1:] == labels[:-1])) if len(labels) > 1 else 0.0
    if expected > 0.95 or len(labels) < 2 * size:
        yield NotExamined(name, "one class or less than two batches")
        return
    if case.shuffle:
        yield Passed(name, "training draws a new order each epoch, so the order of the data does not matter")
    elif (agree - expected) / (1 - expected) < 0.3:
        told = f"neighbouring labels agree {percent(agree)} of the time, {percent(expected)} in random order"
        yield Passed(name, f"{told}: not sorted by class")
    else:
        batches = [len(np.unique(labels[i : i + size])) for i in range(0, len(labels) - size + 1, size)]
        wanted = float((1 - (1 - shares) ** size).sum())
        yield Finding(
            name,
            WARNING,
            "training labels",
            f"The data is sorted by label: neighbouring labels agree {percent(agree)} of the time, by chance it would be "
            f"{percent(expected)}. Taken in this order, a batch of {size} holds {np.mean(batches):.1f} classes on average, "
            f"where {wanted:.1f} are to be expected: each step teaches to always say these few, and forgets the others.",
            "Draw a new order each epoch, order = rng.permutation(len(images)), and take batches from it. train_steps "
            "does; if "
            "your loop does too, tell the doctor: shuffle=True.",
        )


def information(case: Case) -> Iterator[Verdict]:
    """Labels that have nothing to do with the images, in training and in held-out data."""
    name = "labels-uninformative"
    x, labels = case.train.sample(FIT + PROBE, stream(case.seed, Purpose.SPLIT))
    n = len(x) - min(PROBE, len(x) // 3)
    if len(x) - n < 30 or len(np.unique(labels)) < 2:
        yield NotExamined(name, f"{len(x)} images of {len(np.unique(labels))} classes are too few to tell")
        return
    mixed = stream(case.seed, Purpose.SPLIT, step=1).permutation(len(x))
    fit_x, fit_labels = _rows(x[mixed[:n]]), labels[mixed[:n]]
    probe_x, probe_labels = _rows(x[mixed[n:]]), labels[mixed[n:]]
    told, informed = _probe(fit_x, fit_labels, probe_x, probe_labels)
    if not informed:
        yield Finding(
            name,
            PROBLEM,
            "training labels",
            f"The labels seem to have nothing to do with the images: {told}. A network can learn these by heart, but "
            "nothing "
            "from them.",
            "Look at some images with their labels (viz.digits(images, labels)). Were the images sorted or shuffled without "
            "their labels, or the labels read from another file? Index both with the same order.",
        )
        return
    yield Passed(name, told)
    for split in case.held_out:
        x, labels = split.sample(PROBE, stream(case.seed, Purpose.SPLIT, step=2))
        if len(labels) < 30 or len(np.unique(labels)) < 2 or x.shape[1:] != case.sample[0].shape[1:]:
            continue
        # Scale and offset are another check's: a learner's forgotten normalisation must not look like shuffled labels.
        told, informed = _probe(_standard(fit_x), fit_labels, _standard(_rows(x)), labels)
        if informed:
            yield Passed(f"{name} ({split.name})", told)
        else:
            yield Finding(
                name,
                PROBLEM,
                f"{split.name} labels",
                f"The {split.name} labels do not go with what training images and labels say: {told}. Any network will "
                "look as if "
                "it had learned nothing.",
                f"Look at some {split.name} images with their labels (viz.digits(images, labels)), and at the line that "
                "cuts "
                "the split: images and labels want the same indices.",
            )


def leakage(case: Case) -> Iterator[Verdict]:
    """Images that stand in two splits, and the same image under two labels."""
    splits = (case.train, *case.held_out)
    prints = [[hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in split.images] for split in splits]
    first: dict[bytes, int] = {}
    clashes = [
        i for i, p in enumerate(prints[0]) if case.train.labels[first.setdefault(p, i)] != case.train.labels[i]
    ]  # fmt: skip
    if clashes:
        i, j = clashes[0], first[prints[0][clashes[0]]]
        yield Finding(
            "contradictory-labels",
            WARNING if len(clashes) >= 0.001 * len(prints[0]) else NOTE,
            "training labels",
            f"{count(len(clashes))} images stand there with different labels; images {j} and {i} are the same to the last "
            f"pixel, and have the labels {case.train.labels[j]} and {case.train.labels[i]}.",
            "Look at them, keep the right label or neither.",
        )
    else:
        yield Passed("contradictory-labels", "no image stands there twice with different labels")
    if not case.held_out:
        yield NotExamined("leakage", "there is no validation or test data to compare with: give val= or test=")
    for a in range(len(splits)):
        for b in range(a + 1, len(splits)):
            one, other = splits[a], splits[b]
            where = f"{one.name} and {other.name} images"
            if one.images.dtype != other.images.dtype or one.images.shape[1:] != other.images.shape[1:]:
                yield NotExamined("leakage", f"{where} are of different types or shapes")
                continue
            known = set(prints[a])
            both = [i for i, p in enumerate(prints[b]) if p in known]
            share = len(both) / len(prints[b])
            if both:
                yield Finding(
                    "leakage",
                    PROBLEM if share >= 0.001 else NOTE,
                    where,
                    f"{count(len(both))} of {count(len(prints[b]))} {other.name} images ({percent(share)}) stand in the "
                    f"{one.name} "
                    f"images too, to the last pixel; the first is {other.name} image {both[0]}. On them the network is "
                    "asked "
                    "what it was told: accuracy looks better than it is.",
                    "Cut the splits so that they share no index (datasets.split does), before any image is copied or "
                    "augmented; "
                    "remove duplicates first.",
                )
            else:
                yield Passed("leakage", f"{where} have none in common")


def same_scale(case: Case) -> Iterator[Verdict]:
    """Held-out images that are prepared otherwise than the training images."""
    name, (x, _) = "scale-differs", case.sample
    mean, std = float(x.mean()), float(x.std())
    for split in case.held_out:
        other, _ = split.sample(len(x), stream(case.seed, Purpose.SPLIT, step=3))
        its_mean, its_std = float(other.mean()), float(other.std())
        told = f"{split.name} mean {number(its_mean)} and std {number(its_std)}, training {number(mean)} and {number(std)}"
        if std and (abs(its_mean - mean) > 0.3 * std or not 0.7 < its_std / std < 1.4):
            yield Finding(
                name,
                PROBLEM,
                f"{split.name} images",
                f"As the network takes them, training and {split.name} images are on different scales: {told}. A network "
                "that "
                "learned on one scale is asked on another.",
                f"Prepare {split.name} images with the same function and the same constants as training images: "
                "preprocess.prepare(images, normalization). The mean and std are those of the training images.",
            )
        else:
            yield Passed(name, told)


CHECKS = (scale, constant, balance, order, information, leakage, same_scale)


def _rows(x: Array) -> Array:
    return x.reshape(len(x), -1).astype(np.float32)


def _standard(x: Array) -> Array:
    return (x - x.mean()) / (x.std() or 1)


def _probe(fit_x: Array, fit_labels: Array, x: Array, labels: Array) -> tuple[str, bool]:
    """How two simple classifiers do, told in numbers; and whether it is better than chance could make it."""
    classes, shares = np.unique(labels, return_counts=True)
    chance = float(shares.max() / len(labels))
    known = np.unique(fit_labels)
    centroids = np.stack([fit_x[fit_labels == k].mean(axis=0) for k in known])
    by_centroid = float(np.mean(known[_nearest(x, centroids)] == labels))
    by_neighbour = float(np.mean(fit_labels[_nearest(x, fit_x)] == labels))
    noise = (chance * (1 - chance) / len(labels)) ** 0.5
    told = (
        f"the nearest class mean names {percent(by_centroid)} of {len(labels)} images right, the nearest neighbour "
        f"{percent(by_neighbour)}; always saying {classes[shares.argmax()]} would be right for {percent(chance)}"
    )
    return told, max(by_centroid, by_neighbour) > chance + 4 * noise


def _nearest(x: Array, points: Array) -> Array:
    """The index of the nearest point of each row of x."""
    return ((points**2).sum(axis=1) - 2 * x @ points.T).argmin(axis=1)
