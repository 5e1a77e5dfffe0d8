"""Each check of the kit has an adapter that is wrong in just that way, and catches it.

The whole group of the check runs, so that the table also says which neighbours notice, and that the others do not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from hub.channels.contract import Capability
from hub.channels.memory.adapter import MemoryAdapter, build
from hub.channels.testkit.checks import CHECKS
from hub.channels.testkit.harness import Harness
from hub.channels.testkit.memory import memory_harness
from hub.channels.testkit.table import all_checks, run_one
from tests.testkit import wrong_catalogue as catalogue
from tests.testkit import wrong_data as data
from tests.testkit import wrong_faults as faults


@dataclass(frozen=True)
class Case:
    """`wrong` fails exactly the check `fails` and the neighbours `also`, among all checks of the group.

    `also` names the checks that cannot help noticing: an adapter that loses an order at every page edge loses it in
    several of them.
    """

    wrong: Callable[..., Any]
    fails: str
    also: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    twist: Callable[[Harness], Harness] = lambda harness: harness

    def open(self) -> AbstractContextManager[Harness]:
        return _twisted(self)


@contextmanager
def _twisted(case: Case) -> Iterator[Harness]:
    with memory_harness(case.wrong, **case.options) as harness:
        yield case.twist(harness)


def _manifest(**changes: Any) -> Callable[[Harness], Harness]:
    return lambda harness: replace(harness, manifest=replace(harness.manifest, **changes))


def _no_help(harness: Harness) -> Harness:
    fields = tuple(replace(field, help=" ") for field in harness.manifest.settings)
    return replace(harness, manifest=replace(harness.manifest, settings=fields))


class _WithLess(MemoryAdapter):
    """Implements poll and does not say so."""

    manifest = replace(MemoryAdapter.manifest, capabilities=frozenset(Capability) - {Capability.POLL})


CASES = [
    # manifest
    Case(build, "manifest_is_sound", twist=_manifest(contract=99)),
    Case(_WithLess, "manifest_declares_what_is_implemented"),
    Case(build, "manifest_settings_describe_an_account", twist=_no_help),
    Case(
        build,
        "manifest_is_read_without_the_sdk",
        twist=lambda harness: replace(harness, manifest_module="tests.testkit.greedy_manifest"),
    ),
    Case(data.IsSomebodyElseEachTime, "manifest_probe_says_who_we_are"),
    Case(data.NeverAsksWhoItIs, "manifest_wrong_credentials_fail_the_probe"),
    Case(data.ShowsItsKey, "manifest_secrets_stay_secret"),
    Case(data.LogsItsKey, "manifest_secrets_stay_secret"),
    # stock and prices
    Case(
        data.NeverShowsMoreThanTen,
        "stock_the_number_arrives",
        also=(
            "stock_outcomes_keep_the_order_of_the_levels",
            "stock_a_full_batch_works",
        ),
    ),
    Case(data.RefusesRepeats, "stock_the_same_level_twice_is_one_truth"),
    Case(data.TakesZeroForNothing, "stock_zero_means_sold_out"),
    Case(data.MixesUpItsBatch, "stock_outcomes_keep_the_order_of_the_levels"),
    Case(data.SinksTheWholeBatch, "stock_one_bad_item_does_not_sink_the_others"),
    Case(data.RefusesWithoutAWord, "stock_a_refusal_says_why"),
    Case(data.TakesSmallBatchesOnly, "stock_a_full_batch_works"),
    Case(data.OverwritesWhatMoved, "stock_a_moved_number_is_not_overwritten"),
    Case(data.TakesCentsForEuros, "price_the_amount_arrives"),
    Case(data.PricesAnything, "price_an_unknown_listing_is_refused"),
    # listings
    Case(
        data.SellsForTenTimesThePrice,
        "listings_a_sound_draft_goes_live",
        also=("listings_a_revision_changes_the_listing_in_place",),
    ),
    Case(data.CallsAcceptedLive, "listings_live_is_said_only_when_live"),
    Case(data.CreatesWithoutLooking, "listings_publishing_twice_makes_one_listing"),
    Case(data.NeverRevises, "listings_a_revision_changes_the_listing_in_place"),
    Case(data.ForgetsVariants, "listings_variations_are_all_there"),
    Case(data.ObjectsOneAtATime, "listings_all_objections_come_at_once"),
    Case(data.ReportsInItsOwnOrder, "listings_reports_keep_the_order_and_name_the_vanished"),
    Case(data.LeavesItOnSale, "listings_ended_twice_is_ended"),
    Case(data.EndsTheWholeShop, "listings_a_neighbour_stays_on_sale"),
    # the catalogue
    Case(catalogue.lossy_at(1), "catalogue_every_listing_once_at_limit_1"),
    Case(catalogue.lossy_at(2), "catalogue_every_listing_once_at_limit_2"),
    Case(catalogue.lossy_at(3), "catalogue_every_listing_once_at_limit_3"),
    Case(catalogue.lossy_at(10), "catalogue_every_listing_once_at_limit_10"),
    Case(catalogue.ForeverMore, "catalogue_nothing_offered_is_one_empty_page"),
    Case(catalogue.RemembersItsPlaceItself, "catalogue_any_page_can_be_resumed"),
    Case(catalogue.TakesAnyCursor, "catalogue_a_cursor_of_somebody_else_is_refused"),
    Case(catalogue.TakesCentsForEuros, "catalogue_it_is_told_as_buyers_see_it"),
    Case(catalogue.PutsAllOnOnePage, "catalogue_variants_share_a_group"),
    Case(catalogue.MixesUpItsRefs, "catalogue_what_was_pulled_can_be_pushed_to"),
    Case(catalogue.ShowsWhatHasEnded, "catalogue_what_has_ended_is_not_called_live"),
    Case(catalogue.ReadsAsciiTitles, "catalogue_strange_titles_arrive_whole"),
    # orders
    Case(data.lossy_at(1), "orders_none_is_lost_at_limit_1", also=("orders_equal_times_across_a_page_edge",)),
    Case(
        data.lossy_at(2),
        "orders_none_is_lost_at_limit_2",
        also=(
            "orders_equal_times_across_a_page_edge",
            "orders_any_page_can_be_resumed",
            "orders_orders_between_two_rounds_arrive",
            "orders_an_order_that_changes_while_paging_is_not_lost",
        ),
    ),
    Case(data.lossy_at(3), "orders_none_is_lost_at_limit_3"),
    Case(data.lossy_at(10), "orders_none_is_lost_at_limit_10"),
    Case(
        data.PagesByTimeAlone,
        "orders_equal_times_across_a_page_edge",
        also=(
            "orders_none_is_lost_at_limit_1",
            "orders_none_is_lost_at_limit_2",
            "orders_any_page_can_be_resumed",
            "orders_an_order_that_changes_while_paging_is_not_lost",
        ),
    ),
    Case(data.RemembersItsPlaceItself, "orders_any_page_can_be_resumed"),
    Case(
        data.DeliversOnceOnly,
        "orders_the_same_cursor_twice_gives_a_superset",
        also=("orders_equal_times_across_a_page_edge",),
    ),
    Case(data.LosesItsPlaceWhenEmpty, "orders_no_orders_gives_a_cursor_that_works"),
    Case(
        data.StartsTheNextRoundTooLate,
        "orders_orders_between_two_rounds_arrive",
        also=("orders_no_orders_gives_a_cursor_that_works",),
    ),
    Case(data.OverlooksPayments, "orders_paid_orders_come_again"),
    Case(
        data.OverlooksCancellations,
        "orders_cancelled_orders_come_again",
        also=("orders_an_order_that_changes_while_paging_is_not_lost",),
    ),
    Case(data.RemembersOldLines, "orders_edited_orders_come_again"),
    Case(data.PagesByPosition, "orders_an_order_that_changes_while_paging_is_not_lost"),
    Case(data.CoversTheLag, "orders_coverage_promises_no_more_than_was_delivered", options={"order_lag_s": 90.0}),
    Case(data.NeverSaysWhatItCovers, "orders_coverage_moves_on"),
    Case(data.TellsLocalTime, "orders_times_are_aware_utc"),
    Case(data.InventsLineIds, "orders_read_again_is_the_same", also=("orders_edited_orders_come_again",)),
    Case(data.RoundsMoney, "orders_money_is_exact"),
    Case(data.CallsUnknownOrdersBadData, "orders_an_unknown_order_is_missing"),
    Case(data.NotesTheBuyer, "orders_personal_data_stays_in_its_place"),
    Case(data.TakesAnyCursor, "orders_a_cursor_of_somebody_else_is_refused"),
    # shipments, cancellations, webhooks, tickets
    Case(
        data.ShipsOneOfEach,
        "shipments_a_parcel_arrives",
        also=(
            "shipments_parts_of_an_order_ship_apart",
            "shipments_more_than_was_ordered_is_refused",
        ),
    ),
    Case(
        data.ShipsTwice,
        "shipments_confirming_twice_leaves_one_parcel",
        also=("shipments_what_a_lost_answer_did_is_found",),
    ),
    Case(
        data.ShipsAllAtOnce,
        "shipments_parts_of_an_order_ship_apart",
        also=(
            "shipments_confirming_twice_leaves_one_parcel",
            "shipments_what_a_lost_answer_did_is_found",
        ),
    ),
    Case(data.ShrugsAtCarriers, "shipments_an_unknown_carrier_is_told_or_passed_on"),
    Case(data.CallsTooManyTrouble, "shipments_more_than_was_ordered_is_refused"),
    Case(data.NeverFindsAnything, "shipments_what_a_lost_answer_did_is_found"),
    Case(data.FindsEverything, "shipments_what_was_never_sent_is_not_found"),
    Case(
        data.CancelsOnPaper,
        "cancellations_the_order_is_cancelled_once",
        also=("cancellations_a_buyers_request_is_granted",),
    ),
    Case(data.DeniesBuyers, "cancellations_a_buyers_request_is_granted"),
    Case(data.BelievesAnybody, "webhooks_only_a_fitting_signature_is_believed"),
    Case(data.KnowsEveryTicket, "poll_an_unknown_ticket_is_a_channel_error"),
    # hostile data
    Case(data.WritesAsciiTitles, "hostile_titles_go_live_or_are_refused_with_words"),
    Case(data.CutsSkusAtTheSlash, "hostile_skus_survive_the_round_trip"),
    Case(data.ChokesOnLongSkus, "hostile_a_sku_that_is_too_long_is_refused"),
    Case(data.ReadsAsciiSkus, "hostile_strange_orders_arrive_whole"),
    # manners
    Case(
        faults.LooksBehindTheHubsBack,
        "manners_every_request_goes_over_the_wire",
        also=("manners_a_new_account_opens_over_the_wire",),
    ),
    Case(faults.LogsInBehindTheHubsBack, "manners_a_new_account_opens_over_the_wire"),
    Case(faults.CallsWritesReads, "manners_writes_are_called_writes"),
    Case(faults.TriesAgainByItself, "manners_throttled_calls_return_at_once"),
    Case(faults.LeavesAThread, "manners_no_threads_are_left"),
    Case(faults.uses_its_own_clock, "manners_the_clock_is_the_hubs"),
    Case(
        faults.shares_its_session,
        "manners_two_accounts_on_one_thread_keep_apart",
        also=("manners_two_accounts_on_two_threads_keep_apart",),
    ),
    Case(faults.SwitchesTheActiveShop, "manners_two_accounts_on_two_threads_keep_apart"),
    Case(faults.KeepsItsBatchInASlot, "manners_one_adapter_serves_two_threads"),
    # the fault matrix
    Case(faults.calls_throttling_trouble, "faults_throttle"),
    Case(faults.chokes_without_a_hint, "faults_throttle_no_hint"),
    Case(
        faults.calls_401_bad_data, "faults_auth_expired", also=("faults_credentials_that_stay_refused_are_auth_failed",)
    ),
    Case(faults.NeverStopsLoggingIn, "faults_credentials_that_stay_refused_are_auth_failed"),
    Case(faults.calls_403_missing, "faults_forbidden"),
    Case(faults.calls_400_trouble, "faults_bad_request"),
    Case(faults.calls_404_trouble, "faults_not_found"),
    Case(faults.calls_409_bad_login, "faults_conflict"),
    Case(faults.calls_500_bad_data, "faults_server_error"),
    Case(faults.believes_500_means_not_done, "faults_apply_then_500"),
    Case(faults.calls_502_bad_login, "faults_bad_gateway"),
    Case(faults.calls_503_bad_data, "faults_unavailable"),
    Case(faults.calls_a_reset_bad_data, "faults_reset_before", also=("faults_apply_then_drop",)),
    Case(faults.believes_a_lost_answer_means_not_done, "faults_apply_then_drop"),
    Case(faults.outwaits_its_time, "faults_hang"),
    Case(faults.believes_silence_means_not_done, "faults_apply_then_hang"),
    Case(faults.TakesAProxysPageForYes, "faults_html_200"),
    Case(faults.TakesHalfAnAnswerForNone, "faults_cut_json"),
    Case(faults.TakesAnotherAlphabetForNone, "faults_wrong_charset"),
    Case(faults.TakesBlankSpaceForNone, "faults_big_body"),
    Case(faults.follows_redirects, "faults_redirect_away"),
    Case(faults.calls_refused_connections_unknown, "faults_refused_connections_are_unavailable"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.fails)
def test_a_wrong_adapter_fails_its_check_and_no_other_of_the_group(case: Case) -> None:
    group = CHECKS[case.fails].group
    failed = {
        result.name: result.why
        for result in (run_one(checked, case.open) for checked in all_checks() if checked.group == group)
        if result.outcome == "failed"
    }
    assert set(failed) == {case.fails, *case.also}, failed


def test_there_is_a_wrong_adapter_for_every_check() -> None:
    caught = {case.fails for case in CASES}
    assert {checked.name for checked in all_checks()} - caught == set()


def test_an_undeclared_capability_is_a_skip_with_its_reason() -> None:
    case = Case(build, "", twist=_manifest(capabilities=frozenset(Capability) - {Capability.PRICE}))
    result = run_one(CHECKS["price_the_amount_arrives"], case.open)
    assert (result.outcome, result.why) == ("skipped", "not declared: price")


def test_what_is_no_channel_error_is_reported_as_escaped() -> None:
    result = run_one(CHECKS["orders_an_unknown_order_is_missing"], Case(data.EndsItsDayWithATraceback, "").open)
    assert result.outcome == "failed"
    assert result.why.startswith("KeyError escaped: ")
