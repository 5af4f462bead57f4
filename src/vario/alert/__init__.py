"""Recording and alerting rules: files, templates, evaluation, state and schedule."""
