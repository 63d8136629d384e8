"""How the registry refuses a call: in the platform's words.

Both databases refuse alike, so a gateway reads one form: a class and a sentence.
"""

from examples.qsbridge.refusals import RefusalClass, refusal, refusal_class

__all__ = ["RefusalClass", "refusal", "refusal_class"]
