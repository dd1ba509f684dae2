"""The Flask application: the page's files, and the JSON interface that ``scratchnet.web`` describes."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from scratchnet.layers import Layer
from scratchnet.losses import softmax
from scratchnet.models import NUM_CLASSES
from scratchnet.picture import UnreadablePicture
from scratchnet.trained import Loaded
from scratchnet.typing import Array
from scratchnet.web import labs, pictures, why
from scratchnet.web.arrays import finite, norm, packed_digit, read_digit
from scratchnet.web.errors import ApiError, bad_request
from scratchnet.web.gallery import Gallery
from scratchnet.web.security import own_names, protect
from scratchnet.web.stages import Pass, backward_json, forward_json
from scratchnet.web.terms import terms_json

MOST_PICTURE_BYTES = 8 * 2**20
MOST_JSON_BYTES = 64 * 2**10
MOST_COMPARED = 8  # networks in one prediction
MOST_LR = 10.0


@dataclass(frozen=True)
class Settings:
    """What ``scratchnet draw`` was asked for. ``lab`` allows steps that change (the visitor's copy of) the weights."""

    host: str = "127.0.0.1"
    lab: bool = True
    gallery: Gallery = field(default_factory=Gallery)
    examples: why.Examples = field(default_factory=why.Examples)


def create_app(settings: Settings | None = None) -> Flask:
    """The application, to be served by anything that speaks WSGI."""
    settings = settings or Settings()
    app = Flask(__name__, static_folder="static", static_url_path="/static")
    app.config["MAX_CONTENT_LENGTH"] = MOST_PICTURE_BYTES
    protect(app, own_names(settings.host))
    lab = Laboratory(settings)
    app.add_url_rule("/", "page", lambda: app.send_static_file("index.html"))
    app.add_url_rule("/api/models", "models", lambda: _answer(lab.models()))
    app.add_url_rule("/api/digit", "digit", lambda: _answer(lab.digit()), methods=["POST"])
    for action in (lab.predict, lab.forward, lab.backward, lab.terms, lab.step, lab.reset, lab.why, lab.neighbours):
        app.add_url_rule(f"/api/{action.__name__}", action.__name__, _on_json(action), methods=["POST"])
    app.register_error_handler(ApiError, _told)
    app.register_error_handler(HTTPException, _http_told)
    app.register_error_handler(Exception, lambda error: _unforeseen(app, error))
    return app


class Laboratory:
    """What each path does: from what was asked, checked field by field, to what is answered."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.gallery, self.examples = settings, settings.gallery, settings.examples
        self.labs = labs.Labs()

    def models(self) -> dict[str, Any]:
        models = self.gallery.describe_all()
        return {
            "models": models,
            "default": models[0]["id"],
            "lab": self.settings.lab,
            "methods": list(why.METHODS),
            "limits": {
                "picture_bytes": MOST_PICTURE_BYTES,
                "picture_pixels": pictures.MOST_PIXELS,
                "compared": MOST_COMPARED,
                "labs": labs.MOST_LABS,
                "lab_seconds": int(labs.MAX_AGE),
            },
        }

    def digit(self) -> dict[str, Any]:
        kind = request.mimetype
        if not (kind.startswith("image/") or kind == "application/octet-stream"):
            raise ApiError(415, "bad-type", "not a picture: wanted Content-Type image/png, image/jpeg, ...")
        names = [name for name in request.args.get("models", "").split(",") if name]
        asked = {"models": names, "lab": request.args.get("lab")}
        try:
            digit = pictures.digit_in(request.get_data(cache=False))
        except UnreadablePicture as error:
            return {"digit": None, "predictions": [], "problem": str(error)}
        return {"digit": packed_digit(digit), "predictions": self._predictions(asked, digit), "problem": None}

    def predict(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        return {"predictions": self._predictions(asked, read_digit(asked.get("digit")))}

    def forward(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        model, x = self._asked(asked)
        with_params = asked.get("params", True)
        if not isinstance(with_params, bool):
            raise bad_request("params must be true or false")
        return forward_json(Pass(model, x), with_params=with_params)

    def backward(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        model, x = self._asked(asked)
        return backward_json(Pass(model, x, _label(asked)))

    def terms(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        model, x = self._asked(asked)
        of = _text(asked, "of")
        label = None if of == "out" else _label(asked)
        return terms_json(Pass(model, x, label), model, _text(asked, "stage"), of, _index(asked))

    def step(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        if not self.settings.lab:
            raise ApiError(403, "lab-off", "steps that change weights are off here; whoever serves can allow them: --lab")
        loaded, digit = self.gallery.get(_text(asked, "model")), read_digit(asked.get("digit"))
        label, lr = _label(asked), _number(asked, "lr", MOST_LR)
        visitor = self.labs.name(_lab(asked))
        lab = self.labs.open(visitor, asked["model"], loaded.model)
        x = loaded.prepare(digit)
        with lab.turn:
            old = lab.model
            before = Pass(old, x, label)
            new = labs.stepped(old, before.grads, lr)
            after = Pass(new, x, label)
            if not (np.isfinite(after.logits).all() and math.isfinite(after.loss)):
                raise labs.diverged()
            lab.model = new
            lab.steps += 1
            steps = lab.steps
        params = {
            key: {"norm": norm(w), "grad_norm": norm(before.grads[key]), "change": norm(new.params[key] - w)}
            for key, w in old.params.items()
        }
        told = {name: _loss_and_probs(run) for name, run in (("before", before), ("after", after))}
        return {"lab": visitor, "steps": steps, "label": label, "lr": lr, **told, "params": params}

    def reset(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        visitor, model = _lab(asked), _text(asked, "model")
        if visitor is not None:
            self.labs.reset(visitor, model)
        return {}

    def why(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        method = _text(asked, "method")
        if method not in why.METHODS:
            raise bad_request(f"method must be one of {', '.join(why.METHODS)}")
        model, x = self._asked(asked)
        return why.why_json(model, x, _label(asked), method)

    def neighbours(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        return self.examples.neighbours_json(self.gallery.get(_text(asked, "model")), read_digit(asked.get("digit")))

    def _asked(self, asked: Mapping[str, Any]) -> tuple[Layer, Array]:
        """The network, as this visitor's lab has it, and the digit prepared for it."""
        digit = read_digit(asked.get("digit"))
        name = _text(asked, "model")
        loaded = self.gallery.get(name)
        return self._model(name, loaded, _lab(asked)), loaded.prepare(digit)

    def _model(self, name: str, loaded: Loaded, visitor: str | None) -> Layer:
        return loaded.model if visitor is None else self.labs.model(visitor, name, loaded.model)

    def _predictions(self, asked: Mapping[str, Any], digit: Array) -> list[dict[str, Any]]:
        names = asked.get("models")
        if not isinstance(names, list) or len(names) > MOST_COMPARED or not all(isinstance(name, str) for name in names):
            raise bad_request(f"models must be a list of at most {MOST_COMPARED} ids")
        found = []
        visitor = _lab(asked)
        for name in names:
            loaded = self.gallery.get(name)
            with np.errstate(over="ignore", invalid="ignore"):
                logits = self._model(name, loaded, visitor)(loaded.prepare(digit)).astype(np.float64)
                probs = softmax(logits)[0]
            steps = 0 if visitor is None else self.labs.steps(visitor, name)
            shown = [finite(p) for p in probs]
            found.append({"model": name, "digit": int(probs.argmax()), "probabilities": shown, "steps": steps})
        return found


def _loss_and_probs(run: Pass) -> dict[str, Any]:
    return {"loss": finite(run.loss), "probabilities": [finite(p) for p in run.probs]}


# --- what was asked --------------------------------------------------------------------------------------------------


def _on_json(action: Callable[[Mapping[str, Any]], dict[str, Any]]) -> Callable[[], Response]:
    """A view that hands the request's JSON object to ``action`` and answers with what it returns."""

    def view() -> Response:
        if request.mimetype != "application/json":
            raise ApiError(415, "bad-type", "send JSON, with Content-Type application/json")
        if (request.content_length or 0) > MOST_JSON_BYTES:
            raise ApiError(413, "too-large", f"a request may have {MOST_JSON_BYTES} bytes")
        try:
            asked = json.loads(request.get_data(cache=False))
        except (ValueError, RecursionError):
            raise bad_request("the request is not JSON") from None
        if not isinstance(asked, dict):
            raise bad_request("the request must be a JSON object")
        return _answer(action(asked))

    return view


def _text(asked: Mapping[str, Any], key: str) -> str:
    value = asked.get(key)
    if not isinstance(value, str):
        raise bad_request(f"{key} must be a text")
    return value


def _lab(asked: Mapping[str, Any]) -> str | None:
    return None if asked.get("lab") is None else _text(asked, "lab")


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _label(asked: Mapping[str, Any]) -> int:
    value: Any = asked.get("label")
    if not _whole(value) or not 0 <= value < NUM_CLASSES:
        raise bad_request(f"label must be a whole number from 0 to {NUM_CLASSES - 1}")
    return int(value)


def _index(asked: Mapping[str, Any]) -> tuple[int, ...]:
    value: Any = asked.get("index")
    if not isinstance(value, list) or len(value) > 4 or not all(map(_whole, value)):
        raise bad_request("index must be a list of whole numbers")
    return tuple(value)


def _number(asked: Mapping[str, Any], key: str, most: float) -> float:
    value: Any = asked.get(key)
    if not (_whole(value) or isinstance(value, float)) or not 0 < value <= most:
        raise bad_request(f"{key} must be a number above 0 and at most {most:g}")
    return float(value)


# --- what is answered ------------------------------------------------------------------------------------------------


def _answer(values: dict[str, Any], status: int = 200) -> Response:
    text = json.dumps(values, allow_nan=False, separators=(",", ":"))
    return Response(text, status, content_type="application/json")


def _told(error: ApiError) -> Response:
    return _answer({"error": {"code": error.code, "message": error.message}}, error.status)


def _http_told(error: HTTPException) -> Response:
    status = error.code or 500
    if status == 413:
        return _told(ApiError(413, "too-large", f"a picture file may have {MOST_PICTURE_BYTES // 2**20} MB"))
    answer = _told(ApiError(status, error.name.lower().replace(" ", "-"), error.name))
    if status == 405:
        answer.headers["Allow"] = ", ".join(getattr(error, "valid_methods", None) or [])
    return answer


def _unforeseen(app: Flask, error: Exception) -> Response:
    app.logger.exception("unforeseen", exc_info=error)
    return _told(ApiError(500, "unforeseen", "something went wrong in the server; its log says what"))
