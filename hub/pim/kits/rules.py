"""What is true of kits: arithmetic without a session, a clock or a logger. Standard library only.

A recipe maps the id of a component to its units per kit (>= 1). «Exploded» recipes name only variants that can be counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

DEPTH_MAX = 8  # kits in kits in kits …; a kit of single variants has depth 1
LEAVES_MAX = 100  # different variants in one kit, exploded
UNITS_MAX = 10_000  # units of one variant in one kit, exploded

Recipe = Mapping[int, int]


def kits_from(recipe: Recipe, available: Mapping[int, int]) -> int:
    """How many whole kits these units make: the least over the components. What is not named is not there."""
    return min((max(0, available.get(part, 0)) // per_kit for part, per_kit in recipe.items()), default=0)


def kits_from_places(recipe: Recipe, places: Iterable[Mapping[int, int]], short: Mapping[int, int]) -> int:
    """How many kits can be promised one by one, each from a single place, so that what remains over all places still
    covers the units that are `short` (promised and held nowhere)."""
    rooms = list(places)
    together = sum(kits_from(recipe, place) for place in rooms)
    return min(together, *(part_makes(part, per_kit, rooms, short) for part, per_kit in recipe.items()), together)


def part_makes(part: int, per_kit: int, places: Sequence[Mapping[int, int]], short: Mapping[int, int]) -> int:
    """How many kits this component alone would allow, wherever its units lie."""
    return max(0, sum(max(0, place.get(part, 0)) for place in places) - short.get(part, 0)) // per_kit


def limiting(recipe: Recipe, places: Sequence[Mapping[int, int]], short: Mapping[int, int]) -> int | None:
    """The component that there is least of; None if the kits are limited by components lying at different places."""
    if not recipe:
        return None
    makes = {part: part_makes(part, per_kit, places, short) for part, per_kit in recipe.items()}
    scarcest = min(makes, key=lambda part: (makes[part], part))
    return scarcest if kits_from_places(recipe, places, short) == makes[scarcest] else None


def exploded(recipe: Recipe, of_components: Mapping[int, Recipe]) -> dict[int, int]:
    """A recipe in variants that can be counted: `of_components` are the exploded recipes of components that are kits."""
    out: dict[int, int] = {}
    for part, units in recipe.items():
        for leaf, per_part in (of_components.get(part) or {part: 1}).items():
            out[leaf] = out.get(leaf, 0) + units * per_part
    return dict(sorted(out.items()))


def exploded_deep(kit: int, recipes: Mapping[int, Recipe]) -> dict[int, int]:
    """The same for `kit` from the recipes of every kit in it, which contain no circle."""
    known: dict[int, Recipe] = {}

    def leaves(part: int) -> Recipe:
        if part not in known:
            inner = recipes.get(part)
            known[part] = exploded(inner, {p: leaves(p) for p in inner if p in recipes}) if inner else {part: 1}
        return known[part]

    return dict(leaves(kit))


def path_between(recipes: Mapping[int, Recipe], start: int, end: int) -> list[int]:
    """The kits from `start` down to `end`, both included; empty if `start` does not contain `end`."""
    trail: dict[int, int | None] = {start: None}
    waiting = [start]
    while waiting:
        here = waiting.pop()
        if here == end:
            path: list[int] = []
            step: int | None = here
            while step is not None:
                path.append(step)
                step = trail[step]
            return path[::-1]
        for part in recipes.get(here, ()):
            if part not in trail:
                trail[part] = here
                waiting.append(part)
    return []


def depth_of(kit: int, recipes: Mapping[int, Recipe]) -> int:
    """Levels of kits from `kit` down (0 = no kit). The recipes contain no circle."""
    known: dict[int, int] = {}

    def depth(part: int) -> int:
        if part not in known:
            below = recipes.get(part)
            known[part] = 0 if not below else 1 + max(depth(inner) for inner in below)
        return known[part]

    return depth(kit)
