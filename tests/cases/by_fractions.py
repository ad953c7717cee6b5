"""The worked examples once more, slowly, with `fractions`: the hand that checks the other hand.

Nothing is imported from the program. Interest is added up month by month from the balance at the
opening of each month, not by the product formula; months are counted, not computed; a division is
a `Fraction` until the one place where the rule rounds. See docs/worked-examples.md.
"""

from fractions import Fraction
from math import floor
from typing import Any

Example = dict[str, Any]


def half_up(exact: Fraction) -> int:
    """To the nearest fen; exactly half a fen goes up."""
    return floor(exact + Fraction(1, 2))


def contribution(given: Example) -> Example:
    """Grade by grade upwards until one is reached that is no less than what was wanted."""
    wanted, tiers = given.get("wanted_fen"), ("province", "city", "county")
    behalf = dict.fromkeys(tiers, 0)
    grade = 0
    if given.get("make_up"):
        grade = wanted
    else:
        for group in given.get("groups", []):
            if group["group"] == given.get("category"):
                behalf = {tier: group[f"{tier}_fen"] for tier in tiers}
                grade = group["grade_fen"]
        if wanted is not None and wanted > grade:
            for grade in sorted(given["grades"]):
                if grade >= wanted:
                    break
    subsidy = {}
    for line in given.get("subsidies", []):
        if line["grade_fen"] == grade and not given.get("make_up"):
            subsidy = {f"subsidy_{t}": line[f"{t}_fen"] for t in tiers if line[f"{t}_fen"]}
    return {
        "grade_fen": grade,
        "own_fen": grade - sum(behalf.values()),
        "on_behalf": behalf,
        "subsidy": subsidy,
        "credited_fen": grade + sum(subsidy.values()),
    }


def interest(given: Example) -> Example:
    through, lag = given.get("through", 12), given.get("interest_lag_months", 1)
    monthly_rate = Fraction(given["rate_ppm"], 1_000_000) / 12
    moves = [(p["source"], p["month"], p["fen"]) for p in given.get("postings", [])]
    for payment in given.get("payments", []):
        moves += [(s, payment["month"], -fen) for s, fen in payment["by_source"].items()]
    earned, closing = {}, {}
    for source in {*given.get("opening", {}), *(source for source, _, _ in moves)}:
        balance = given.get("opening", {}).get(source, 0)
        exact = Fraction(0)
        for month in range(1, through + 1):
            moved = sum(fen for s, m, fen in moves if s == source and m == month)
            earning = balance + (moved if lag == 0 else 0)
            exact += earning * monthly_rate
            balance += moved
        earned[source] = half_up(exact)
        closing[source] = balance + earned[source]
    return {"interest": earned, "closing": closing, "total": sum(closing.values())}


def correction(given: Example) -> Example:
    """The same years twice: as they were known, and as they are known now; then the difference."""
    known = given.get("postings", [])
    before = _lived(given["years"], known, now=False)
    after = _lived(given["years"], [*known, *given.get("late", [])], now=True)
    differences = [
        {"year": year, "through": through, "fen": after[0][year, through] - earned}
        for (year, through), earned in before[0].items()
        if after[0][year, through] != earned
    ]
    return {
        "balance_before": before[1],
        "differences": differences,
        "balance_after": after[1],
    }


def _lived(
    years: list[Example], moves: list[Example], *, now: bool
) -> tuple[dict[tuple[int, int], int], int]:
    balance, interest_of = 0, {}
    for year in years:
        lag, inside = year.get("interest_lag_months", 1), year.get("settled_through", 12)
        exact = Fraction(0)
        earned_on = balance
        for month in range(1, 13):
            moved = sum(m["fen"] for m in moves if (m["year"], m["month"]) == (year["year"], month))
            rate = year["rate_ppm"]
            if now and month > (0 if inside == 12 else inside):
                rate = year.get("new_rate_ppm", rate)
            earning = earned_on + (moved if lag == 0 else 0)
            exact += earning * Fraction(rate, 12_000_000)
            earned_on += moved
            if month in {inside, 12}:
                interest_of[year["year"], month] = half_up(exact)
                earned_on += half_up(exact)
                exact = Fraction(0)
        balance = earned_on
    return interest_of, balance


