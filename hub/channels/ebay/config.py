"""An account's settings, read once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hub.channels.contract import InvalidData
from hub.channels.ebay.manifest import MANIFEST

_DEFAULTS = {field.name: field.default for field in MANIFEST.settings if not field.secret}


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The settings in the adapter's types; addresses without a slash at the end. Holds no secret."""

    api_url: str
    apiz_url: str
    auth_url: str
    trading_url: str
    marketplace_id: str
    site_id: str
    content_language: str
    payment_policy_id: str
    return_policy_id: str
    fulfillment_policy_id: str
    merchant_location_key: str
    category_id: str
    orders_since: str
    pull_unpaid: bool
    scopes: str
    timeout_s: float

    @classmethod
    def of(cls, settings: Mapping[str, str]) -> Config:
        """From the account's settings; what is empty takes the manifest's default.

        Raises:
            InvalidData: `timeout_s` is not a positive number.
        """
        values = {name: (settings.get(name) or default).strip() for name, default in _DEFAULTS.items()}
        try:
            timeout_s = float(values["timeout_s"])
        except ValueError as error:
            raise InvalidData(f"timeout_s must be a number of seconds, not {values['timeout_s']!r}.") from error
        if not 0 < timeout_s <= 600:
            raise InvalidData(f"timeout_s must be above 0 and at most 600, not {values['timeout_s']!r}.")
        return cls(
            api_url=values["api_url"].rstrip("/"),
            apiz_url=values["apiz_url"].rstrip("/"),
            auth_url=values["auth_url"].rstrip("/"),
            trading_url=values["trading_url"].rstrip("/"),
            marketplace_id=values["marketplace_id"],
            site_id=values["site_id"],
            content_language=values["content_language"],
            payment_policy_id=values["payment_policy_id"],
            return_policy_id=values["return_policy_id"],
            fulfillment_policy_id=values["fulfillment_policy_id"],
            merchant_location_key=values["merchant_location_key"],
            category_id=values["category_id"],
            orders_since=values["orders_since"],
            pull_unpaid=values["pull_unpaid"] == "yes",
            scopes=values["scopes"],
            timeout_s=timeout_s,
        )
