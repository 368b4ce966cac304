"""The labels of business figures, written down by hand: a set that loses a code would show it as ``other``."""

from processor.demo.run import labels

STEPS = {"LODGED", "AMENDED", "ACCEPTED", "INSPECTED", "RELEASED", "CLEARED", "REJECTED", "CANCELLED"}
EXACTLY = {
    "stage": STEPS,
    "step": STEPS | {"SEQUENCES"},
    "flow": {"IMPORT", "EXPORT"},
    "jurisdiction": {"CN", "KR"},
    "membership": {"DATED", "CONSTANT"},
    "channel": {"ALL", "PLATFORM"},
    "trade.code/CHANNEL": {"PLATFORM", "OTHER"},
    "trade.code/NEW_THREE": {"ELECTRIC_VEHICLES", "SOLAR_CELLS", "LITHIUM_BATTERIES"},
    "lane": {"RED", "YELLOW", "BLUE", "GREEN", "UNASSIGNED"},
    "state": {"PENDING", "GRANTED", "REFUSED"},
    "kind": {"DUTY", "VAT", "CONSUMPTION_TAX", "ANTI_DUMPING", "OTHER"},
    "outcome": {"ACCEPTED", "ACCEPTED_WITH_WARNINGS", "PARKED", "REFUSED", "DUPLICATE", "CONFLICT"},
    "record": {"CustomsDeclaration", "DeclarationStatus", "ControlRecord"},
    "severity": {"ERROR", "WARNING"},
    "group": {"SCO", "SCO_PARTNERS", "BELT_AND_ROAD", "ASEAN", "RCEP", "CENTRAL_ASIA", "EU"},
}
AMONG_THEM = {
    "office": {"4240", "4246", "4250", "4254", "4258", "4300"},
    "trade.code/PARTNER": {"CN", "RU", "KZ", "KG", "TJ", "UZ", "IN", "PK", "IR", "BY", "MN", "AF", "KR", "US", "DE"},
    "trade.code/CHAPTER": {f"{chapter:02}" for chapter in range(1, 98) if chapter != 77},
    "trade.code/PROCEDURE": {"0110", "0214", "0615", "1210", "3339", "4561", "9610", "9710", "9810"},
    "trade.code/MODE": {"1", "2", "3", "4", "5"},
    "trade.code/AREA": {"37", "3702", "370281", "SCODA"},
    "rule": {*(f"D{n:02}" for n in range(1, 22)), "C01", "C02", "C03", "E01", "E03", "E05", "K01", "S01", "W01", "W02"},
}


def test_labels_are_what_was_agreed() -> None:
    found = labels()
    assert {name: found[name] for name in EXACTLY} == EXACTLY
    assert {name: codes - found[name] for name, codes in AMONG_THEM.items()} == {name: set() for name in AMONG_THEM}