def entitlement(given: Example) -> Example:
    policy, balance = given["policy"], given["balance"]
    whole = sum(balance.values())
    account = half_up(Fraction(whole, policy["divisor_months"]))
    exact = {
        s: Fraction(account * fen, whole) if whole else Fraction(0) for s, fen in balance.items()
    }
    shares = {source: floor(part) for source, part in exact.items()}
    for _ in range(account - sum(shares.values())):
        # max() takes the first of equals: the source that stands first in the list
        neediest = max(exact, key=lambda source: exact[source] - shares[source])
        shares[neediest] += 1
    supplement = 0
    for band in sorted(policy.get("age_supplement", []), key=lambda band: band["from_age"]):
        if given["age"] >= band["from_age"]:
            supplement = band["fen"]
    years = given["paid_years"] - policy["years_threshold"]
    components = {
        "base": policy["base_fen"],
        "years_supplement": years * policy["per_year_fen"] if years > 0 else 0,
        "age_supplement": supplement,
        "account": account,
    }
    return {
        "components": components,
        "account_by_source": shares,
        "monthly_total": sum(components.values()),
    }


def death(given: Example) -> Example:
    account = sum(given["balance"].values()) + sum(given.get("interest", {}).values())
    funeral = given["funeral_months"] * given["base_fen"]
    owed = given["overpaid_fen"]
    set_off = {"account": 0, "funeral": 0}
    for pot, held in (("account", account), ("funeral", funeral)):
        set_off[pot] = min(owed, held)
        owed -= set_off[pot]
    return {
        "account_refund_gross": account,
        "funeral_gross": funeral,
        "set_off": set_off,
        "paid_to_heirs": account + funeral - set_off["account"] - set_off["funeral"],
        "claim_left": owed,
    }


def arrears(given: Example) -> Example:
    year, month = map(int, given["effective_from"].split("-"))
    lines = []
    # as text, YYYY-MM sorts like the calendar
    while f"{year}-{month:02d}" < given["first_run_with_new"]:
        fen = given["new_base_fen"] - given["old_base_fen"]
        lines.append({"month": f"{year}-{month:02d}", "fen": fen})
        month += 1
        if month > 12:
            year, month = year + 1, 1
    return {"lines": lines, "total": sum(line["fen"] for line in lines)}


def exhaustion(given: Example) -> Example:
    parts = given["account_by_source"]
    left = {source: given["balance"].get(source, 0) for source in {**parts, **given["balance"]}}
    helpers = [source for source in left if source != "individual"]
    helpers += [source for source in left if source == "individual"]
    lines = []
    for month in range(1, given["months"] + 1):
        paid = dict.fromkeys(left, 0)
        due = sum(parts.values())
        # every source first gives of its own part, then the others make up what is short
        for source, most in [*parts.items(), *((helper, due) for helper in helpers)]:
            fen = min(most, left[source], due - sum(paid.values()))
            paid[source] += fen
            left[source] -= fen
        lines.append({"month": month, "by_source": paid, "fund": due - sum(paid.values())})
    shown = given.get("show_last", given["months"])
    return {"lines": lines[max(0, len(lines) - shown) :], "balance_left": left}


def two_schemes(given: Example) -> Example:
    """Month by month: who covers it, and what of a yearly payment belongs to it."""
    months = {int(year): n for year, n in given.get("employee_months", {}).items()}
    resident = set(given["resident_years"])
    covered = [
        (year, month)
        for year in range(2009, 2200)
        for month in range(1, 13)
        if year in resident or month <= months.get(year, 0)
    ]
    overlap = {str(year): months[year] for year in sorted(resident) if months.get(year)}
    refund: Example = {}
    left = dict(given.get("balance", {}))
    for year, parts in sorted(given.get("paid", {}).items()):
        twelfths = {
            source: Fraction(parts[source], 12)
            for source in ("individual", "collective")
            if source in parts
        }
        back = {
            s: half_up(sum([part] * months.get(int(year), 0), Fraction(0)))
            for s, part in twelfths.items()
        }
        back = {source: fen for source, fen in back.items() if fen}
        if back:
            refund[year] = back
        for source, fen in back.items():
            left[source] -= fen
    return {
        "months": len(covered),
        "years": len(covered) // 12,
        "overlap": overlap,
        "refund": refund,
        "moved": {source: fen for source, fen in left.items() if fen},
    }


def two_pensions(given: Example) -> Example:
    own = [fen for s, fen in given["balance"].items() if not s.startswith("subsidy_")]
    gross, owed = sum(own), given["base_received_fen"]
    kept = min(gross, owed)
    return {
        "refund_gross": gross,
        "to_fund": sum(given["balance"].values()) - gross,
        "set_off": kept,
        "paid": gross - kept,
        "claim_left": owed - kept,
    }


KINDS = {
    "contribution": contribution,
    "interest": interest,
    "correction": correction,
    "entitlement": entitlement,
    "death": death,
    "arrears": arrears,
    "exhaustion": exhaustion,
    "two_schemes": two_schemes,
    "two_pensions": two_pensions,
}


def by_hand(given: Example) -> Example:
    """The expected figures of one example."""
    return KINDS[given["kind"]](given)
