"""Go's text/template as Prometheus uses it in labels and annotations of alerting rules.

`check_template` refuses what cannot be parsed, `expand` makes the text; a fault while executing
becomes the text, as in Prometheus, so that an alert is never lost to its description.
"""

from collections.abc import Mapping
from functools import lru_cache

from vario.alert.template.execute import execute
from vario.alert.template.functions import (
    FUNCTION_NAMES,
    Links,
    QueryForTemplate,
    make_functions,
)
from vario.alert.template.parse import Template, TemplateError, parse
from vario.alert.template.values import AlertData, StringMap, Value

__all__ = ["Expander", "Links", "QueryForTemplate", "TemplateError", "check_template"]

_DEFINITIONS = (
    "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}"
    "{{$externalURL := .ExternalURL}}{{$value := .Value}}"
)


def check_template(alert: str, text: str) -> None:
    """Returns if `text` can be parsed as a template of the alert named `alert`.

    Raises:
        TemplateError: it cannot.
    """
    _parsed(alert, text)


@lru_cache(maxsize=4096)
def _parsed(alert: str, text: str) -> Template:
    return parse(f"__alert_{alert}", _DEFINITIONS + text, FUNCTION_NAMES)


class Expander:
    """Expands the templates of one alerting rule at one evaluation."""

    def __init__(
        self,
        alert: str,
        query: QueryForTemplate,
        *,
        external_labels: Mapping[str, str],
        links: Links,
    ) -> None:
        self._alert = alert
        self._functions = make_functions(query, links)
        self._external_labels = StringMap(external_labels)
        self._links = links

    def expand(self, text: str, labels: Mapping[str, str], value: Value) -> str:
        """Returns what `text` says of one element of the rule's vector.

        Args:
            text: the template.
            labels: the element's labels, metric name included.
            value: its value, a float or the text of a native histogram.

        Returns:
            The text, or `<error expanding template: ...>`.
        """
        if "{{" not in text:
            return text
        data = AlertData(StringMap(labels), self._external_labels, self._links.external_url, value)
        try:
            template = _parsed(self._alert, text)
        except TemplateError as error:
            return _failure(f"error parsing template __alert_{self._alert}: {error}")
        try:
            return execute(template, data, self._functions)
        except TemplateError as error:
            return _failure(f"error executing template __alert_{self._alert}: {error}")


def _failure(message: str) -> str:
    return f"<error expanding template: {message}>"
