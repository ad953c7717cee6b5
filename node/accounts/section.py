"""The account's part of a person's page."""

from node.accounts import service
from node.accounts.balances import balances
from node.core.work import UnitOfWork
from node.registry.models import Person
from node.registry.sections import Section
from tiers import RegionCode


def person_section(uow: UnitOfWork, person: Person) -> Section | None:
    """Balance and the way to the statements; nothing before an account was opened."""
    account = service.account_of(uow, person)
    if account is None:
        return None
    county = RegionCode(account.county_code)
    held = balances(uow, [account.account_no], county=county)[account.account_no]
    return Section(
        title="个人账户",
        template="accounts/person.html",
        context={
            "number": service.printed(account.county_code, account.account_no),
            "total": sum(held.values()),
            "held": [(source.title, fen) for source, fen in held.items()],
        },
    )
