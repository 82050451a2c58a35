"""What is kept of the last photos: bounded by bytes and by time, forgotten on request."""

import torch

from store.grid import Window
from worker.encoder.looks import LookKey, Looks, PhotoLook
from worker.encoder.plans import ModelKey


def key(photo: str, layer: str = "last") -> LookKey:
    return LookKey(photo, ModelKey("small"), Window(32, 32), layer)


def look(n_floats: int = 6) -> PhotoLook:
    return PhotoLook(10, 8, torch.zeros(1, 1, n_floats), torch.zeros(0, n_floats), None)


def test_the_oldest_goes_when_bytes_run_out() -> None:
    looks = Looks(60)  # each takes 24
    for photo in "ab":
        looks.keep(key(photo), look())
    assert looks.find(key("a")) is not None  # now the most recently used
    looks.keep(key("c"), look())
    assert looks.find(key("b")) is None
    assert looks.find(key("a")) is not None
    assert looks.n_bytes == 48
    looks.keep(key("d"), look(1000))  # larger than all may be: the others stay
    assert looks.find(key("d")) is None
    assert looks.n_bytes == 48


def test_the_same_photo_is_kept_once() -> None:
    looks = Looks(1000)
    for _ in range(5):
        looks.keep(key("a"), look())
    assert looks.n_bytes == 24


def test_time_passes() -> None:
    now = 0.0
    looks = Looks(1000, kept_s=10.0, clock=lambda: now)
    looks.keep(key("a"), look())
    now = 9.0
    assert looks.find(key("a")) is not None
    now = 18.0
    assert looks.find(key("a")) is not None  # since its last use
    now = 28.5
    assert looks.find(key("a")) is None
    assert looks.n_bytes == 0


def test_a_photo_is_forgotten_at_all_layers_and_others_stay() -> None:
    looks = Looks(1000)
    for one in (key("a"), key("a", "first"), key("b")):
        looks.keep(one, look())
    assert looks.forget("a") == 2
    assert looks.forget("a") == 0
    assert looks.find(key("a")) is None
    assert looks.find(key("b")) is not None
    assert looks.n_bytes == 24
