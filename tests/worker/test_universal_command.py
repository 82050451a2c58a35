"""`universal` in the terminal: names, weights, what others make of its result, and bad input in one line."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from store.catalog.dictionaries import get_dictionary
from store.catalog.session import Catalog
from store.errors import ConceptoscopeError
from store.settings import Settings
from tests.working import MODEL, Inputs
from worker.cli.main import app

STREAMS = f"{MODEL}:layer4@96x128,{MODEL}:layer3@96x128"
NAMED = "universal-timm-test-resnet-timm-test-resnet"
SMALL = (
    "--n-concepts",
    "24",
    "--n-active",
    "4",
    "--epochs",
    "2",
    "--set",
    "batch_tokens=64",
    "--set",
    "references=false",
)


class Terminal:
    """A store, and commands over it."""

    def __init__(self, folder: Path) -> None:
        self.inputs = Inputs.draw(folder)
        self.store = folder / "store"
        self.weights = ("--weights", f"{MODEL}={self.inputs.weights}")

    def asked(self, *words: str) -> Any:
        done = CliRunner().invoke(app, [*words, "--store", str(self.store), "--json"], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    def refused(self, *words: str) -> str:
        with pytest.raises(ConceptoscopeError) as fault:
            self.asked(*words)
        return str(fault.value)


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    terminal = Terminal(tmp_path_factory.mktemp("terminal"))
    terminal.asked("ingest", str(terminal.inputs.photos), "--slug", "drawn", "--held-out", "0.25")
    return terminal


@pytest.mark.slow
def test_streams_are_joined_indexed_and_listed(terminal: Terminal) -> None:
    command = ("universal", "drawn", "--streams", STREAMS, *SMALL, *terminal.weights)
    built = terminal.asked(*command, "--live", "--slug", "both", "--title", "Both layers")
    assert (built["kind"], built["slug"], built["reused"]) == ("universal", "both", False)
    assert terminal.asked(*command, "--live", "--slug", "both")["reused"]
    (listed,) = terminal.asked("ls")["dictionaries"]
    assert (listed["method"], listed["model"], listed["layer"]) == (
        "universal",
        "test_resnet + test_resnet",
        "layer4 + layer3",
    )
    assert "its weights file is needed again" in terminal.refused("atlas", "both")
    again = ("--weights", str(terminal.inputs.weights))
    assert terminal.asked("atlas", "both", "--n-examples", "9", *again)["kind"] == "atlas"
    rows = {row["metric"]: row for row in terminal.asked("metrics", "both")}
    assert rows["cross_r2"]["null"] is not None
    assert rows["r2"]["value"] == rows["own_r2"]["value"]
    assert terminal.asked("metrics")[0]["r2"] == rows["r2"]["value"]


def test_names_are_made_of_the_models(terminal: Terminal) -> None:
    built = terminal.asked("universal", "drawn", "--streams", STREAMS, *SMALL, *terminal.weights)
    assert built["slug"] == NAMED
    with Catalog(Settings(store=terminal.store).catalog_url).session() as session:
        row = get_dictionary(session, built["slug"])
    assert row.title == "Universal: test_resnet + test_resnet"


def test_what_is_for_one_model_refuses_it(terminal: Terminal) -> None:
    terminal.asked("universal", "drawn", "--streams", STREAMS, *SMALL, *terminal.weights)
    for words in (("align", NAMED, "other"), ("stability", NAMED), ("monosemanticity", NAMED)):
        assert terminal.refused(*words).startswith(f"'{NAMED}' is a universal dictionary, whose concepts are already")


@pytest.mark.parametrize(
    ("streams", "told"),
    [
        ("mobilenet-v2:blocks.6", "joins 2 to 5 streams, not 1"),
        (",".join(f"mobilenet-v2:blocks.{n}" for n in range(6)), "joins 2 to 5 streams, not 6"),
        (f"{STREAMS},{MODEL}:layer3", "timm/test_resnet:layer3 is listed 2 times; list each model and layer once"),
        ("mobilenet-v2", "Streams are MODEL:LAYER, for example mobilenet-v2:blocks.6@320x576; 'mobilenet-v2' is not."),
    ],
)
def test_bad_streams_are_one_clear_line(terminal: Terminal, streams: str, told: str) -> None:
    assert told in terminal.refused("universal", "drawn", "--streams", streams)


def test_other_bad_input_is_one_clear_line(terminal: Terminal) -> None:
    command = ("universal", "drawn", "--streams", STREAMS, *SMALL)
    assert "No collection named 'drawm'" in terminal.refused("universal", "drawm", *command[2:], *terminal.weights)
    assert "--weights is MODEL=FILE" in terminal.refused(*command, "--weights", "x.pth")
    assert "'/nothing' does not exist" in terminal.refused(*command, "--weights", f"{MODEL}=/nothing")
    told = terminal.refused(*command, *terminal.weights, "--set", "grid_rows=40")
    assert re.search("timm/test_resnet:layer4 has a grid of 3x4 and cannot be resampled to the finer 40x4", told)
