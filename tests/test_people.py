import pytest

from geo.errors import PermissionError_, RequestError
from layers.catalogue import LAYERS, PUBLISHED_STATES
from layers.people import OPERATOR, ROLES, VISITOR, Person, may, require, visible

READS = ("compare", "read_record", "read_private")
ACTIONS = (
    *("load", "activate", "assign", "decide", "describe", "plan", "grant", "back_up", "restore"),
    *READS,
)
#: The whole matrix: what is not here may not be done.
ALLOWED = (
    {("bureau", action) for action in ACTIONS}
    | {("auditor", action) for action in READS}
    | {("planner", "compare"), ("planner", "read_record")}
)
PUBLIC = {
    name: tuple(field.name for field in layer.fields if not field.private) for name, layer in LAYERS.items()
}


@pytest.mark.parametrize("role", [*ROLES, "nobody", ""])
@pytest.mark.parametrize("action", [*ACTIONS, "sign", ""])
def test_each_role_may_what_the_matrix_says_and_no_more(role, action):
    person = Person(role)
    assert may(person, action) is ((role, action) in ALLOWED)
    if (role, action) in ALLOWED:
        require(person, action)
    else:
        with pytest.raises(PermissionError_):
            require(person, action)


def test_who_answers_for_one_street_office_may_nothing_for_another():
    person = Person("bureau", office="A")
    assert may(person, "load", "A")
    assert not may(person, "load", "B")
    assert not may(person, "load")
    with pytest.raises(PermissionError_):
        require(person, "load", "B")


def test_the_operator_is_the_bureau_and_history_can_name_it():
    assert (OPERATOR.role, OPERATOR.office, OPERATOR.name) == ("bureau", None, "operator")
    assert (VISITOR.role, VISITOR.office, VISITOR.name) == ("visitor", None, "")


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("role", [*ROLES, "nobody"])
def test_no_role_sees_private_fields_unasked_and_only_three_see_unpublished_cases(role, layer):
    sight = visible(Person(role), layer)
    assert sight.layer == layer
    assert sight.fields == PUBLIC[layer]
    if layer == "illegal_structures" and role not in ("bureau", "planner", "auditor"):
        assert (sight.states, sight.kind) == (PUBLISHED_STATES, "published")
    else:
        assert (sight.states, sight.kind) == (None, "every")


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("role", [*ROLES, "nobody"])
def test_private_fields_must_be_asked_for_by_one_who_may(role, layer):
    if (role, "read_private") in ALLOWED:
        sight = visible(Person(role), layer, private=True)
        assert sight.fields == tuple(field.name for field in LAYERS[layer].fields)
        assert sight.kind == "every-private"
    else:
        with pytest.raises(PermissionError_):
            visible(Person(role), layer, private=True)


def test_the_kinds_of_sight_tell_different_sights_apart():
    sights = {visible(Person(role), layer) for role in ROLES for layer in LAYERS}
    sights |= {visible(OPERATOR, layer, private=True) for layer in LAYERS}
    assert len({(s.layer, s.kind) for s in sights}) == len(sights)


def test_a_layer_nobody_has_cannot_be_seen():
    with pytest.raises(RequestError):
        visible(OPERATOR, "roads")
