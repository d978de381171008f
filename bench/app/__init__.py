"""Who the benchmarks act as: members of a group that sees 82 of 100 partners, and of one that sees its own few."""

from growsoft.orm import App, Group

app = App(
    name="bench",
    version="1.0",
    package="bench.app",
    depends=("contacts",),
    groups=(
        Group("bench.user", "Benchmark user", implied=("base.user",)),
        Group("bench.narrow", "Benchmark user with few partners", implied=("base.user",)),
    ),
)
