"""Ways of goods through customs, and who declares them: what many declarations have in common, made once a run."""

from __future__ import annotations

from random import Random

from connectors.simulator import world
from connectors.simulator.layout import Record
from connectors.simulator.parts import pick

WAYS = 4_000
BORDER = 0.7
"""Of the declarations that name the office at the border."""

AS_DECLARED: Record = {
    "functional_reference": None,
    "movement_date": None,
    "duty_regime": None,
    "manual": None,
    "contract": None,
    "remark": None,
    "owner_id": None,
    "voyage": None,
    "transport_document": None,
    "arrival_time": None,
    "freight_mark": None,
    "freight": None,
    "freight_currency": None,
    "insurance_mark": None,
    "insurance": None,
    "insurance_currency": None,
    "other_charges_mark": None,
    "other_charges": None,
    "other_charges_currency": None,
    "exchange_rates": (),
    "gross_mass": None,
    "net_mass": None,
    "used_goods": False,
    "risk_lane": "UNASSIGNED",
    "house_documents": (),
    "items": (),
    "duties": (),
    "permits": (),
    "conveyance": None,
    "declarant_id": None,
    "containerised": False,
    "containers": (),
    "synthetic": True,
    "revision": 1,
    "version": 1,
}
"""What most declarations leave open or have alike, or is filled in last."""


def ways(rng: Random) -> tuple[Record, ...]:
    """Declarations by office, procedure, partner, mode and terms, without parties, goods, papers and dates."""
    return tuple(_way(rng) for _ in range(WAYS))


def _way(rng: Random) -> Record:
    jurisdiction = pick(world.JURISDICTIONS, rng.random())
    chinese = jurisdiction == "CN"
    flow = "EXPORT" if rng.random() < 0.55 else "IMPORT"
    office = pick(world.OFFICES[jurisdiction], rng.random())
    partner = pick(world.PARTNERS[jurisdiction], rng.random())
    mode = pick(world.MODES.get(partner, world.MODES_OVERSEAS), rng.random())
    procedure = pick(world.PROCEDURES[flow], rng.random()) if chinese else "11"
    return {
        **AS_DECLARED,
        "sender_sequence": None if chinese else 0,
        "jurisdiction": jurisdiction,
        "flow": flow,
        "declaration_office": office,
        "border_office": office if chinese and rng.random() < BORDER else None,
        "procedure": procedure,
        "duty_regime": world.REGIMES.get(procedure),
        "trade_country": partner,
        "transport_mode": mode if chinese else world.KOREAN_MODES[mode],
        "trade_terms": pick(world.TERMS[flow], rng.random()),
        "package_kind": pick(world.PACKAGES, rng.random()),
        **NOBODY,
    }


def parties(rng: Random, run: int) -> tuple[Record, ...]:
    """What the declarations of each Chinese trader say of it and of its agent, the sender."""
    agents = world.agents(run)
    return tuple(
        {
            "sender_id": agents[place % world.AGENTS].sender,
            "declarant_id": agents[place % world.AGENTS].id,
            "trader_id": trader.id,
            "trader_code": trader.code,
            "trader_zone": trader.zone,
            "trader_district": trader.district,
            "trader_city": trader.city,
            "trader_province": trader.province,
        }
        for place, trader in enumerate(world.traders(rng))
    )


NOBODY: Record = dict.fromkeys(
    ("trader_id", "trader_code", "trader_zone", "trader_district", "trader_city", "trader_province"),
)
"""A trader that is not named."""
