"""Three lessons on what the numbers of this field mean: why rankings flip, harmonizing again and again, leaving a photograph alone.

They belong to no paper and take whatever the papers have left in a workspace (``material``); notebooks 91, 92 and 93 call them.
"""
