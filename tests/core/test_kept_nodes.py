"""Proofs from kept nodes of the log's tree are those from all its leaves, and read a few tiles."""

from __future__ import annotations

from functools import cache

import pytest

from server.core.log.merkle import (
    TILE,
    Frontier,
    KeptTree,
    extend_keeping,
    inclusion_proof,
    leaf_hash,
    root_of,
    verify_inclusion,
)

MANY = [leaf_hash(b"%d" % number) for number in range(TILE * TILE + 3 * TILE + 5)]


@cache
def kept_of_many() -> tuple[Frontier, dict[tuple[int, int], bytes]]:
    """Grown in steps of all kinds: within a tile, up to its edge, over it, and over many."""
    frontier, kept, steps = Frontier(), dict[tuple[int, int], bytes](), [1, 2, 100, 153, 255, 256, 257, 700, 60_000]
    at = step = 0
    while at < len(MANY):
        part = MANY[at : at + steps[step % len(steps)]]
        frontier, nodes = extend_keeping(frontier, part)
        kept |= {(level, number): node for level, number, node in nodes}
        at, step = at + len(part), step + 1
    return frontier, kept


def tile_of_many(level: int, number: int) -> list[bytes]:
    if level == 0:
        return MANY[number * TILE : (number + 1) * TILE]
    kept = kept_of_many()[1]
    return [kept[level, each] for each in range(number * TILE, (number + 1) * TILE) if (level, each) in kept]


def test_kept_nodes_are_the_roots_of_what_stands_below_them_and_cost_the_tree_nothing():
    frontier, kept = kept_of_many()
    assert frontier == Frontier().extend(MANY)
    assert {level for level, _ in kept} == {1, 2}
    assert sorted(number for level, number in kept if level == 1) == list(range(len(MANY) // TILE))
    for (level, number), node in kept.items():
        width = TILE**level
        if level == 2 or number % 40 == 0:
            assert node == root_of(MANY[number * width : (number + 1) * width])


@pytest.mark.parametrize("size", [1, 2, TILE - 1, TILE, TILE + 1, 3 * TILE + 77, TILE * TILE, TILE * TILE + 300])
def test_a_proof_from_kept_nodes_is_the_one_from_all_leaves(size):
    tree = KeptTree(tile_of_many)
    root = root_of(MANY[:size])
    for index in {0, 1, size // 3, size - 2, size - 1} & set(range(size)):
        proof = tree.inclusion(index, size)
        assert verify_inclusion(MANY[index], index, size, proof, root)
        if size < 1000:
            assert proof == inclusion_proof(MANY[:size], index)


def test_a_proof_reads_a_few_tiles_whatever_the_size_of_the_tree():
    asked = []
    tree = KeptTree(lambda level, number: asked.append((level, number)) or tile_of_many(level, number))
    tree.inclusion(1234, len(MANY))
    assert len(asked) <= 6
    with pytest.raises(IndexError):
        KeptTree(lambda _level, _number: []).inclusion(1234, len(MANY))
