"""Results in words, tables and one self-contained HTML page."""

from .findings import caveats, headline, price_finding
from .html import ReportError, write_report
from .ratios import Design, DeviceRatios, device_ratios, withheld
from .tables import comparison_table, measurement_table

__all__ = ["Design", "DeviceRatios", "ReportError", "caveats", "comparison_table",
           "device_ratios", "headline", "measurement_table", "price_finding", "withheld",
           "write_report"]
