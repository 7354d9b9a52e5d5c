"""Activations of today's Keras (3.15) that tf_keras lacks, for models read from its files."""

from loihiseg.frameworks import tf

_registered = tf.keras.utils.register_keras_serializable(package="loihiseg")


@_registered
def relu6(x: tf.Tensor) -> tf.Tensor:
    """x within 0..6."""
    return tf.nn.relu6(x)


@_registered
def leaky_relu(x: tf.Tensor) -> tf.Tensor:
    """x, or a fifth of it below 0."""
    return tf.nn.leaky_relu(x, 0.2)


@_registered
def hard_tanh(x: tf.Tensor) -> tf.Tensor:
    """x within -1..1."""
    return tf.clip_by_value(x, -1.0, 1.0)


@_registered
def hard_sigmoid_of_sixths(x: tf.Tensor) -> tf.Tensor:
    """x / 6 + 1/2 within 0..1: ``hard_sigmoid``; that of tf_keras is x / 5 + 1/2."""
    return tf.nn.relu6(x + 3.0) / 6.0


@_registered
def celu(x: tf.Tensor) -> tf.Tensor:
    """x, or exp(x) - 1 below 0."""
    return tf.nn.elu(x)


@_registered
def log_sigmoid(x: tf.Tensor) -> tf.Tensor:
    """log(1 / (1 + exp(-x)))."""
    return tf.math.log_sigmoid(x)


ACTIVATIONS = {
    "relu6": relu6,
    "leaky_relu": leaky_relu,
    "hard_tanh": hard_tanh,
    "hard_sigmoid_of_sixths": hard_sigmoid_of_sixths,
    "celu": celu,
    "log_sigmoid": log_sigmoid,
}
"""By the names that `loihiseg.conversion.keras_file.parts` has for them."""
