"""Judgement of rule files, SLOs, dashboards and log samples: documents in, findings out."""
