"""A queue of runs for a GPU that is lent for minutes: packed here, worked on there, and gone on with from what came back.

Everything that is done there is done by the stages; what is here decides what travels, what comes next, and when to stop.
"""
