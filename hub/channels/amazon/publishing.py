"""Publishing: the order in which a product's listings are sent to Amazon, and what each answer means for the whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hub.channels.amazon import feeds, listings
from hub.channels.amazon.client import SellingPartner
from hub.channels.amazon.feed_desk import FeedDesk
from hub.channels.amazon.settings import AmazonSettings
from hub.channels.amazon.submissions import CONFLICT_WAIT_S, REST_WAIT_S, parse_submission, refused
from hub.channels.contract import (
    Applied,
    AuthFailed,
    Conflict,
    Deferred,
    InvalidData,
    ListingDraft,
    ListingRef,
    Missing,
    Outcome,
    Problem,
    Refused,
    Submitted,
    Throttled,
    Unavailable,
    VariantDraft,
)

#: A family with more listings than this goes as one feed: putListingsItem has a burst of ten, and a call that ends in
#: the middle starts from the first listing again.
PUT_AT_MOST = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One listing to send. `variant` None = the parent; `revise` = it is on Amazon already."""

    sku: str
    attributes: dict[str, Any]
    variant: VariantDraft | None
    revise: bool

    @property
    def requirements(self) -> str:
        return "LISTING_PRODUCT_ONLY" if self.variant is None else "LISTING"


def plan(draft: ListingDraft, marketplace_id: str) -> list[Step]:
    """The listings of a draft in the order they are sent: the parent first, so that children find it.

    Parents are always put whole, because nothing in them but ours is of use; children that are on Amazon are revised.
    """
    steps = []
    if listings.is_family(draft):
        attributes = listings.build_parent(draft, marketplace_id)
        steps.append(Step(sku=listings.parent_sku(draft), attributes=attributes, variant=None, revise=False))
    for variant in draft.variants:
        there = variant.ref is not None
        build = listings.build_revision if there else listings.build_variant
        attributes = build(draft, variant, marketplace_id)
        steps.append(Step(sku=variant.channel_sku, attributes=attributes, variant=variant, revise=there))
    return steps


class Publisher:
    """Sends one draft. Safe to run again after anything: a put of the same SKU leaves one listing."""

    def __init__(self, client: SellingPartner, desk: FeedDesk, settings: AmazonSettings) -> None:
        self._client = client
        self._desk = desk
        self._settings = settings
        self._place = settings.marketplace_id

    def publish(self, draft: ListingDraft) -> Outcome:
        """Applied or Submitted with one ref per variant, or Refused with the problems of all listings.

        Amazon judges each listing by itself: when some were refused, the others have been taken. Publishing the
        corrected draft again puts everything right, and what goes live is only known by reading back.
        """
        product_type = draft.category or self._settings.product_type
        steps = plan(draft, self._place)
        if len(steps) > PUT_AT_MOST:
            return self._by_feed(draft, steps, product_type)
        problems: list[Problem] = []
        refs: list[ListingRef] = []
        for sent, step in enumerate(steps):
            try:
                outcome, asin = self._send(step, product_type)
            except InvalidData as error:
                outcome, asin = refused(error), None
            except (Throttled, Unavailable, AuthFailed, Conflict) as error:
                if not sent:
                    raise
                wait = error.retry_after_s if isinstance(error, Throttled) else REST_WAIT_S
                return Deferred(
                    retry_after_s=CONFLICT_WAIT_S if isinstance(error, Conflict) else wait, why=error.message
                )
            if isinstance(outcome, Refused):
                problems += [
                    Problem(code=p.code, message=f"{step.sku}: {p.message}", field=p.field, severity=p.severity)
                    for p in outcome.problems
                ]
                if step.variant is None:
                    break  # children of a page that does not exist would become pages of their own
            elif step.variant is not None:
                refs.append(self._ref(draft, step.variant, product_type, asin))
        if problems:
            return Refused(problems=tuple(problems))
        return Applied(external_id=refs[0].external_id or "", refs=tuple(refs))

    def _send(self, step: Step, product_type: str) -> tuple[Outcome, str | None]:
        query = {"marketplaceIds": self._place, "includedData": "issues"}
        seller = self._settings.seller_id
        if step.revise:
            body = {"productType": product_type, "patches": listings.build_patches(step.attributes)}
            try:
                told = self._client.patch_item(seller, step.sku, query, body)
                return parse_submission(told, operation="patchListingsItem", marketplace_id=self._place)
            except Missing:
                pass  # it was on Amazon once and is gone: create it
        body = listings.build_put(product_type, step.attributes, parent=step.variant is None)
        told = self._client.put_item(seller, step.sku, query, body)
        return parse_submission(told, operation="putListingsItem", marketplace_id=self._place)

    def _by_feed(self, draft: ListingDraft, steps: list[Step], product_type: str) -> Outcome:
        messages = []
        for number, step in enumerate(steps, start=1):
            if step.revise:
                patches = listings.build_patches(step.attributes)
                messages.append(feeds.build_patch_message(number, step.sku, product_type, patches))
            else:
                messages.append(
                    feeds.build_update_message(number, step.sku, product_type, step.requirements, step.attributes)
                )
        refs = tuple(self._ref(draft, variant, product_type, None) for variant in draft.variants)
        return Submitted(ticket=self._desk.submit_listings(messages), refs=refs)

    def _ref(self, draft: ListingDraft, variant: VariantDraft, product_type: str, asin: str | None) -> ListingRef:
        return listings.published_ref(draft, variant, product_type=product_type, marketplace_id=self._place, asin=asin)
