"""The rules of the declarations flow, as data; ``docs/rules.md`` is made of them.

Frames and the columns rules read, beside a record's own fields, ``row``, ``at`` (event_time) and ``appended``:

- ``declaration`` (CustomsDeclaration): zone_known, office_known (Boolean); items_in_order (Boolean, null without
  items); leaves (Boolean: an item is for elsewhere than China); worth (Int64, fen: its value in statistical terms)
- ``status`` (DeclarationStatus), ``control`` (ControlRecord): nothing more
- ``item``: place; jurisdiction, flow, used_goods; permitted (Boolean: its declaration names a permit); goods (Int64,
  fen: total in yuan); conditions (String: flags of the tariff, null for none)
- ``container``, ``rate`` (of exchange_rates): place; jurisdiction
- ``duty``, ``permit``, ``house`` (of house_documents), ``count`` (of a control record's counts): place

``place`` counts from 1 within the record. Check digits are judged here, not in ``prepare``.
"""

from processor.engine.rules import Rule
from processor.flows.declarations.rules import charges, codes, header, items, limits, messages, parts
from processor.reference import Reference

ORDER = "DCEKSW"


def rules(reference: Reference) -> tuple[Rule, ...]:
    """All rules, in the order findings are told: by kind (ORDER) and number."""
    every = (
        *header.rules(),
        *codes.rules(reference),
        *charges.rules(),
        *items.rules(reference),
        *parts.rules(),
        *messages.rules(),
        *limits.rules(),
    )
    return tuple(sorted(every, key=lambda rule: (ORDER.index(rule.id[0]), rule.id)))
