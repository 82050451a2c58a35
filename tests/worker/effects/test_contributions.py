"""Contributions against loops over patches and concepts, and against one another."""

import pytest
import torch
from torch import Tensor

from store.errors import InvalidInput, NotFound, Unavailable
from tests.tiny import tiny_images, tiny_model
from tests.worker.effects.scenes import (
    ALL_METHODS,
    GRID,
    N_CLASSES,
    N_CONCEPTS,
    WIDTH,
    WINDOW,
    BentModel,
    dictionary,
    head,
    linear_tail,
    patches,
    photo,
    some,
)
from tests.worker.jobs.small_model import SmallModel
from worker.effects.contributions import (
    Contributions,
    Method,
    TooSlow,
    contributions,
    in_time,
    occluded_patches,
    occlusion,
)
from worker.effects.photo import CodedPhoto, code_photo
from worker.effects.tails import BentTail, LinearTail, NetworkTail, Tail, exact_tail, find_tail
from worker.effects.targets import Against, Target
from worker.models.base import Activations, BentHead, LinearHead

TARGETS = (Target(2), Target(0, against="mean"), Target(6, against=1))


def bent_tail(softness: float = 1.0) -> NetworkTail:
    found = Activations(patches()[None], patches().new_zeros(1, 0, WIDTH))
    return NetworkTail(BentModel(softness=softness), "early", WINDOW, photo=found)


@pytest.mark.parametrize(
    ("method", "target"), [*((method, TARGETS[0]) for method in ALL_METHODS), *(("topk", one) for one in TARGETS[1:])]
)
def test_exact_terms_equal_loops_and_add_up_to_the_logit(method: str, target: Target) -> None:
    made, of = photo(method), dictionary(method)
    found = contributions(made, linear_tail(), target)
    codes = of.encode(patches().flatten(0, 1)).dense().double()
    atoms, origin, weight, bias = of.atoms.double(), of.origin.double(), head().weight.double(), head().bias.double()
    t = target.weights(N_CLASSES)
    for place, concept in enumerate(found.concepts.tolist()):
        says = sum(float(t[c]) * float(atoms[concept] @ weight[c]) for c in range(N_CLASSES))
        for patch in range(GRID[0] * GRID[1]):
            slow = float(codes[patch, concept]) * says / 12
            row, col = divmod(patch, GRID[1])
            assert found.maps is not None
            assert float(found.maps[place, row, col]) == pytest.approx(slow, abs=1e-9)
    through = of.decode(of.encode(patches().flatten(0, 1))).double()
    error = (patches().flatten(0, 1).double() - through).mean(dim=0)
    assert found.bias == pytest.approx(float(t @ (bias + weight @ origin)), abs=1e-5)
    assert found.residual == pytest.approx(float(t @ (weight @ error)), abs=1e-5)
    logits = head().weight @ patches().mean((0, 1)) + head().bias
    assert found.bias + found.residual + float(found.values.sum()) == pytest.approx(
        float(t @ logits.double()), abs=1e-5
    )
    assert found.gap == pytest.approx(0, abs=1e-9)
    assert set(codes.nonzero()[:, 1].tolist()) == set(found.concepts.tolist())


