"""Product files into the catalogue, with an answer for every row."""

from hub.pim.importing.report import ImportReport, Progress, RowResult
from hub.pim.importing.run import import_products

__all__ = ["ImportReport", "Progress", "RowResult", "import_products"]
