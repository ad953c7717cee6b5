"""What can be done with contributions, by verb. Other capabilities begin here."""

from node.contributions.on_behalf import OnBehalfRun, pay_on_behalf
from node.contributions.orders import OrderRun, change_grade, make_orders
from node.contributions.payers import paid_years
from node.contributions.payments import (
    Answer,
    Outcome,
    Payment,
    confirm_payments,
    reverse_payment,
)
from node.contributions.subsidies import SubsidyRun, pay_subsidies
from node.contributions.unmatched import Doubt, Proposal, Way, decide, propose, take_in
from node.contributions.withholding import Withheld, withhold

__all__ = [
    "Answer",
    "Doubt",
    "OnBehalfRun",
    "OrderRun",
    "Outcome",
    "Payment",
    "Proposal",
    "SubsidyRun",
    "Way",
    "Withheld",
    "change_grade",
    "confirm_payments",
    "decide",
    "make_orders",
    "paid_years",
    "pay_on_behalf",
    "pay_subsidies",
    "propose",
    "reverse_payment",
    "take_in",
    "withhold",
]
