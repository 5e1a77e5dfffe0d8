"""The arithmetic of kits against taking them from the shelf one by one."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from hub.pim.kits import rules

PARTS = st.sampled_from([1, 2, 3])
RECIPES = st.dictionaries(PARTS, st.integers(1, 4), min_size=1)
PLACES = st.lists(st.dictionaries(PARTS, st.integers(0, 12)), max_size=4)
SHORT = st.dictionaries(PARTS, st.integers(0, 10))


def taken_one_by_one(recipe: dict[int, int], places: list[dict[int, int]], short: dict[int, int]) -> int:
    """Take kits from single places for as long as what is left covers what is short."""
    left = [dict(place) for place in places]

    def covered() -> bool:
        return all(sum(place.get(part, 0) for place in left) >= short.get(part, 0) for part in recipe)

    kits = 0
    while True:
        place = next((p for p in left if all(p.get(part, 0) >= units for part, units in recipe.items())), None)
        if place is None:
            return kits
        for part, units in recipe.items():
            place[part] -= units
        if not covered():
            return kits
        kits += 1


@given(RECIPES, PLACES, SHORT)
def test_as_many_kits_as_can_be_taken_one_by_one(
    recipe: dict[int, int], places: list[dict[int, int]], short: dict[int, int]
) -> None:
    assert rules.kits_from_places(recipe, places, short) == taken_one_by_one(recipe, places, short)


@given(RECIPES, PLACES, SHORT)
def test_the_limiting_component_is_the_one_whose_increase_could_help(
    recipe: dict[int, int], places: list[dict[int, int]], short: dict[int, int]
) -> None:
    possible = rules.kits_from_places(recipe, places, short)
    found = rules.limiting(recipe, places, short)
    alone = {part: rules.part_makes(part, per_kit, places, short) for part, per_kit in recipe.items()}
    assert all(kits >= possible for kits in alone.values())
    if found is None:
        assert min(alone.values()) > possible, "every component would do, but not together at one place"
    else:
        assert alone[found] == possible


@given(RECIPES, PLACES, SHORT, PARTS, st.integers(0, 5))
def test_more_of_a_component_never_makes_fewer_kits(
    recipe: dict[int, int], places: list[dict[int, int]], short: dict[int, int], part: int, more: int
) -> None:
    richer = [{**place, part: place.get(part, 0) + more} for place in places]
    assert rules.kits_from_places(recipe, richer, short) >= rules.kits_from_places(recipe, places, short)


# Kit n contains only parts with smaller numbers, so there is no circle; 0 to 2 are no kits.
NESTED = st.dictionaries(
    st.integers(3, 9), st.dictionaries(st.integers(0, 8), st.integers(1, 3), min_size=1, max_size=3), min_size=1
).map(
    lambda kits: {kit: parts for kit, given in kits.items() if (parts := {p: n for p, n in given.items() if p < kit})}
)


def unpacked(kit: int, recipes: dict[int, dict[int, int]]) -> list[int]:
    """Every single unit in a kit, by opening it."""
    return [
        unit
        for part, units in recipes[kit].items()
        for _ in range(units)
        for unit in (unpacked(part, recipes) if part in recipes else [part])
    ]


@given(NESTED.filter(bool))
def test_an_exploded_kit_is_what_is_found_on_opening_it(recipes: dict[int, dict[int, int]]) -> None:
    known: dict[int, rules.Recipe] = {}
    for kit in sorted(recipes):
        known[kit] = rules.exploded(recipes[kit], known)
        inside = unpacked(kit, recipes)
        assert known[kit] == {unit: inside.count(unit) for unit in inside}
        assert rules.exploded_deep(kit, recipes) == known[kit]


@given(NESTED.filter(bool), st.integers(0, 9), st.integers(3, 9))
def test_a_path_leads_from_kit_to_component(recipes: dict[int, dict[int, int]], end: int, start: int) -> None:
    def within(kit: int) -> set[int]:
        return {kit}.union(*(within(part) for part in recipes.get(kit, ())))

    path = rules.path_between(recipes, start, end)
    assert bool(path) == (end in within(start))
    if path:
        assert (path[0], path[-1]) == (start, end)
        assert all(lower in recipes[upper] for upper, lower in pairwise(path))


def test_a_kit_of_single_variants_has_one_level() -> None:
    recipes = {10: {1: 6}, 11: {10: 2, 1: 1}, 12: {11: 1, 2: 1}}
    assert [rules.depth_of(kit, recipes) for kit in (1, 10, 11, 12)] == [0, 1, 2, 3]
