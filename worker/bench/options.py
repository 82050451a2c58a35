"""What all benchmarks can be told."""

from pydantic import Field

from store.specs import Spec


class BenchOptions(Spec):
    """Shared by all benchmarks; a benchmark adds its own."""

    methods: tuple[str, ...] = Field((), description="methods and variants that take part; none = all registered")
    seed: int = Field(0, description="first seed; runs that need several take the next ones")
    device: str = Field("cpu", description="where dictionaries are trained: cpu, cuda, auto")
