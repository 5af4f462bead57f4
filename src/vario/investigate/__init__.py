"""From a symptom to its cause, and proof that a fix worked: pure functions of a reader.

A question and a reader go in, an `Investigation` (`vario.model.investigation`) comes out. Nothing
here keeps time, state or secrets: any past incident can be asked about again.
"""
