import pytest

from geo.errors import RequestError
from layers import catalogue
from layers.catalogue import LAYERS, PUBLISHED_STATES, STATES, layer_named

#: A frame has these already: a column of that name could not be reached as an attribute.
SHADOWED = {"area", "length", "bounds", "size", "index", "shape", "values", "geometry", "crs", "columns"}
TYPES = {"text", "code", "integer", "number", "year", "date", "flag", "choice"}
FIELDS = [(layer.name, field) for layer in LAYERS.values() for field in layer.fields]


def test_the_four_layers_are_those_of_the_issue_in_order():
    assert list(LAYERS) == ["street_offices", "compounds", "illegal_structures", "facilities"]
    assert all(name == layer.name for name, layer in LAYERS.items())


@pytest.mark.parametrize(
    ("layer", "named"),
    [
        ("street_offices", "code name"),
        (
            "compounds",
            "code name plan_year built_year buildings households floor_area_m2 land_area_m2 stage "
            "street_office_code street_office_name street_office_share border",
        ),
        (
            "illegal_structures",
            "code name kind area_m2 batch state compound_code "
            "street_office_code street_office_name street_office_share border",
        ),
        ("facilities", "code name kind radius_m"),
    ],
)
def test_every_field_that_other_programs_rely_on_is_there(layer, named):
    assert set(named.split()) <= {field.name for field in LAYERS[layer].fields}


@pytest.mark.parametrize(("layer", "field"), FIELDS, ids=lambda part: getattr(part, "name", part))
def test_a_field_is_wholly_described(layer, field):
    assert field.name.isidentifier() and field.name == field.name.lower()
    assert field.name not in SHADOWED
    assert field.alias.isascii() and field.alias == field.alias.upper()
    assert field.title and not field.title.isascii()
    assert field.label and field.label.isascii()
    assert field.type in TYPES
    assert (field.type == "choice") == (field.choices is not None)


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
@pytest.mark.parametrize("part", ["name", "alias", "title", "label"])
def test_no_two_fields_of_a_layer_share_a_name(layer, part):
    named = [getattr(field, part) for field in layer.fields]
    assert len(named) == len(set(named))


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
def test_each_layer_has_a_public_key_that_no_program_derives(layer):
    code = layer.field("code")
    assert (code.type, code.private, code.derived) == ("code", False, False)


def test_only_a_street_office_must_have_code_and_name():
    must = {(layer, field.name) for layer, field in FIELDS if field.must}
    assert must == {("street_offices", "code"), ("street_offices", "name")}


def test_personal_data_are_private_and_nothing_else_is():
    private = {(layer, field.name) for layer, field in FIELDS if field.private}
    assert private == {
        ("compounds", "contact"),
        ("compounds", "contact_phone"),
        ("illegal_structures", "person"),
    }


def test_what_the_program_works_out_no_file_brings():
    for layer in LAYERS.values():
        assert not [field.name for field in layer.stored if field.derived]
        assert {f.name for f in layer.fields} - {f.name for f in layer.stored} <= {
            "street_office_code",
            "street_office_name",
            "street_office_share",
            "border",
        }


def test_a_case_is_published_from_the_order_on():
    assert STATES == ("found", "verified", "ordered", "demolished", "deferred", "rebuilt", "closed")
    assert {"ordered", "demolished", "deferred", "rebuilt", "closed"} == PUBLISHED_STATES
    assert catalogue.CLEARED_STATES <= PUBLISHED_STATES


def test_a_layer_nobody_has_is_refused_and_the_four_are_named():
    with pytest.raises(
        RequestError, match="roads.*street_offices, compounds, illegal_structures, facilities"
    ):
        layer_named("roads")


def test_a_field_nobody_has_is_refused():
    with pytest.raises(RequestError, match="facilities has no field state"):
        LAYERS["facilities"].field("state")


def test_the_catalogue_cannot_be_changed_while_the_program_runs():
    with pytest.raises(TypeError):
        LAYERS["roads"] = LAYERS["compounds"]
    with pytest.raises(AttributeError):
        LAYERS["compounds"].field("code").private = True
