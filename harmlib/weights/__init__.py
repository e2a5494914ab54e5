"""Released weights: ``<name>.safetensors`` in half precision, each beside ``<name>.json``, its model card.

``harmlib.models.load_released(name)`` loads them, ``harmlib.models.list_released()`` lists them.
"""
