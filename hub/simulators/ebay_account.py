"""The seller's account: business policies, privileges, who the seller is, and a small category tree.

Source: OpenAPI sell_account_v1, commerce_identity_v1, commerce_taxonomy_v1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from werkzeug.wrappers import Response

from hub.simulators.ebay_errors import RestRefusal, answer, complaint
from hub.simulators.ebay_routes import Call
from hub.simulators.ebay_state import CURRENCIES

TREES = {"EBAY_DE": "77", "EBAY_GB": "3", "EBAY_US": "0", "EBAY_FR": "71", "EBAY_IT": "101", "EBAY_ES": "186"}
#: Leaf categories of the simulated tree; publishing takes any number.
CATEGORIES = {
    "88433": "Sonstige",
    "15687": "Herren-T-Shirts",
    "20625": "Kochen & Genießen",
    "9355": "Handys & Smartphones",
    "261186": "Bücher",
}
USERNAME = "entrepot-verkauf"


class AccountApi:
    """Handlers by operation id."""

    def __init__(self, policies: Mapping[str, str]) -> None:
        self._policies = policies
        self.handlers: dict[str, Callable[[Call], Response]] = {
            "getFulfillmentPolicies": lambda call: self._all(call, "fulfillmentPolicies", self._fulfillment()),
            "getFulfillmentPolicy": lambda call: self._one(call, "fulfillmentPolicyId", self._fulfillment()),
            "getPaymentPolicies": lambda call: self._all(call, "paymentPolicies", self._payment()),
            "getPaymentPolicy": lambda call: self._one(call, "paymentPolicyId", self._payment()),
            "getReturnPolicies": lambda call: self._all(call, "returnPolicies", self._return()),
            "getReturnPolicy": lambda call: self._one(call, "returnPolicyId", self._return()),
            "getPrivileges": self._privileges,
            "getOptedInPrograms": self._programs,
            "getUser": self._user,
            "getDefaultCategoryTreeId": self._tree,
            "getCategorySuggestions": self._suggest,
            "getItemAspectsForCategory": self._aspects,
        }

    # ---------------------------------------------------------------- policies

    def _fulfillment(self) -> dict[str, Any]:
        return _policy("Versand") | {
            "fulfillmentPolicyId": self._policies["fulfillment_policy_id"],
            "handlingTime": {"unit": "DAY", "value": 1},
            "shippingOptions": [
                {
                    "costType": "FLAT_RATE",
                    "optionType": "DOMESTIC",
                    "shippingServices": [
                        {
                            "sortOrder": 1,
                            "shippingCarrierCode": "DHL",
                            "shippingServiceCode": "DE_DHLPaket",
                            "freeShipping": True,
                        }
                    ],
                }
            ],
            "globalShipping": False,
            "pickupDropOff": False,
            "freightShipping": False,
        }

    def _payment(self) -> dict[str, Any]:
        return _policy("Zahlung") | {
            "paymentPolicyId": self._policies["payment_policy_id"],
            "paymentMethods": [],
            "immediatePay": False,
        }

    def _return(self) -> dict[str, Any]:
        return _policy("Rücknahme") | {
            "returnPolicyId": self._policies["return_policy_id"],
            "returnsAccepted": True,
            "returnPeriod": {"unit": "DAY", "value": 30},
            "refundMethod": "MONEY_BACK",
            "returnShippingCostPayer": "BUYER",
        }

    def _all(self, call: Call, name: str, policy: dict[str, Any]) -> Response:
        marketplace = call.query("marketplace_id")
        if not marketplace:
            raise RestRefusal(400, complaint(20401, "marketplace_id"))
        if marketplace not in CURRENCIES:
            raise RestRefusal(400, complaint(20403, "marketplace_id"))
        found = [policy] if marketplace == policy["marketplaceId"] else []
        href = call.url(call.request.path) + f"?marketplace_id={marketplace}"
        return answer({name: found, "href": href, "limit": len(found), "offset": 0, "total": len(found)})

    def _one(self, call: Call, name: str, policy: dict[str, Any]) -> Response:
        if call.params[0] != policy[name]:
            raise RestRefusal(404, complaint(20404, name))
        return answer(policy)

    def _privileges(self, call: Call) -> Response:
        limit = {"amount": {"value": "1000000.0", "currency": "EUR"}, "quantity": 100_000}
        return answer({"sellerRegistrationCompleted": True, "sellingLimit": limit})

    def _programs(self, call: Call) -> Response:
        programs = ("OUT_OF_STOCK_CONTROL", "SELLING_POLICY_MANAGEMENT")
        return answer({"programs": [{"programType": name} for name in programs]})

    def _user(self, call: Call) -> Response:
        return answer({
            "userId": "7Yd1fQ0sR2u",
            "username": USERNAME,
            "accountType": "BUSINESS",
            "registrationMarketplaceId": "EBAY_DE",
            "status": "CONFIRMED",
            "businessAccount": {
                "name": "Entrepôt Verkauf",
                "email": "verkauf@example.invalid",
                "address": {"addressLine1": "Hafenstraße 1", "city": "Bremen", "postalCode": "28195", "country": "DE"},
            },
        })  # fmt: skip

    # ---------------------------------------------------------------- categories

    def _tree(self, call: Call) -> Response:
        marketplace = call.query("marketplace_id")
        if not marketplace:
            raise RestRefusal(400, complaint(62002))
        if marketplace not in TREES:
            raise RestRefusal(400, complaint(62003))
        return answer({"categoryTreeId": TREES[marketplace], "categoryTreeVersion": "122"})

    def _check_tree(self, call: Call) -> str:
        if call.params[0] not in TREES.values():
            raise RestRefusal(404, complaint(62004))
        return call.params[0]

    def _suggest(self, call: Call) -> Response:
        tree, words = self._check_tree(call), call.query("q").lower().split()
        if not words:
            raise RestRefusal(400, complaint(62007))
        hits = [key for key, name in CATEGORIES.items() if any(word in name.lower() for word in words)] or ["88433"]
        return answer({
            "categoryTreeId": tree,
            "categoryTreeVersion": "122",
            "categorySuggestions": [
                {
                    "category": {"categoryId": key, "categoryName": CATEGORIES[key]},
                    "categoryTreeNodeLevel": 1,
                    "categoryTreeNodeAncestors": [],
                }
                for key in hits
            ],
        })  # fmt: skip

    def _aspects(self, call: Call) -> Response:
        self._check_tree(call)
        if not call.query("category_id"):
            raise RestRefusal(400, complaint(62006))
        if call.query("category_id") not in CATEGORIES:
            raise RestRefusal(400, complaint(62005))
        return answer({"aspects": [_aspect("Marke", variations=False), _aspect("Größe"), _aspect("Farbe")]})


def _policy(name: str) -> dict[str, Any]:
    category = {"name": "ALL_EXCLUDING_MOTORS_VEHICLES", "default": True}
    return {"name": name, "marketplaceId": "EBAY_DE", "categoryTypes": [category]}


def _aspect(name: str, *, variations: bool = True) -> dict[str, Any]:
    return {
        "localizedAspectName": name,
        "aspectConstraint": {
            "aspectDataType": "STRING",
            "itemToAspectCardinality": "SINGLE",
            "aspectMode": "FREE_TEXT",
            "aspectRequired": False,
            "aspectUsage": "RECOMMENDED",
            "aspectEnabledForVariations": variations,
            "aspectApplicableTo": ["PRODUCT"],
            "aspectMaxLength": 65,
        },
        "aspectValues": [],
    }
