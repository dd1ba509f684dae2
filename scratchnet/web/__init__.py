"""The drawing lab, ``scratchnet draw``: a page on which to draw a digit and watch backprop happen, and its JSON interface.

The page is a reader of this interface, which another page or a lesson can use as well. Every path below takes a POST with a
JSON object (but for GET /api/models and POST /api/digit) and answers with one. Nothing is kept between requests but labs.

    GET  /api/models      {models: [{id, name, parameters, layers, accuracy, dataset, problem}], default, lab, methods,
                          limits}
    POST /api/digit       a picture file (PNG, JPEG, WebP, GIF, BMP) as body, Content-Type image/...; ?models=id,id
                          -> {digit, predictions, problem}      prepared as ``scratchnet predict`` does it
    POST /api/predict     {digit, models: [id, ..]} -> {predictions: [{model, digit, probabilities (10), steps}, ..]}
                          steps: how many of SGD the lab has taken with this network
    POST /api/forward     {digit, model} -> {input, stages, logits, probabilities}
                          a stage: {name, layer, kind, formula, backward_formula, lessons, sources, x_shape, out_shape,
                                    out, params: {key: {shape, norm, values}}}; with "params": false their values are null
    POST /api/backward    {digit, model, label} -> {label, loss, probabilities, dlogits, dinput, stages (the last first)}
                          a stage: {name, dout, dx, dout_norm, dx_norm, note, grads: {key: {shape, norm, values}}}
    POST /api/terms       {digit, model, label, stage, of, index}
                          -> {value, left, right, plus, sum, rule, words, patch, won, window, sources, field}
                          which terms add up to one number of a stage: left * right + plus; see ``terms.py``
    POST /api/step        {digit, model, label, lr} -> {lab, steps, before, after, params}      one step of SGD, in a lab
    POST /api/reset       {lab, model} -> {}      throws the lab's weights of this network away
    POST /api/why         {digit, model, label, method} -> {method, label, score, paper, map, signed, problem}
                          score: the label's logit, paper: that of blank paper; methods: ``why.METHODS``
    POST /api/neighbours  {digit, model} -> {dataset, examples, neighbours: [{digit, label, distance}, ..], problem}

``digit`` is the base64 of the 28 x 28 bytes of an image as MNIST has them, row by row, 0 for black. Larger arrays are
{"shape": [16, 28, 28], "data": base64 of little-endian float32 in C order}, without the batch's axis:

    numpy.frombuffer(base64.b64decode(a["data"]), "<f4").reshape(a["shape"])

``problem`` is null, or says in one line why there is no digit, no map, no neighbour to tell of: no digit in the picture, or
a network without convolutions for Grad-CAM. ``values`` of a learned array are null if there are more than
``stages.MOST_VALUES``; its norm and shape are still told.

A *lab* is one visitor's copy of a network, which the first step makes. /api/step answers with its name; who sends that as
"lab" with later requests sees the changed weights (but for neighbours, which are those of the weights as trained). Labs are
few, and forgotten when not used for a while (``labs.py``): then the answer is 410.

Errors are {"error": {"code": "bad-request", "message": "one line"}}: 400 for a request that can't be meant, 403 for one from
another page or a step where steps are off, 404 for an unknown network or stage, 405 and 415 for a wrong method or
Content-Type, 410 for a forgotten lab, 413 for too much, 422 for a model file that can't be used or a step that diverges.
"""
