"""Money of a person that is still on its way keeps the account open: at the bank, or in cash."""

from collections.abc import Sequence

from sqlalchemy import bindparam, text

from node.contributions.statements import ORDER_KEY
from node.core.db import BATCH_ROWS
from node.core.work import UnitOfWork

_AT_BANK = text(f"""
    SELECT a.person_id FROM account a
    JOIN contribution_order o ON o.county_code = a.county_code AND o.account_no = a.account_no
    WHERE a.county_code = :county AND a.person_id IN :people AND EXISTS (
        SELECT 1 FROM bank_line l WHERE l.county_code = o.county_code
            AND l.purpose = 'contributions' AND l.reference = {ORDER_KEY}
            AND l.state IN ('waiting', 'sent', 'unclear'))
""").bindparams(bindparam("people", expanding=True))

_IN_CASH = text("""
    SELECT a.person_id FROM account a
    JOIN receipt r ON r.county_code = a.county_code AND r.account_no = a.account_no
    WHERE a.county_code = :county AND a.person_id IN :people AND NOT r.voided AND NOT EXISTS (
        SELECT 1 FROM receipt_handover h WHERE h.county_code = r.county_code
            AND h.village = r.village AND r.receipt_no BETWEEN h.first_no AND h.last_no
            AND h.confirmed_on IS NOT NULL)
""").bindparams(bindparam("people", expanding=True))

_WHY = (
    (_IN_CASH, "此人有代收的缴费还没有核对入账，请核对后再办理"),
    (_AT_BANK, "此人有一笔扣款正在银行办理，请等银行回盘后再办理"),
)


def barred_closings(uow: UnitOfWork, person_ids: Sequence[str]) -> dict[str, str]:
    """Whose participation cannot end yet, and why (hook of the registry)."""
    found: dict[str, str] = {}
    for start in range(0, len(person_ids), BATCH_ROWS // 2):
        given = {
            "county": str(uow.node.county),
            "people": list(person_ids[start : start + BATCH_ROWS // 2]),
        }
        for statement, why in _WHY:
            people = uow.connection.execute(statement, given).scalars()
            found |= dict.fromkeys(people, why)
    return found
