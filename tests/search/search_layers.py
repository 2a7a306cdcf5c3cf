"""A layer that searches of the tests begin with."""

LAYER = """
[layer]
in_features = {inputs}
out_features = {outputs}
[engine]
kind = "pq"
subvector_length = {length}
prototypes = 4
encoder = "l1"
weight_bits = 3
[precision]
activation_bits = 3
prototype_bits = 3
table_bits = 4
output = {{ bits = 3, shift = 2 }}
"""


def search_layer(inputs: int = 8, outputs: int = 4, length: int = 2) -> str:
    """The spec file of a dense lookup layer of a few bits."""
    return LAYER.format(inputs=inputs, outputs=outputs, length=length)