@pytest.mark.parametrize("method", ALL_METHODS)
def test_a_linear_head_makes_all_methods_equal(method: str) -> None:
    made, tail, target = photo(method), linear_tail(), Target(3)
    exact, *others = (contributions(made, tail, target, method=how) for how in Method)
    for other in others:
        torch.testing.assert_close(other.values, exact.values, rtol=0, atol=1e-9)
        assert (other.score, other.bias, other.residual) == (exact.score, exact.bias, exact.residual)
        if other.maps is not None and exact.maps is not None:
            torch.testing.assert_close(other.maps, exact.maps, rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", ["resnet", "efficientnet", "swin"])
def test_tiny_networks_with_exact_heads_agree_with_their_own_passes(name: str) -> None:
    model, window = tiny_model(name), tiny_model(name).window(64, 64)
    found = model.activations(tiny_images(1, height=64, width=64), model.layers[-1])
    made = random_photo(found.patches[0])
    tails: tuple[Tail, Tail] = (
        find_tail(model, model.layers[-1], window, photo=found),
        NetworkTail(model, model.layers[-1], window, photo=found),
    )
    assert isinstance(tails[0], LinearTail)
    exact = contributions(made, tails[0], Target(1))
    own = model.logits(tiny_images(1, height=64, width=64))
    assert own is not None
    assert exact.score == pytest.approx(float(own[0, 1]), abs=1e-4)
    for method in (Method.GRADIENT, Method.INTEGRATED, Method.OCCLUSION):
        slow = contributions(made, tails[1], Target(1), method=method)
        scale = max(1.0, float(exact.values.abs().max()))
        torch.testing.assert_close(slow.values / scale, exact.values / scale, rtol=0, atol=1e-5)


def random_photo(x: Tensor) -> CodedPhoto:
    """Of random atoms, of which few fire."""
    n, d = x.shape[0] * x.shape[1], x.shape[2]
    concepts = torch.tensor([1, 4, 5])
    codes = some(n, 3, seed=1).relu().double()
    atoms = torch.nn.functional.normalize(some(8, d, seed=2), dim=1)
    return CodedPhoto(x.double(), concepts, codes, atoms[concepts].double(), atoms, some(d, seed=3).double())


@pytest.mark.parametrize("name", ["vit", "convnext", "mobilenetv3"])
def test_integrated_gradients_are_complete_through_real_layers(name: str) -> None:
    model, window = tiny_model(name), tiny_model(name).window(64, 64)
    layer = model.layers[0]
    found = model.activations(tiny_images(1, height=64, width=64), layer)
    tail = find_tail(model, layer, window, photo=found)
    made = random_photo(found.patches[0])
    coarse, fine = (contributions(made, tail, Target(0), n_steps=n) for n in (1, 40))
    assert fine.method is Method.INTEGRATED
    spread = float(fine.values.abs().sum()) + abs(fine.score - fine.bias - fine.residual)
    assert abs(fine.gap) <= 2e-2 * spread + 1e-4
    assert abs(fine.gap) <= abs(coarse.gap) + 1e-4


def test_integrated_gradients_equal_a_long_sum() -> None:
    made, tail, target = photo(), bent_tail(), Target(2)
    found = contributions(made, tail, target, n_steps=24)
    n, slow = 400, torch.zeros_like(found.values)
    for step in range(n):
        at = made.emptied + (step + 0.5) / n * (made.patches - made.emptied)
        x = at.float().requires_grad_()
        logits = BentModel().logits_after(Activations(x[None], x.new_zeros(1, 0, WIDTH)), "early", WINDOW)
        assert logits is not None
        (gradient,) = torch.autograd.grad(logits[0, 2], x)
        for place, concept in enumerate(found.concepts.tolist()):
            along = gradient.flatten(0, 1).double() @ made.atoms[concept].double()
            slow[place] += made.codes[:, place] @ along / n
    torch.testing.assert_close(found.values, slow, rtol=0, atol=1e-4)
    assert found.gap == pytest.approx(0, abs=1e-4)


def test_a_single_bend_is_integrated_without_steps() -> None:
    """Beside a sum over many steps; the gap is nothing, however few steps are asked for."""
    hidden = 9
    bent = BentHead(
        some(hidden, WIDTH, seed=3), some(hidden, seed=4), 0.8, LinearHead(some(N_CLASSES, hidden), some(N_CLASSES))
    )
    tail, made, target = BentTail(bent), photo(), Target(2, against="mean")
    found = contributions(made, tail, target, n_steps=1)
    t, n, slow = target.weights(N_CLASSES), 4000, torch.zeros_like(made.patches)
    for step in range(n):
        x = (made.emptied + (step + 0.5) / n * (made.patches - made.emptied)).requires_grad_()
        u = x @ bent.weight.double().T + bent.bias.double()
        score = (u.clamp(0, 0.8).mean((0, 1)) @ bent.head.weight.double().T + bent.head.bias.double()) @ t
        slow += torch.autograd.grad(score, x)[0] / n
    for place, concept in enumerate(made.concepts.tolist()):
        along = made.codes[:, place] @ (slow.flatten(0, 1) @ made.atoms[concept].double())
        assert float(found.values[place]) == pytest.approx(float(along), abs=2e-3)
    assert found.gap == pytest.approx(0, abs=1e-9)
    states = torch.stack([made.patches, made.emptied])
    torch.testing.assert_close(tail.logits(states), bent.logits(states.float()).double(), rtol=0, atol=1e-4)
    local = tail.gradients(states, t)
    for state, of in zip(states, local, strict=True):
        step_ = 1e-7 * some(*state.shape, seed=9).double()
        (less, more) = tail.logits(torch.stack([state - step_, state + step_])) @ t
        assert float((of * step_).sum() * 2) == pytest.approx(float(more - less), rel=1e-4, abs=1e-12)


def test_a_network_that_bends_once_is_known_by_trying() -> None:
    model, window = tiny_model("efficientnet"), tiny_model("efficientnet").window(64, 64)
    assert [layer for layer in model.layers if model.bent_head(layer)] == [model.layers[-2]]
    found = model.activations(tiny_images(1, height=64, width=64), model.layers[-2])
    tail = find_tail(model, model.layers[-2], window, photo=found)
    own = model.logits(tiny_images(1, height=64, width=64))
    assert isinstance(tail, BentTail)
    assert own is not None
    torch.testing.assert_close(tail.logits(found.patches.double()).float(), own, rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", ["vit", "resnet", "mobilenetv3", "swin"])
def test_networks_that_end_otherwise_are_not_taken_for_it(name: str) -> None:
    model = tiny_model(name)
    assert [model.bent_head(layer) for layer in model.layers] == [None] * len(model.layers)


def test_a_patch_that_does_not_move_has_its_own_gradient() -> None:
    bent = BentHead(some(5, WIDTH, seed=3), some(5, seed=4), 6.0, LinearHead(some(N_CLASSES, 5), some(N_CLASSES)))
    tail, there, t = BentTail(bent), patches().double(), Target(1).weights(N_CLASSES)
    torch.testing.assert_close(tail.mean_gradients(there, there, t, n_steps=1), tail.gradients(there[None], t)[0])


def test_gradient_and_occlusion_equal_their_literal_twins_where_nothing_is_linear() -> None:
    made, tail, target = photo(), bent_tail(), Target(2, against="mean")
    t = target.weights(N_CLASSES)

    def score(x: Tensor) -> float:
        logits = BentModel().logits_after(
            Activations(x.float()[None], x.new_zeros(1, 0, WIDTH).float()), "early", WINDOW
        )
        assert logits is not None
        return float(logits[0].double() @ t)

    local = contributions(made, tail, target, method=Method.GRADIENT)
    lost = contributions(made, tail, target, method=Method.OCCLUSION)
    assert lost.maps is None
    for place, concept in enumerate(made.concepts.tolist()):
        part = (made.codes[:, place, None] * made.atoms[concept].double()).view(made.patches.shape)
        assert float(lost.values[place]) == pytest.approx(score(made.patches) - score(made.patches - part), abs=1e-5)
        step = 1e-2  # central difference along the concept's own contribution
        slope = (score(made.patches + step * part) - score(made.patches - step * part)) / (2 * step)
        assert float(local.values[place]) == pytest.approx(slope, abs=2e-3)
    some_concepts = [int(made.concepts[1]), 0, N_CONCEPTS - 1]
    expected = [float(lost.values[made.concepts.tolist().index(k)]) if k in made.concepts else 0 for k in some_concepts]
    assert occlusion(made, tail, target, concepts=some_concepts).tolist() == pytest.approx(expected, abs=1e-6)


def test_patches_occluded_one_by_one() -> None:
    made, target = photo(), Target(1)
    concept = int(made.concepts[0])
    exact = contributions(made, linear_tail(), target)
    assert exact.maps is not None
    found = occluded_patches(made, linear_tail(), target, concept=concept)
    torch.testing.assert_close(found, exact.maps[0], rtol=0, atol=1e-9)
    bent = occluded_patches(made, bent_tail(), target, concept=concept)
    assert ((bent != 0).flatten() <= (made.codes[:, 0] > 0)).all()
    # Patches do not meet before the pooling of this model, so their drops add up to that of all.
    whole = occlusion(made, bent_tail(), target, concepts=[concept])
    assert float(bent.sum()) == pytest.approx(float(whole), abs=1e-5)


def test_the_strongest_are_named_by_size_or_among_the_positive() -> None:
    found = Contributions(
        Method.OCCLUSION, Target(0), 0.0, 0.0, 0.0, torch.arange(4), torch.tensor([0.1, -3, 2, 0]).double(), None
    )
    assert found.strongest(2) == [1, 2]
    assert found.strongest(9, positive=True) == [2, 0]


def test_a_photo_without_concepts_has_only_bias_and_residual() -> None:
    of = dictionary("topk")
    silent = of.encode(patches().flatten(0, 1))
    silent.values.zero_()
    made = code_photo(of, patches(), codes=silent)
    for method in Method:
        found = contributions(made, linear_tail(), Target(0), method=method)
        assert len(found.values) == 0
        assert found.gap == pytest.approx(0, abs=1e-9)


def test_what_cannot_be_asked() -> None:
    with pytest.raises(InvalidInput, match="exact only where"):
        contributions(photo(), bent_tail(), Target(0), method=Method.EXACT)
    with pytest.raises(InvalidInput, match="at least one step"):
        contributions(photo(), linear_tail(), Target(0), method=Method.INTEGRATED, n_steps=0)
    for target in (Target(7), Target(-1), Target(0, against=99)):
        with pytest.raises(NotFound, match="classes 0 to 6"):
            contributions(photo(), linear_tail(), target)
    found = Activations(torch.zeros(1, 3, 4, 6), torch.zeros(1, 1, 6))
    with pytest.raises(Unavailable, match="small has no head"):
        find_tail(SmallModel(), "conv", WINDOW, photo=found)
    with pytest.raises(InvalidInput, match="use a dictionary of layer final"):
        exact_tail(BentModel(), "early")
    with pytest.raises(InvalidInput, match="no layer of it"):
        exact_tail(SmallModel(), "conv")


@pytest.mark.parametrize("against", ["nothing", "mean", 3])
def test_targets_are_what_they_say(against: Against) -> None:
    logits = some(N_CLASSES).double()
    slow = float(logits[1]) - {"nothing": 0, "mean": float(logits.mean()), 3: float(logits[3])}[against]
    assert float(Target(1, against).weights(N_CLASSES) @ logits) == pytest.approx(slow)


@pytest.mark.parametrize("method", [Method.GRADIENT, Method.INTEGRATED, Method.OCCLUSION])
def test_whoever_calls_may_be_in_inference_mode(method: Method) -> None:
    model, window = tiny_model("vit"), tiny_model("vit").window(64, 64)
    found = model.activations(tiny_images(1, height=64, width=64), model.layers[1])
    made = random_photo(found.patches[0])
    results = []
    for mode in (True, False):
        with torch.inference_mode(mode=mode):
            tail = find_tail(model, model.layers[1], window, photo=found)
            results.append(contributions(made, tail, Target(1), method=method, n_steps=3))
    torch.testing.assert_close(results[0].values, results[1].values)


def test_a_map_stops_when_its_time_is_over() -> None:
    moments = iter(range(10))
    parts = [some(3, 2, seed=seed).double() for seed in range(5)]
    going = in_time(parts, within_s=2.5, clock=lambda: float(next(moments)))
    assert next(going) is parts[0]
    assert next(going) is parts[1]
    with pytest.raises(TooSlow, match="2.5 s"):
        next(going)
    concept = int(photo().concepts[0])
    with pytest.raises(TooSlow):
        occluded_patches(photo(), bent_tail(), Target(2), concept=concept, within_s=-1.0)
