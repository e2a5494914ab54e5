"""Training: one loop for every method, GANs included (``loop``), and the state it saves (``state``)."""
