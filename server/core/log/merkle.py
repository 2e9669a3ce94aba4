"""The Merkle tree of RFC 6962 section 2.1: leaves, roots, proofs of inclusion and consistency; no entry is read here.

Anyone with an RFC 6962 verifier can check it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from server.core.log.entries import _sha256

HASH_LENGTH = 32
"""Bytes in every hash of the tree (SHA-256)."""
LARGEST_SIZE = 2**63 - 1
"""Most leaves a tree may have: what a database's integer holds."""

EMPTY_ROOT = _sha256(b"").digest()
"""The root of the tree without leaves (RFC 6962 section 2.1)."""


# --- the tree -----------------------------------------------------------------------------------------------------


def leaf_hash(data: bytes) -> bytes:
    """The hash of one leaf (RFC 6962 section 2.1): 32 bytes."""
    return _sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of a node over its two subtrees (RFC 6962 section 2.1): 32 bytes."""
    return _sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Frontier:
    """All that must be remembered of a tree to append to it: a few hundred bytes, whatever its size.

    size: leaves so far. hashes: the roots of its perfect subtrees, largest and leftmost first, one for each bit set in
    `size`. Raises ValueError when the two do not fit.
    """

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.size <= LARGEST_SIZE or len(self.hashes) != self.size.bit_count():
            raise ValueError("a frontier has one hash for each bit set in its size")
        if not all(is_hash(each) for each in self.hashes):
            raise ValueError("a frontier's hashes are 32 bytes each")

    def append(self, leaf: bytes) -> Frontier:
        """The frontier after one more leaf hash; raises ValueError if it is not 32 bytes."""
        return self.extend((leaf,))

    def extend(self, leaves: Iterable[bytes]) -> Frontier:
        """The frontier after more leaf hashes, in order; raises ValueError if one is not 32 bytes."""
        perfect = list(self.hashes)
        size = grow(perfect, self.size, leaves)
        return Frontier(size, tuple(perfect))

    def root(self) -> bytes:
        """The root of the whole tree (RFC 6962 section 2.1)."""
        return fold(self.hashes)

    def encode(self) -> bytes:
        """For one column of one row: the size as 8 bytes, big end first, then the hashes."""
        return self.size.to_bytes(8, "big") + b"".join(self.hashes)

    @classmethod
    def decode(cls, data: bytes) -> Frontier:
        """The inverse of `encode`; raises ValueError on anything `encode` does not write."""
        if len(data) < 8:
            raise ValueError("not an encoded frontier")
        hashes = (data[at : at + HASH_LENGTH] for at in range(8, len(data), HASH_LENGTH))
        return cls(int.from_bytes(data[:8], "big"), tuple(bytes(each) for each in hashes))


def root_of(leaves: Iterable[bytes]) -> bytes:
    """The root of the tree over these leaf hashes (RFC 6962 section 2.1), in memory that does not grow with them."""
    return Frontier().extend(leaves).root()


def is_hash(value: object) -> bool:
    """Whether it has the form of a hash of the tree."""
    return isinstance(value, bytes) and len(value) == HASH_LENGTH


def grow(perfect: list[bytes], size: int, leaves: Iterable[bytes]) -> int:
    """Append leaves to the list of perfect subtrees in place; the new size. The one hot loop of this module."""
    sha256 = _sha256
    for leaf in leaves:
        if len(leaf) != HASH_LENGTH:
            raise ValueError("a leaf hash is 32 bytes")
        size += 1
        carry = size
        node = leaf
        while not carry & 1:
            node = sha256(b"\x01" + perfect.pop() + node).digest()
            carry >>= 1
        perfect.append(node)
    return size


def fold(perfect: Sequence[bytes]) -> bytes:
    """The root over perfect subtrees: the smallest are joined first, so the left side of every node is perfect."""
    if not perfect:
        return EMPTY_ROOT
    root = perfect[-1]
    for left in reversed(perfect[:-1]):
        root = node_hash(left, root)
    return root


# --- kept nodes ---------------------------------------------------------------------------------------------------

TILE_HEIGHT = 8
TILE = 1 << TILE_HEIGHT
"""So many hashes of one kept level stand under one of the next, as in tiles of C2SP (c2sp.org/tlog-tiles). Level 0 are
the leaves."""

KeptNode: TypeAlias = tuple[int, int, bytes]
"""Level from 1, number from 0, and the root of the `TILE ** level` leaves from `number * TILE ** level` on."""


def extend_keeping(since: Frontier, leaves: Sequence[bytes]) -> tuple[Frontier, Sequence[KeptNode]]:
    """The frontier after more leaf hashes, and the kept nodes that they completed; no hash is made twice for it."""
    if since.size % TILE + len(leaves) < TILE:
        return since.extend(leaves), ()
    levels: list[list[bytes]] = []
    rest, size = list(since.hashes), since.size
    while size:
        count = (size % TILE).bit_count()
        levels.append(rest[len(rest) - count :])
        del rest[len(rest) - count :]
        size //= TILE
    kept: list[KeptNode] = []
    level, size, nodes = 0, since.size, leaves
    while nodes:
        if level == len(levels):
            levels.append([])
        nodes = _fill(levels[level], size, nodes)
        size //= TILE
        level += 1
        kept += [(level, size + n, node) for n, node in enumerate(nodes)]
    hashes = [node for each in reversed(levels) for node in each]
    return Frontier(since.size + len(leaves), tuple(hashes)), kept


def _fill(perfect: list[bytes], size: int, nodes: Sequence[bytes]) -> list[bytes]:
    """Append nodes of one level in place; the roots of what they filled, which belong to the next level."""
    full: list[bytes] = []
    at = 0
    while at < len(nodes):
        part = nodes[at : at + TILE - size % TILE]
        grow(perfect, size % TILE, part)
        at, size = at + len(part), size + len(part)
        if size % TILE == 0:
            full.append(perfect.pop())
    return full


class KeptTree:
    """Inclusion proofs from kept nodes: a few tiles are read for one, whatever the size of the tree.

    fetch: (level, number of a tile) -> its hashes, as many of `TILE` as there are. What it hands out vouches for
    nothing: hold a proof against a signed root. Raises IndexError where hashes are missing.
    """

    _MOST = 64

    def __init__(self, fetch: Callable[[int, int], Sequence[bytes]]) -> None:
        self._fetch = fetch
        self._tiles: dict[tuple[int, int], list[list[bytes]]] = {}
        self._roots: dict[tuple[int, int], bytes] = {}

    def inclusion(self, index: int, size: int) -> tuple[bytes, ...]:
        """The audit path of leaf `index` in the tree of `size` leaves, lowest first, as `inclusion_proof` makes it."""
        if not 0 <= index < size:
            raise IndexError("no such leaf in this tree")
        path = []
        start, end = 0, size
        while end - start > 1:
            middle = start + _left_width(end - start)
            if index < middle:
                path.append(self._root(middle, end))
                end = middle
            else:
                path.append(self._root(start, middle))
                start = middle
        return tuple(reversed(path))

    def _root(self, start: int, end: int) -> bytes:
        """Of the leaves from one on and before the other; `start` is where a perfect subtree of that width begins."""
        if (start, end) not in self._roots:
            if len(self._roots) == TILE:
                self._roots.clear()
            perfect, at = [], start
            while at < end:
                height = (end - at).bit_length() - 1
                perfect.append(self._node(height, at >> height))
                at += 1 << height
            self._roots[start, end] = fold(perfect)
        return self._roots[start, end]

    def _node(self, height: int, number: int) -> bytes:
        level, within = divmod(height, TILE_HEIGHT)
        tile, place = divmod(number << within, TILE)
        return self._layers(level, tile)[within][place >> within]

    def _layers(self, level: int, tile: int) -> list[list[bytes]]:
        """The hashes of a tile, and above them what they make whole pair by pair."""
        found = self._tiles.get((level, tile))
        if found is None:
            found = [list(self._fetch(level, tile))]
            while len(found[-1]) > 1:
                below = found[-1]
                found.append([node_hash(*below[at : at + 2]) for at in range(0, len(below) - 1, 2)])
            if len(self._tiles) == self._MOST:
                del self._tiles[next(iter(self._tiles))]
            self._tiles[level, tile] = found
        return found


# --- proofs -------------------------------------------------------------------------------------------------------


def _left_width(width: int) -> int:
    """How many of `width` > 1 leaves stand under the left child: the largest power of two below it."""
    return 1 << ((width - 1).bit_length() - 1)


def inclusion_proof(leaves: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """The audit path of leaf `index` (from 0) in the tree over these leaf hashes, lowest first (RFC 6962 2.1.1).

    For a proof against an older checkpoint give only the leaves below its size. Raises IndexError outside the tree.
    """
    if not 0 <= index < len(leaves):
        raise IndexError("no such leaf in this tree")
    path = []
    start, end = 0, len(leaves)
    while end - start > 1:
        middle = start + _left_width(end - start)
        if index < middle:
            path.append(root_of(leaves[middle:end]))
            end = middle
        else:
            path.append(root_of(leaves[start:middle]))
            start = middle
    return tuple(reversed(path))


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether `proof` shows the leaf hash `leaf` at `index` in the tree of `size` leaves with this root.

    RFC 9162 section 2.1.3.2. Whatever is handed in, the answer is yes or no, never an error.
    """
    if not (are_sizes(index, size) and index < size and _are_hashes((leaf, root)) and _is_proof(proof)):
        return False
    place, last = index, size - 1
    node = leaf
    for sibling in proof:
        if last == 0:
            return False
        if place & 1 or place == last:
            node = node_hash(sibling, node)
            place, last = _climb(place, last)
        else:
            node = node_hash(node, sibling)
            place, last = place >> 1, last >> 1
    return last == 0 and node == root


