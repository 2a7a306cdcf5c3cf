"""Operators that have no counterpart: why, and what to do instead."""

from .reader import SourceNode

__all__ = ["CONTROL", "ELEMENTWISE", "refusal"]

CONTROL = ("If", "Loop", "Scan", "SequenceMap")
"""Operators that hold networks of their own."""

ACTIVATIONS = ("Sigmoid", "Tanh", "HardSigmoid", "HardSwish", "Mish", "Swish", "Elu", "Selu",
               "Celu", "LeakyRelu", "PRelu", "ThresholdedRelu", "Softplus", "Softsign", "Gelu",
               "Erf", "HardTanh", "Abs")
NORMALISATIONS = ("InstanceNormalization", "LayerNormalization", "GroupNormalization",
                  "RMSNormalization", "LRN", "LpNormalization", "MeanVarianceNormalization",
                  "SimplifiedLayerNormalization", "SkipLayerNormalization")

ELEMENTWISE = ACTIVATIONS + NORMALISATIONS
"""Operators whose results have the shape of what they take."""

GROUPS = (
    (CONTROL, "it is control flow, and networks run straight through",
     "export the path that is taken, with constant conditions"),
    (("LSTM", "GRU", "RNN"), "it is recurrent, and engines keep no state",
     "use convolutions over time"),
    (ACTIVATIONS,
     "engines clamp, and compute no other function", "train with Relu, or with Clip from 0 to a "
     "bound; leave it out at the end, and compute it from the result"),
    (NORMALISATIONS,
     "its scales follow from the data of each row", "train with BatchNormalization"),
    (("ConvTranspose", "Resize", "Upsample", "DepthToSpace", "MaxUnpool", "GridSample",
      "DeformConv", "CenterCropPad", "Col2Im"),
     "it enlarges or rearranges images", "keep to networks whose maps grow no larger"),
    (("SpaceToDepth",), "it rearranges pixels into channels", "do it before the network"),
    (("QLinearConv", "QLinearMatMul", "ConvInteger", "MatMulInteger", "QLinearAdd", "QGemm",
      "QLinearGlobalAveragePool", "QLinearAveragePool", "QLinearConcat", "DynamicQuantizeLinear",
      "QLinearLeakyRelu", "QLinearSigmoid", "QLinearMul", "DynamicQuantizeMatMul",
      "MatMulIntegerToFloat", "MatMulNBits"),
     "it computes with integers", "quantise statically to pairs of QuantizeLinear and "
     "DequantizeLinear (QDQ) around operators of real values"),
    (("Attention", "MultiHeadAttention", "Einsum", "RotaryEmbedding"),
     "it multiplies tensors that the network computes", "compute this part elsewhere"),
    (("ZipMap", "ArrayFeatureExtractor", "LabelEncoder", "Normalizer", "Binarizer", "Imputer",
      "OneHotEncoder"),
     "it prepares data or names classes, and is no part of the network",
     "take what is in front of it, with --result {input}"),
    (("LinearClassifier", "LinearRegressor"), "it is an operator of classic machine learning",
     "export the model as MatMul and Add"),
    (("TreeEnsembleClassifier", "TreeEnsembleRegressor", "TreeEnsemble", "SVMClassifier",
      "SVMRegressor"), "it is an operator of classic machine learning", "train a network"),
    (("FusedConv", "FusedGemm", "FusedMatMul", "QuickGelu", "NhwcMaxPool", "BiasGelu"),
     "it was made by an optimiser for one runtime", "export without optimising for a runtime"),
    (("Split", "Gather", "GatherND", "GatherElements", "TopK", "NonMaxSuppression", "Tile",
      "ScatterND", "Where", "Compress", "NonZero", "Unique", "ReverseSequence", "RoiAlign",
      "MaxRoiPool", "ScatterElements", "EyeLike", "OneHot", "Trilu"),
     "it selects, repeats or places values", "keep all channels and pixels together"),
    (("Pow", "Sqrt", "Exp", "Log", "Reciprocal", "Floor", "Ceil", "Round", "Sin", "Cos", "Sign",
      "Mod", "ReduceSum", "ReduceProd", "ReduceMin", "ReduceL1", "ReduceL2", "ReduceSumSquare",
      "ReduceLogSumExp", "CumSum", "Mean", "Hardmax", "LpPool", "GlobalLpPool", "Not", "And",
      "Or", "Xor", "Equal", "Less", "Greater", "ArgMin"),
     "engines do not compute it", "compute it before or behind the network"),
)
"""Operators, what they are, and a way out."""

RUNTIME = ("com.microsoft", "ai.onnx.ml", "ai.onnx.training", "ai.onnx.preview.training")
"""Domains beside ONNX's own whose operators stand above."""


def refusal(node: SourceNode) -> tuple[str, str]:
    """Why a node is unsupported, and what to do."""
    if node.is_standard or node.domain in RUNTIME:
        for operators, reason, remedy in GROUPS:
            if node.op in operators:
                return reason, remedy.format(input=node.inputs[0] if node.inputs else "")
    if not node.is_standard:
        return (f"{node.op} is an operator of the domain {node.domain}, which is not ONNX's own",
                "export without operators of your own")
    from onnx import defs
    if not defs.has(node.op):
        return (f"{node.op} is no operator of ONNX",
                "export again, with an exporter that knows what it stands for")
    return f"{node.op} has no counterpart in a graph", "leave it out, or compute it elsewhere"
