"""The benchmarks' own arithmetic and grammar. Nothing here measures time or needs PyTorch, but for one test that skips."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import command, environment, ladder, one_run, profile, rounds, scaling, steps, time_to_99, vs_pytorch
from benchmarks.data import load
from benchmarks.intervals import ratio_of_medians
from benchmarks.networks import CASES, arrays_for_pytorch, training_flops
from benchmarks.rounds import Contender, ContenderFailed, Worker, interleaved
from scratchnet.layers import Conv2d, Dense, Flatten, MaxPool2d, Sequential
from scratchnet.layers.conv import conv2d_backward, conv2d_forward
from scratchnet.layers.pool import max_pool2d_backward, max_pool2d_forward

ROOT = Path(__file__).parent.parent
COMMANDS = {"vs_pytorch": vs_pytorch, "ladder": ladder, "scaling": scaling, "time_to_99": time_to_99, "profile": profile}
every_command = pytest.mark.parametrize("name", COMMANDS)


def rng(seed=0):
    return np.random.default_rng(seed)


# --- Networks --------------------------------------------------------------------------------------------------------------

# Keras says 34 826 of its example, PyTorch's has 1 199 882; S and R are added up by hand:
# S = (25 + 1) 8 + (200 + 1) 16 + (784 + 1) 128 + (128 + 1) 10
# R = (25 + 1) 32 + (288 + 1) 64 + (576 + 1) 64 + (576 + 1) 128 + 2 (32 + 64 + 64 + 128) + (1152 + 1) 10
PARAMETERS = {"S": 105_194, "K": 34_826, "P": 1_199_882, "R": 142_218}

# Multiply-adds of each layer that learns, for one image, by hand: outputs x filter size
MACS = {
    "S": [28 * 28 * 8 * 25, 14 * 14 * 16 * 200, 784 * 128, 128 * 10],
    "K": [26 * 26 * 32 * 9, 11 * 11 * 64 * 288, 1600 * 10],
    "P": [26 * 26 * 32 * 9, 24 * 24 * 64 * 288, 9216 * 128, 128 * 10],
    "R": [28 * 28 * 32 * 25, 14 * 14 * 64 * 288, 14 * 14 * 64 * 576, 7 * 7 * 128 * 576, 1152 * 10],
}


@pytest.mark.parametrize("case", CASES)
def test_networks_have_the_published_sizes(case):
    model = CASES[case].build()
    assert sum(array.size for array in model.params.values()) == PARAMETERS[case]
    assert model(np.zeros((2, 1, 28, 28), np.float32)).shape == (2, 10)


@pytest.mark.parametrize("case", CASES)
def test_flops_count_forward_and_both_backward_products_but_not_the_first_dx(case):
    first, *others = MACS[case]
    assert training_flops(CASES[case].build()) == 2 * (2 * first + 3 * sum(others))


def test_flops_of_strides_and_of_a_dense_layer_that_comes_first():
    model = Sequential(Conv2d(1, 3, 3, stride=2, rng=rng()), Flatten(), Dense(3 * 3 * 3, 5, rng=rng()))
    assert training_flops(model, (1, 7, 7)) == 2 * (2 * 3 * 3 * 3 * 9 + 3 * 27 * 5)
    assert training_flops(Sequential(Flatten(), Dense(49, 5, rng=rng())), (1, 7, 7)) == 2 * 2 * 49 * 5


@pytest.mark.parametrize("case", CASES)
def test_pytorch_has_the_same_parameters_and_output(case):
    torch = pytest.importorskip("torch")
    model, network = CASES[case].build(), CASES[case].theirs(torch.nn)
    ours = [(name, array.shape) for name, array in arrays_for_pytorch(model, model.params)]
    theirs = [(name.rpartition(".")[2], tuple(p.shape)) for name, p in network.named_parameters()]
    assert ours == theirs
    assert network(torch.zeros(2, 1, 28, 28)).shape == (2, 10)


def test_arrays_for_pytorch_turns_dense_weights_alone():
    model = Sequential(Conv2d(1, 3, (2, 4), rng=rng()), Flatten(), Dense(3, 5, rng=rng()))
    (_, conv), _, (name, dense), _ = arrays_for_pytorch(model, model.params)
    np.testing.assert_array_equal(conv, model.params["0.w"])
    np.testing.assert_array_equal(dense, model.params["2.w"].T)
    assert name == "weight"


# --- Steps of the ladder ---------------------------------------------------------------------------------------------------

ALL_STEPS = {"loops": steps.LOOPS, "textbook": steps.TEXTBOOK, "batch last": steps.BATCH_LAST}


@pytest.mark.parametrize("name", ALL_STEPS)
@pytest.mark.parametrize(("stride", "pad"), [((1, 1), (0, 0)), ((1, 1), (1, 2)), ((2, 1), (1, 0)), ((2, 3), (2, 2))])
def test_every_step_convolves(name, stride, pad):
    forward, backward = ALL_STEPS[name][Conv2d]
    r = rng(1)
    x, w, b = r.normal(size=(2, 3, 7, 6)), r.normal(size=(4, 3, 3, 2)), r.normal(size=4)
    wanted, wanted_cache = conv2d_forward(x, w, b, stride, pad)
    out, cache = forward(x, w, b, stride=stride, pad=pad)
    np.testing.assert_allclose(out, wanted, rtol=1e-12, atol=1e-12)
    dout = r.normal(size=out.shape)
    for found, gradient in zip(backward(dout, cache), conv2d_backward(dout, wanted_cache), strict=True):
        np.testing.assert_allclose(found, gradient, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", ALL_STEPS)
def test_every_step_pools(name):
    forward, backward = ALL_STEPS[name][MaxPool2d]
    x = rng(2).normal(size=(2, 3, 7, 6))
    wanted, wanted_cache = max_pool2d_forward(x, (2, 3))
    out, cache = forward(x, kernel_size=(2, 3), stride=(2, 3))
    np.testing.assert_array_equal(out, wanted)
    dout = rng(3).normal(size=out.shape)
    np.testing.assert_array_equal(backward(dout, cache), max_pool2d_backward(dout, wanted_cache))


@pytest.mark.parametrize("name", ALL_STEPS)
def test_a_tie_has_one_winner(name):
    forward, backward = ALL_STEPS[name][MaxPool2d]
    _, cache = forward(np.zeros((1, 1, 4, 4)), kernel_size=(2, 2), stride=(2, 2))
    dx = backward(np.ones((1, 1, 2, 2)), cache)
    assert dx.sum() == 4
    assert np.count_nonzero(dx) == 4


@pytest.mark.parametrize("name", ALL_STEPS)
def test_a_network_on_a_step_shares_its_weights(name):
    model = CASES["K"].build()
    other = steps.on(model, ALL_STEPS[name])
    assert [type(layer) for layer in other.layers] == [type(layer) for layer in model.layers]
    assert all(other.params[key] is array for key, array in model.params.items())
    x = rng(4).normal(size=(1, 1, 28, 28)).astype(np.float32)
    np.testing.assert_allclose(other(x), model(x), rtol=1e-4, atol=1e-5)


# --- Intervals -------------------------------------------------------------------------------------------------------------


def test_the_ratio_is_of_medians():
    ratio = ratio_of_medians([2.0, 4.0, 100.0], [1.0, 2.0, 3.0])
    assert ratio.value == 2.0


def test_rounds_that_agree_leave_no_doubt():
    assert ratio_of_medians([3.0] * 5, [2.0] * 5) == (1.5, 1.5, 1.5)


def test_what_disturbs_both_alike_leaves_no_doubt():
    theirs = rng(5).uniform(1, 2, 101)
    ratio = ratio_of_medians(3 * theirs, theirs)
    np.testing.assert_allclose(ratio, [3, 3, 3])


def test_the_interval_covers_the_truth_as_often_as_it_says():
    r, covered = rng(6), 0
    for _ in range(200):
        ratio = ratio_of_medians(np.exp(0.1 * r.normal(size=15)) * 1.5, np.exp(0.1 * r.normal(size=15)))
        covered += ratio.low <= 1.5 <= ratio.high
    assert 0.88 <= covered / 200 <= 1


@pytest.mark.parametrize(("ours", "theirs"), [([1.0], [1.0, 2.0]), ([], []), ([[1.0]], [[1.0]])])
def test_rounds_must_match(ours, theirs):
    with pytest.raises(ValueError, match="rounds"):
        ratio_of_medians(ours, theirs)


# --- Contenders ------------------------------------------------------------------------------------------------------------


class Counter(Worker):
    """Says what it was asked; a turn takes as many seconds as it has units, by its own account."""

    def __init__(self, data, number=0):
        self.data, self.number = data, number

    def set_up(self, value):
        return value

    def turn(self, amount):
        return amount + self.number

    def who(self):
        return self.data, self.number

    def fail(self):
        raise ArithmeticError("this went wrong")

    def end(self):
        raise SystemExit


def test_a_contender_asks_all_its_processes_and_the_slowest_counts():
    with Contender("two", Counter, "data", (10,), (20,)) as two:
        assert two.ask_all("who") == [("data", 10), ("data", 20)]
        assert two.ask("who") == ("data", 10)
        assert two.turn(3) == 23
        with pytest.raises(ContenderFailed, match="two: this went wrong"):
            two.ask("fail")


def test_a_contender_whose_process_ends_is_an_error():
    with Contender("one", Counter, None, ()) as one, pytest.raises(ContenderFailed, match="one: its process ended"):
        one.ask("end")


class Asked:
    """A contender without a process, that writes down who was asked."""

    def __init__(self, log, name):
        self.log, self.name = log, name

    def turn(self, amount):
        self.log.append(self.name)
        return float(amount)


def test_every_round_has_each_once_in_its_own_order(monkeypatch):
    monkeypatch.setattr(rounds, "SETTLE_SECONDS", 0)
    log = []
    names = "abcd"
    seconds = interleaved({name: (Asked(log, name), i + 1) for i, name in enumerate(names)}, 8, seed=0)
    orders = ["".join(log[i : i + 4]) for i in range(0, 32, 4)]
    assert all(sorted(order) == list(names) for order in orders)
    assert len(set(orders)) > 1
    assert {name: values.tolist() for name, values in seconds.items()} == {n: [i + 1.0] * 8 for i, n in enumerate(names)}
    again = []
    interleaved({name: (Asked(again, name), 1) for name in names}, 8, seed=0)
    assert again == log


def test_the_amount_fits_the_seconds():
    with Contender("one", Counter, None, ()) as one:
        assert one.amount_for(100.0) == 100


# --- Command lines ---------------------------------------------------------------------------------------------------------


@every_command
def test_the_readme_has_a_place_for_every_table(name):
    text = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    assert text.count(f"<!-- {name}: begin -->") == text.count(f"<!-- {name}: end -->") == 1
    assert f"python -m benchmarks.{name}" in text


@every_command
@pytest.mark.parametrize(
    "arguments",
    [["--what", "nothing"], ["--nonsense"], ["--json", "no/such/folder/f.json"], ["--markdown", "setup.cfg"], ["x"]],
)
def test_misuse_is_one_line_and_status_2(name, arguments, capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    try:
        status = COMMANDS[name].main(arguments)
    except SystemExit as ended:
        status = ended.code
    assert status == 2
    out, err = capsys.readouterr()
    assert not out
    assert err.count("\n") == 1
    assert err.startswith(f"python -m benchmarks.{name}: error: ")


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("vs_pytorch", ["--cases", "S,X"]),
        ("vs_pytorch", ["--threads", "0"]),
        ("vs_pytorch", ["--rounds", "-1"]),
        ("ladder", ["--cases", "R"]),
        ("scaling", ["--cases", ""]),
        ("time_to_99", ["--seeds", "0"]),
    ],
)
def test_values_out_of_range_are_misuse(name, arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        COMMANDS[name].main(arguments)
    assert ended.value.code == 2
    assert arguments[0] in capsys.readouterr().err


def test_an_unknown_recipe_is_misuse(capsys):
    assert time_to_99.main(["--recipe", "none"]) == 2
    assert "there is no 'none', there are softmax" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["vs_pytorch", "time_to_99"])
def test_without_pytorch_one_line_says_how_to_get_it(name, capsys, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    arguments = ["--recipe", "cnn-small"] if name == "time_to_99" else []
    assert COMMANDS[name].main(arguments) == 1
    assert (
        capsys.readouterr().err
        == f'python -m benchmarks.{name}: error: PyTorch is not installed; pip install -e ".[bench]" gets it\n'
    )


def test_the_comparison_is_asked_for_in_parts():
    args = vs_pytorch.grammar().parse_args(["--cases", "P,S", "--threads", "2,cores", "--quick", "--what", "infer"])
    assert (args.cases, args.threads, args.quick, args.what) == (["P", "S"], ["2", "cores"], True, ["infer"])
    assert vs_pytorch.thread_counts(["default", "3"]) == [None, 3]
    assert vs_pytorch.grammar().parse_args([]).cases == list("SKPR")


def test_a_recipe_that_pytorch_can_not_follow_is_refused(monkeypatch):
    monkeypatch.setattr(one_run, "KNOWN", one_run.KNOWN - {"batch_size"})
    assert one_run.recipe_for("cnn-small", 3, 2).seed == 3
    monkeypatch.setattr(one_run, "KNOWN", one_run.KNOWN - {"lr"})
    with pytest.raises(ValueError, match=r"cnn-small.*lr 0\.1"):
        one_run.recipe_for("cnn-small", 3, None)


def test_resized_images_keep_their_corners():
    images = rng().integers(0, 256, (2, 28, 28), np.uint8)
    np.testing.assert_array_equal(scaling.resized(images, 14)[:, 1, 2], images[:, 2, 4])
    np.testing.assert_array_equal(scaling.resized(images, 56)[:, 2:4, 5], images[:, [1, 1], 2])
    np.testing.assert_array_equal(scaling.resized(images, 28), images)
    with pytest.raises(ValueError, match="20"):
        scaling.resized(images, 20)


# --- Results ---------------------------------------------------------------------------------------------------------------


def a_row(**settings):
    best = {"channels_last": True, "fused": False, "threads": 4, **settings}
    return vs_pytorch.Row("S", "train", np.array([3.0, 3.0]), np.array([2.0, 2.0]), {"pytorch": best})


def test_a_row_says_who_how_fast_and_how_sure():
    found = a_row().to_dict()
    assert {key: found[key] for key in ("case", "what", "scratchnet", "pytorch", "ratio", "low", "high")} == {
        "case": "S",
        "what": "train",
        "scratchnet": 3.0,
        "pytorch": 2.0,
        "ratio": 1.5,
        "low": 1.5,
        "high": 1.5,
    }
    assert vs_pytorch.cells(a_row())[-1] == "channels_last, 4 threads"
    assert vs_pytorch.cells(a_row(processes=2, exchange="gloo"))[-1] == "channels_last, 2 processes, gloo, 4 threads"


def test_the_summary_of_seeds_has_ratios_of_times():
    pairs = [
        {
            "seed": seed,
            "scratchnet": {"training": 2.0, "total": 3.0, "accuracy": 0.99},
            "pytorch": {"training": 5.0, "total": 6.0, "accuracy": 0.98},
        }
        for seed in range(3)
    ]
    training, total, accuracy = time_to_99.summary(pairs, "lenet5")
    assert (training["ratio"], total["ratio"]) == (2.5, 2.0)
    assert (accuracy["scratchnet"], accuracy["pytorch"]) == (pytest.approx(0.99), pytest.approx(0.98))
    assert "99.000%" in time_to_99.in_text(pairs, [training, total, accuracy])


def test_results_go_where_they_are_asked_for(tmp_path):
    page, file = tmp_path / "page.md", tmp_path / "rows.json"
    page.write_text("before\n<!-- ladder: begin -->\nold\n<!-- ladder: end -->\nafter\n", encoding="utf-8")
    args = ladder.grammar().parse_args(["--json", str(file), "--markdown", str(page)])
    for text in "| new |", "| newer |":
        command.save(args, [{"case": "S"}], text)
        assert page.read_text(encoding="utf-8") == f"before\n<!-- ladder: begin -->\n{text}\n<!-- ladder: end -->\nafter\n"
    assert json.loads(file.read_text(encoding="utf-8")) == [{"case": "S"}]


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.123456, "0.123"),
        (7.32, "7.32"),
        (999.4, "999"),
        (999.7, "1k"),
        (16_400, "16.4k"),
        (999_700, "1M"),
        (1.234e6, "1.23M"),
    ],
)
def test_numbers_are_short(number, text):
    assert command.short(number) == text


def test_a_table_is_markdown_and_lined_up():
    assert command.table(("a", "bb"), [("ccc", "1")]).splitlines() == ["| a   | bb |", "|-----|---:|", "| ccc |  1 |"]


def test_the_machine_is_described_and_a_busy_one_is_told(tmp_path, monkeypatch):
    stat = tmp_path / "stat"
    stat.write_text("cpu  9 9 9 9 9 9 9 9 0 0\ncpu0 100 20 30 999 999 1 2 47 0 0\ncpu1 1 1 1 1 1 1 1 1 0 0\nintr 5\n")
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {0}, raising=False)
    monkeypatch.setattr("os.sysconf", lambda name: 100, raising=False)
    assert environment._working_time(stat) == {0: 2.0}
    assert environment._working_time(tmp_path / "none") == {}

    monkeypatch.setattr(environment, "busy_cores", lambda: 1.3)
    for name in environment.THREAD_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    told = environment.sentence(environment.describe())
    assert "; BUSY: others are using 1.3 of the cores" in told
    assert told.endswith("; OMP_NUM_THREADS=2 limits the threads")
    monkeypatch.setattr(environment, "busy_cores", lambda: 0.1)
    assert "BUSY" not in environment.sentence(environment.describe())


# --- The package stands alone ----------------------------------------------------------------------------------------------


def test_pytorch_is_imported_only_where_it_is_needed():
    modules = ", ".join(f"benchmarks.{name}" for name in [*COMMANDS, "one_run", "ours", "networks"])
    code = f"import sys, {modules}; print('torch' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout == "False\n"


# --- The profile -----------------------------------------------------------------------------------------------------------


def test_the_profile_has_a_row_for_every_layer_and_its_parts_make_up_the_step():
    rows = profile.profile("S", load(None).first(256, 0), steps=2)
    layers = [f"{index} {type(layer).__name__}" for index, layer in enumerate(CASES["S"].build().layers)]
    *parts, step = rows
    assert [row["what"] for row in parts[: len(layers)]] == layers
    assert sum(row["seconds"] for row in parts) == pytest.approx(step["seconds"])
    assert all(len(profile.cells(row)) == len(profile.HEADER) for row in rows)
    assert [row["what"] for row in rows if row.get("forward_flops_per_second")] == [
        name for name in layers if "Conv2d" in name or "Dense" in name
    ]
    fewer = profile.small_ones_together(rows)
    assert sum(row["seconds"] for row in fewer) == pytest.approx(sum(row["seconds"] for row in rows))
    assert [row["what"] for row in fewer][-2:] == ["waiting for the slowest process", "step"]