def consistency_proof(leaves: Sequence[bytes], old_size: int) -> tuple[bytes, ...]:
    """Shows that the tree over the first `old_size` leaf hashes is a prefix of the tree over all (RFC 6962 2.1.2).

    Empty from nothing and from the same size: there is nothing to show. Raises IndexError when the old tree is larger.
    """
    if not 0 <= old_size <= len(leaves):
        raise IndexError("the old tree is no prefix of this one")
    if old_size == 0:
        return ()
    path = []
    start, end = 0, len(leaves)
    while old_size != end:
        middle = start + _left_width(end - start)
        if old_size <= middle:
            path.append(root_of(leaves[middle:end]))
            end = middle
        else:
            path.append(root_of(leaves[start:middle]))
            start = middle
    if start:  # else what is left is the whole old tree, whose root the verifier has
        path.append(root_of(leaves[start:end]))
    return tuple(reversed(path))


def consistency_from(old: Frontier, leaves: Sequence[bytes]) -> tuple[bytes, ...]:
    """The same proof from the tree over `old` to the one with these leaf hashes after it; none of the old is needed.

    What the proof shows of the old tree are its perfect subtrees, which the frontier holds (RFC 6962 section 2.1.2:
    a left sibling always ends where a perfect subtree does).
    """
    if old.size == 0 or not leaves:
        return ()
    path = []
    start, end = 0, old.size + len(leaves)
    perfect = dict(_places(old))
    while old.size != end:
        middle = start + _left_width(end - start)
        if old.size <= middle:
            path.append(root_of(leaves[middle - old.size : end - old.size]))
            end = middle
        else:
            path.append(perfect[start])
            start = middle
    if start:
        path.append(perfect[start])
    return tuple(reversed(path))


