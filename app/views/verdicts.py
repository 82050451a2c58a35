"""What blind tests of a label come to."""

from pydantic import Field

from app.views.base import View


class VerdictView(View):
    """What blind tests of one text come to."""

    n_tests: int
    n_hits: int = Field(description="chosen photos on which the concept fires, over all tests")
    n_choices: int = Field(description="photos chosen, 4 per test")
    accuracy: float = Field(description="hits over choices, [0, 1]")
    low: float = Field(description="lower end of Wilson's 95 % interval")
    high: float = Field(description="its upper end")
    chance: float = Field(description="accuracy of guessing: 0.5")
    p_value: float = Field(description="how often guessing gives as many hits or more; exact, hypergeometric")
