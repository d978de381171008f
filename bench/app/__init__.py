"""A group whose members see 82 of 100 partners by a rule: who the benchmarks act as."""

from growsoft.orm import App, Group

app = App(
    name="bench",
    version="1.0",
    package="bench.app",
    depends=("contacts",),
    groups=(Group("bench.user", "Benchmark user", implied=("base.user",)),),
)
