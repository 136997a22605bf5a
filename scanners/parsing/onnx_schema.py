"""Schema of the ONNX messages, with the fields that can lead out of the model.

Field numbers: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.
"""

JSON_SUFFIX = ".onnxjson"
HOLDING_GRAPHS = frozenset({"graph", "functions", "trainingInfo", "training_info"})
"""Keys of which every model in JSON has at least one."""
COMPARING = frozenset({"Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "IsNaN", "IsInf", "Sign", "Cast"})
"""Operators of which a graph needs one to make a decision."""
# int, text and span are what scanners.parsing.protobuf keeps of a field; the rest are messages
_ENTRY = {1: ("key", "text"), 2: ("value", "text")}
SCHEMA = {
    "Model": {
        1: ("ir_version", "int"),
        2: ("producer_name", "text"),
        3: ("producer_version", "text"),
        7: ("graph", "Graph"),
        8: ("opset_import", "OperatorSet"),
        14: ("metadata_props", "Entry"),
        20: ("training_info", "Training"),
        25: ("functions", "Function"),
    },
    "Training": {1: ("initialization", "Graph"), 2: ("algorithm", "Graph")},
    "Function": {1: ("name", "text"), 7: ("node", "Node"), 10: ("domain", "text"), 11: ("attribute", "Attribute")},
    "Graph": {
        1: ("node", "Node"),
        2: ("name", "text"),
        5: ("initializer", "Tensor"),
        15: ("sparse_initializer", "Sparse"),
    },
    "Node": {3: ("name", "text"), 4: ("op_type", "text"), 5: ("attribute", "Attribute"), 7: ("domain", "text")},
    "Attribute": {
        5: ("t", "Tensor"),
        6: ("g", "Graph"),
        10: ("tensors", "Tensor"),
        11: ("graphs", "Graph"),
        22: ("sparse_tensor", "Sparse"),
        23: ("sparse_tensors", "Sparse"),
    },
    "Sparse": {1: ("values", "Tensor"), 2: ("indices", "Tensor")},
    "Tensor": {
        1: ("dims", "int"),
        2: ("data_type", "int"),
        3: ("segment", "span"),
        8: ("name", "text"),
        9: ("raw_data", "span"),
        13: ("external_data", "Entry"),
    },
    "OperatorSet": {1: ("domain", "text"), 2: ("version", "int")},
    "Entry": _ENTRY,
}
