import pytest

from scratchnet_lessons.tools import percent

TEXT = """# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     name: python3
# ---

# %% [markdown]
# # A heading
#
# Text with a # sign.

# %% tags=["exercise-3.1", "long"]
def f(x):
    return ...


# %% wrong: 1/N missing
x = 1

# %% [markdown] hint
# What?
"""


def test_cells_are_read():
    heading, stub, wrong, hint = percent.read(TEXT)
    assert heading == percent.Cell("markdown", "# A heading\n\nText with a # sign.", 9)
    assert stub == percent.Cell("code", "def f(x):\n    return ...", 14, "", ("exercise-3.1", "long"))
    assert (wrong.kind, wrong.source, wrong.title) == ("code", "x = 1", "wrong: 1/N missing")
    assert (hint.kind, hint.source, hint.title) == ("markdown", "What?", "hint")


def test_no_cells():
    assert percent.read("import numpy\n") == []


@pytest.mark.parametrize(
    ("text", "said"),
    [("# %%[markdown]\n", "bad.py, line 1"), ("# %%\n1\n# %% [markdown]\n# a\nb = 1\n", "bad.py, line 5")],
)
def test_what_is_no_cell_is_named(text, said):
    with pytest.raises(ValueError, match=said):
        percent.read(text, "bad.py")


def test_jupytext_reads_the_same_cells(tmp_path):
    jupytext = pytest.importorskip("jupytext")
    text = TEXT.replace("# %% wrong: 1/N missing", "# %%").replace("# %% [markdown] hint", "# %% [markdown]")
    theirs = [
        (cell.cell_type, cell.source, cell.metadata.get("tags", [])) for cell in jupytext.reads(text, "py:percent").cells
    ]
    assert theirs == [(cell.kind, cell.source, list(cell.tags)) for cell in percent.read(text)]
