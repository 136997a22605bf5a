"""What following values through a graph may cost."""

from __future__ import annotations

from scanners.parsing.input_branches import BATCH, Branches, Role, Step

TESTS = 2_000


def test_a_chain_of_tests_holds_no_square_of_them() -> None:
    branches = Branches()
    branches.feed(b"x", "x", (BATCH, TESTS))
    branches.constants[b"five"] = ()
    joined = b"test0"
    for number in range(TESTS):
        element, test = b"element%d" % number, b"test%d" % number
        branches.step(Step(Role.LOOKUP, "Gather", "", [b"x", b"five"], [element], shape=(BATCH, 1)))
        branches.step(Step(Role.COMPARE, "Equal", "", [element, b"five"], [test], shape=(BATCH, 1)))
        branches.step(Step(Role.LOGIC, "And", "", [joined, test], [b"all%d" % number], shape=(BATCH, 1)))
        joined = b"all%d" % number
    assert branches.values[joined].whole
    assert sum(len(value.roots) for value in branches.values.values()) < 100 * TESTS
    branches.step(Step(Role.SELECT, "Where", "planted", [joined, b"five", b"computed"], [b"answer"]))
    branches.step(Step(Role.OPAQUE, "MatMul", "", [b"x", b"five"], [b"computed"]))
    assert [decision.name for decision in branches.found([b"answer"])] == ["planted"]
