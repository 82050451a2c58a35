"""Every fault of the encoder arrives as the fault that it was."""

import pytest

from store.encoding.refusals import (
    OF_PHOTOS,
    STATUS,
    EncoderBusy,
    EncoderSlow,
    PhotoGone,
    PhotoRefused,
    Reason,
    Refusal,
    fault_of,
    refusal_of,
)
from store.errors import ConceptoscopeError, Damaged, InvalidInput, NotFound, Unavailable

FAULTS: list[ConceptoscopeError] = [
    *(PhotoRefused(reason, f"It is {reason}.") for reason in sorted(OF_PHOTOS)),
    PhotoGone("a" * 64),
    InvalidInput("No."),
    Unavailable("The weights are missing."),
    EncoderBusy("Busy.", retry_after_s=3.0),
    EncoderSlow("Slow."),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_a_fault_arrives_as_what_it_was(fault: ConceptoscopeError) -> None:
    again = fault_of(Refusal.model_validate_json(refusal_of(fault).model_dump_json()))
    assert type(again) is type(fault)
    assert str(again) == str(fault)
    assert vars(again) == vars(fault)


def test_what_is_not_found_keeps_its_name() -> None:
    again = fault_of(refusal_of(NotFound("dictionary", "abc", known=["abd"])))
    assert isinstance(again, NotFound)
    assert (again.thing, again.name) == ("dictionary", "abc")


def test_other_faults_mean_that_something_is_missing() -> None:
    assert refusal_of(Damaged("Broken.")).reason is Reason.UNAVAILABLE


def test_every_reason_has_a_status_and_a_fault() -> None:
    assert set(STATUS) == set(Reason)
    for reason in Reason:
        assert isinstance(fault_of(Refusal(reason=reason, detail="x")), ConceptoscopeError)
