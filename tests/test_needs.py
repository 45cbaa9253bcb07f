"""Which compounds need the next plan most, worked out by hand (see small_district.py)."""

from dataclasses import replace
from datetime import date

import pytest
from desk import Desk
from small_district import SUMMER, fill

from layers.figures import pre_programme
from layers.needs import needs
from layers.people import OPERATOR, VISITOR, visible
from layers.plancoverage import part_of
from layers.querying import Query
from layers.service import set_standards
from layers.standards import USUAL, Weight


@pytest.mark.parametrize("person", [VISITOR, OPERATOR], ids=lambda person: person.role)
def test_the_neediest_come_first_with_their_reasons(small_on_each, person):
    found = needs(small_on_each, person, SUMMER)
    # Built before 2000, nothing begun, not in the plan of 2022: K08 (planned for 2023) and K06 (in none).
    k08, k06 = found.listed
    assert (k08.code, k06.code, found.plan_year) == ("K08", "K06", 2022)
    # K08: 34 years, (34 - 20) / 30 · 40; clinic and (for more than half of it) school, 2 / 6 · 30.
    assert (k08.age, k08.missing, k08.structures, k08.households) == (34, ("clinic", "school"), 0, None)
    assert k08.points == {"age": 18.666667, "facilities": 10.0, "structures": 0.0, "households": 0.0}
    assert k08.score == 28.666667
    # K06: 23 years; a clinic serves it, no school does; 400 households.
    assert (k06.age, k06.missing, k06.plan_year) == (23, ("school",), None)
    assert k06.points == {"age": 4.0, "facilities": 5.0, "structures": 0.0, "households": 4.0}
    assert k06.score == 13.0
    assert found.published_only == (person is VISITOR)


@pytest.mark.parametrize("year", [2021, 2022, 2023, 2024])
def test_its_filters_ask_for_exactly_these_compounds(small_on_each, year):
    found = needs(small_on_each, OPERATOR, date(year, 6, 30))
    asked = Query(layer="compounds", on=found.on, **found.filters)
    told = {row.code for row in small_on_each.rows(visible(OPERATOR, "compounds"), asked, shapes=False)}
    assert told == {one.code for one in found.listed}
    # The same, said of every compound: built before 2000, neither done nor begun, in another plan or none.
    whole = Query(layer="compounds", on=found.on)
    every = list(small_on_each.rows(visible(OPERATOR, "compounds"), whole, shapes=False))
    left = {row.code for row in every if pre_programme(row) and part_of(row) in ("planned", "not_planned")}
    plans = {row.code: row.properties["plan_year"] for row in every}
    assert told == {code for code in left if plans[code] != year}


def test_another_year_has_another_list(small_on_each):
    found = {one.code: one for one in needs(small_on_each, OPERATOR, date(2023, 6, 30)).listed}
    assert set(found) == {"K06", "K09"}  # K08 is in the plan of 2023; K09, planned for 2022, is not begun
    # K09: 31 years, no school, S09 (ordered) still stands, 80 households.
    k09 = found["K09"]
    assert k09.points == {"age": 14.666667, "facilities": 5.0, "structures": 2.0, "households": 0.8}
    assert (k09.structures, k09.street_office_code) == (1, None)


def test_the_city_weighs_as_it_wants(store, tmp_path):
    fill(Desk(store, tmp_path))
    need = {**USUAL.need, "age": Weight(0.0, 20.0, 50.0), "households": Weight(50.0, 0.0, 400.0)}
    set_standards(store, OPERATOR, replace(USUAL, title="x", need=need, missing_below=0.1))
    k06, k08 = needs(store, OPERATOR, SUMMER).listed
    # Of K08 more than a tenth lies within the school's reach, so that only the clinic is missing.
    assert (k06.code, k06.score) == ("K06", 55.0)
    assert (k08.missing, k08.score) == (("clinic",), 5.0)


def test_who_sees_published_structures_only_counts_no_others(sample_store):
    on = date(2022, 6, 30)
    seen, every = (needs(sample_store, person, on) for person in (VISITOR, OPERATOR))
    assert {one.code for one in seen.listed} == {one.code for one in every.listed}
    known = {one.code: one.structures for one in every.listed}
    assert all(one.structures <= known[one.code] for one in seen.listed)
    # Where nothing has begun structures are found or verified at most, and neither is published.
    assert sum(one.structures for one in seen.listed) == 0 < sum(known.values())


def test_the_sample_lists_all_that_are_in_no_plan_or_a_later_one(sample_store):
    found = needs(sample_store, OPERATOR, date(2022, 6, 30))
    # 32 in no plan, 30 planned for 2023 and 18 for 2024, less those whose survey has begun.
    assert len(found.listed) == 76
    scores = [one.score for one in found.listed]
    assert scores == sorted(scores, reverse=True)
    assert all(one.score == pytest.approx(sum(one.points.values()), abs=1e-5) for one in found.listed)