def _places(frontier: Frontier) -> Iterator[tuple[int, bytes]]:
    """Each perfect subtree with the number of its first leaf."""
    start = 0
    widths = (1 << bit for bit in reversed(range(frontier.size.bit_length())) if frontier.size >> bit & 1)
    for width, node in zip(widths, frontier.hashes, strict=True):
        yield start, node
        start += width


def verify_consistency(old_size: int, new_size: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether `proof` shows that the old tree is a prefix of the new one (RFC 9162 section 2.1.4.2).

    Everything begins with the empty tree, so that needs no proof and allows none. Whatever is handed in, the answer is
    yes or no, never an error.
    """
    if not (are_sizes(old_size, new_size) and _are_hashes((old_root, new_root)) and _is_proof(proof)):
        return False
    if old_size == 0 or old_size == new_size:
        return not proof and _same_prefix(old_size, new_size, old_root, new_root)
    if old_size > new_size or not proof:
        return False
    # The old tree, when perfect, is itself the first node of the path: the prover leaves it out.
    path = tuple(proof) if old_size & (old_size - 1) else (old_root, *proof)
    place, last = old_size - 1, new_size - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    old = new = path[0]
    for node in path[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            old, new = node_hash(node, old), node_hash(node, new)
            place, last = _climb(place, last)
        else:
            new = node_hash(new, node)
            place, last = place >> 1, last >> 1
    return last == 0 and old == old_root and new == new_root


def _same_prefix(old_size: int, new_size: int, old_root: bytes, new_root: bytes) -> bool:
    """The two cases that need no path: from nothing, and from the same size."""
    if old_size == new_size and old_root != new_root:
        return False
    return old_size > 0 or old_root == EMPTY_ROOT


def _climb(place: int, last: int) -> tuple[int, int]:
    """One level up from a right child or from a last node without sibling, then past all levels where it has none."""
    while not place & 1 and place:
        place, last = place >> 1, last >> 1
    return place >> 1, last >> 1


def are_sizes(*values: object) -> bool:
    """Whether all are sizes that a tree may have."""
    return all(isinstance(each, int) and 0 <= each <= LARGEST_SIZE for each in values)


def _are_hashes(values: Iterable[object]) -> bool:
    return all(is_hash(each) for each in values)


def _is_proof(proof: object) -> bool:
    """A proof is a finite row of hashes; a tree of at most 2^63 leaves needs no more than 64 of them."""
    return isinstance(proof, tuple | list) and len(proof) <= 64 and _are_hashes(proof)
