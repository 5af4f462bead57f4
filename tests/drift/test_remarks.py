"""What the doctor says of drift."""

from vario.drift.remarks import examine
from vario.drift.report import DriftReport, Invalid
from vario.query.doctor import Check


def test_a_server_without_predictions_says_nothing() -> None:
    assert list(examine(DriftReport())) == []
    assert list(examine(DriftReport(at_ms=1))) == []


def test_what_is_wrong_with_the_data_is_told_with_its_remedy() -> None:
    report = DriftReport(
        at_ms=1,
        without_reference=("it's",),
        invalid=(
            Invalid(3.0, "recommender", "age", "ragged"),
            Invalid(12.0, "recommender", "speed", "infinite"),
        ),
        error="reference 'v1' of model 'm' is not JSON",
    )
    checks = list(examine(report))
    assert [(check.name, check.service, check.status, check.message) for check in checks] == [
        ("drift", "", "failed", "drift could not be judged: reference 'v1' of model 'm' is not "
         "JSON"),
        ("reference", "", "warning", "model \"it's\" makes predictions and has no reference: "
         "nothing tells when it drifts"),
        ("features", "", "warning", "model 'recommender': 12 values of feature 'speed' cannot be "
         "used (infinite); they count as missing"),
        ("features", "", "warning", "model 'recommender': 3 values of feature 'age' cannot be "
         "used (ragged); they count as missing"),
    ]  # fmt: skip
    assert all(check.remedy for check in checks)
    assert "--model 'it'\"'\"'s' --name NAME --from-live 24h" in checks[1].remedy


def test_of_many_features_the_worst_are_told() -> None:
    invalid = tuple(Invalid(float(i), "m", f"f{i}", "wrong_type") for i in range(1, 31))
    checks: list[Check] = list(examine(DriftReport(at_ms=1, invalid=invalid)))
    assert len(checks) == 20
    assert "'f30'" in checks[0].message


def test_feedback_without_its_prediction_is_named() -> None:
    (check,) = examine(DriftReport(unjoined=41.7))
    assert (check.name, check.status) == ("feedback", "warning")
    assert check.message == "42 times lately feedback found no prediction of its request"
