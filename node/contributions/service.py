"""What can be done with contributions, by verb. Other capabilities begin here."""

from node.contributions.payers import paid_years
from node.contributions.payments import (
    Answer,
    Outcome,
    Payment,
    confirm_payments,
    reverse_payment,
)
from node.contributions.subsidies import SubsidyRun, pay_subsidies

__all__ = [
    "Answer",
    "Outcome",
    "Payment",
    "SubsidyRun",
    "confirm_payments",
    "paid_years",
    "pay_subsidies",
    "reverse_payment",
]
