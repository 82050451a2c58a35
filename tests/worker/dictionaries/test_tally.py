"""What is gathered in an epoch: gone at its end, whole after a resume, and badly explained rows drawn by weight."""

import torch

from worker.dictionaries.tally import BadlyExplained, Tally


def test_it_holds_nothing_between_epochs() -> None:
    tally = Tally(squares=(3, 3), counts=(3,))
    assert tally["squares"].numel() == 0
    tally.open()
    tally["squares"].add_(1.0)
    tally.open()
    assert torch.equal(tally["squares"], torch.ones(3, 3, dtype=torch.float64))
    tally.close()
    assert sum(tensor.numel() for tensor in tally.state_dict().values()) == 0
    tally.open()
    assert not tally["squares"].any()


def test_what_is_saved_within_an_epoch_is_loaded() -> None:
    tally, other = Tally(squares=(2, 2)), Tally(squares=(2, 2))
    tally.open()
    tally["squares"].add_(7.0)
    other.load_state_dict(tally.state_dict())
    assert torch.equal(other["squares"], tally["squares"])
    other.load_state_dict(Tally(squares=(2, 2)).state_dict())
    assert other["squares"].numel() == 0


def test_sums_of_another_size_are_no_sums_of_this() -> None:
    tally = Tally(squares=(3, 3))
    tally.open()
    message = ""
    try:
        Tally(squares=(2, 2)).load_state_dict(tally.state_dict())
    except RuntimeError as error:
        message = str(error)
    assert "size mismatch" in message


def test_rows_are_drawn_by_weight() -> None:
    """With weights 1, 2, 3 and 0 the first row drawn is each with its share of 6, the last never."""
    first = torch.zeros(4)
    for seed in range(800):
        kept = BadlyExplained(2, 4, seed=seed)
        kept.see(torch.eye(4), torch.tensor([1.0, 2.0, 3.0, 0.0]))
        first += kept.drawn()[0]
    torch.testing.assert_close(first / 800, torch.tensor([1.0, 2.0, 3.0, 0.0]) / 6, rtol=0, atol=0.06)


def test_rows_are_drawn_from_all_batches_without_replacement() -> None:
    kept = BadlyExplained(6, 10, seed=0)
    for row in torch.eye(10).split(2):
        kept.see(row, torch.ones(2))
    drawn = kept.drawn()
    assert drawn.shape == (6, 10)
    assert len(drawn.unique(dim=0)) == 6
    assert (drawn.sum(dim=1) == 1).all()


def test_fewer_rows_than_wanted() -> None:
    kept = BadlyExplained(5, 2, seed=0)
    assert kept.drawn().shape == (0, 2)
    kept.see(torch.eye(2), torch.tensor([1.0, 0.0]))
    assert torch.equal(kept.drawn(), torch.tensor([[1.0, 0.0]], dtype=torch.float64))


def test_a_resumed_epoch_draws_the_same() -> None:
    batches = [torch.randn(20, 3, generator=torch.Generator().manual_seed(i)) for i in range(4)]
    whole, first, second = (BadlyExplained(4, 3, seed=5) for _ in range(3))
    for batch in batches:
        whole.see(batch, batch.square().sum(dim=1))
    for batch in batches[:2]:
        first.see(batch, batch.square().sum(dim=1))
    second.load_state_dict(first.state_dict())
    for batch in batches[2:]:
        second.see(batch, batch.square().sum(dim=1))
    assert torch.equal(whole.drawn(), second.drawn())


def test_two_processes_restart_from_the_means_of_their_rows() -> None:
    one, other = BadlyExplained(2, 2, seed=0), BadlyExplained(2, 2, seed=0)
    one.see(torch.tensor([[2.0, 0.0]]), torch.ones(1))
    other.see(torch.tensor([[0.0, 2.0], [4.0, 4.0]]), torch.tensor([1e9, 1.0]))
    together = [a + b for a, b in zip(one.sums(), other.sums(), strict=True)]
    for kept in (one, other):
        for mine, total in zip(kept.sums(), together, strict=True):
            mine.copy_(total)
        assert torch.equal(kept.drawn(), torch.tensor([[1.0, 1.0], [4.0, 4.0]], dtype=torch.float64))
