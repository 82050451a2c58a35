"""Arrays and pictures, each beside a slow literal twin."""

import re

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.numpy import save as save_arrays
from safetensors.torch import save as save_tensors

from conceptoscope import Unexpected
from conceptoscope.arrays import atoms_of, heat_of, read_npy, read_tensors, stacked
from conceptoscope.pictures import GAMMA, OPACITY, STOPS, colours, cropped, encode_picture, open_picture, overlaid
from conceptoscope.views import PixelBox
from tests.architecture.sources import ROOT


def box(x: float, y: float, width: float, height: float) -> PixelBox:
    return PixelBox({"x": x, "y": y, "width": width, "height": height})


def slow_overlay(pixels: np.ndarray, heat: np.ndarray, seen: PixelBox) -> np.ndarray:
    """The formula of the docstring, pixel by pixel."""
    out = np.zeros_like(pixels)
    for i in range(pixels.shape[0]):
        for j in range(pixels.shape[1]):
            v = (i + 0.5 - seen.y) / seen.height * heat.shape[0] - 0.5
            u = (j + 0.5 - seen.x) / seen.width * heat.shape[1] - 0.5
            h = 0.0
            if -0.5 < v < heat.shape[0] - 0.5 and -0.5 < u < heat.shape[1] - 0.5:
                v, u = min(max(v, 0), heat.shape[0] - 1), min(max(u, 0), heat.shape[1] - 1)
                r, c = min(int(v), heat.shape[0] - 2), min(int(u), heat.shape[1] - 2)
                upper = heat[r, c] * (1 - (u - c)) + heat[r, c + 1] * (u - c)
                lower = heat[r + 1, c] * (1 - (u - c)) + heat[r + 1, c + 1] * (u - c)
                h = upper * (1 - (v - r)) + lower * (v - r)
            shade = h**GAMMA
            alpha = OPACITY * min(1.0, 1.2 * shade)
            out[i, j] = np.rint((1 - alpha) * pixels[i, j] + alpha * slow_colour(shade))
    return out


def slow_colour(shade: float) -> np.ndarray:
    place = shade * (len(STOPS) - 1)
    low = min(int(place), len(STOPS) - 2)
    low_rgb, high_rgb = (np.array([int(s[i : i + 2], 16) for i in (0, 2, 4)]) for s in STOPS[low : low + 2])
    found: np.ndarray = low_rgb + (place - low) * (high_rgb - low_rgb)
    return found


@pytest.mark.parametrize("seen", [box(0, 0, 23, 17), box(3, 0, 17, 17), box(-4, 2.5, 31, 12.5)])
def test_heat_is_drawn_as_the_formula_says(seen: PixelBox) -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (17, 23, 3)).astype(np.uint8)
    heat = rng.random((3, 5)).astype(np.float32)
    drawn, slow = overlaid(pixels, heat, seen=seen), slow_overlay(pixels, heat, seen)
    assert np.abs(drawn.astype(int) - slow).max() <= 1  # float32 beside float64


def test_no_heat_leaves_the_photo() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (9, 9, 3)).astype(np.uint8)
    silent = np.zeros((2, 2), np.float32)
    np.testing.assert_array_equal(overlaid(pixels, silent, seen=box(0, 0, 9, 9)), pixels)
    full = np.ones((2, 2), np.float32)
    drawn = overlaid(pixels, full, seen=box(0, 0, 9, 9), opacity=1)
    np.testing.assert_array_equal(drawn, np.broadcast_to(colours(np.ones((9, 9), np.float32)), (9, 9, 3)))


def test_colours_are_those_of_the_pages() -> None:
    script = (ROOT / "static" / "js" / "palettes.js").read_text(encoding="utf-8")
    [viridis] = re.findall(r"viridis: \[(.*?)\]", script)
    assert tuple(re.findall(r'"(\w+)"', viridis)) == STOPS
    assert f"GAMMA = {GAMMA};" in script


def test_pictures_come_back_as_they_went() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (8, 12, 3)).astype(np.uint8)
    for given in (pixels, Image.fromarray(pixels)):
        picture = open_picture(encode_picture(given))
        np.testing.assert_array_equal(np.asarray(picture), pixels)
    part = cropped(Image.fromarray(pixels), box(2, 1, 5, 4))
    np.testing.assert_array_equal(np.asarray(part), pixels[1:5, 2:7])
    with pytest.raises(Unexpected, match="no picture"):
        open_picture(b"<html>")


def test_maps_are_codes() -> None:
    heat = heat_of([[0, 255], [51, 102]], 2.0)
    np.testing.assert_allclose(heat, [[0, 2], [0.4, 0.8]], rtol=1e-6)
    assert heat.dtype == np.float32
    assert stacked([], rows=3, cols=4).shape == (0, 3, 4)
    assert stacked([heat, heat], rows=2, cols=2).shape == (2, 2, 2)


def test_weights_files_are_read_as_their_own_package_reads_them() -> None:
    rng = np.random.default_rng(0)
    arrays = {
        "a": rng.normal(size=(3, 4)).astype(np.float32),
        "b": rng.normal(size=(5,)),
        "c": rng.integers(0, 9, (2, 2, 2)),
        "d": np.array([True, False]),
        "e": rng.normal(size=(2, 0)).astype(np.float16),
    }
    found = read_tensors(save_arrays(arrays, metadata={"x": "y"}))
    assert set(found) == set(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype
    half = torch.randn(4, 3).bfloat16()
    np.testing.assert_array_equal(read_tensors(save_tensors({"x": half}))["x"], half.float().numpy())


@pytest.mark.parametrize("content", [b"", b"<html>not here", (9**9).to_bytes(8, "little") + b"{}"])
def test_other_files_are_told(content: bytes) -> None:
    with pytest.raises(Unexpected, match="no safetensors file"):
        read_tensors(content)
    with pytest.raises(Unexpected, match="no NumPy file"):
        read_npy(content)


@pytest.mark.parametrize("name", ["decoder", "fused", "sides", "centroids"])
def test_atoms_have_norm_1(name: str) -> None:
    rows = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
    rows[2] = 0
    atoms = atoms_of({"mean": rows[0], name: rows})
    for atom, row in zip(atoms, rows, strict=True):
        np.testing.assert_allclose(atom, row / (np.linalg.norm(row) or 1), rtol=1e-6)


def test_whitened_and_joined_atoms_are_brought_back() -> None:
    rng = np.random.default_rng(0)
    rows, colouring = rng.normal(size=(6, 4)), rng.normal(size=(4, 4))
    for atom, row in zip(atoms_of({"decoder": rows, "colouring": colouring}), rows, strict=True):
        np.testing.assert_allclose(atom, row @ colouring / np.linalg.norm(row @ colouring), rtol=1e-5)
    parts = {f"decoders.{i}": rng.normal(size=(6, 2)) for i in range(11)}
    scale = rng.random(22)
    for i, atom in enumerate(atoms_of({**dict(sorted(parts.items())), "scale": scale})):
        whole = np.concatenate([parts[f"decoders.{n}"][i] for n in range(11)]) * scale
        np.testing.assert_allclose(atom, whole / np.linalg.norm(whole), rtol=1e-5)
    with pytest.raises(Unexpected, match="holds no atoms; it holds x"):
        atoms_of({"x": rows})
