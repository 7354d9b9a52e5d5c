"""The loss of an objective that is more than the cross-entropy with labels."""

from loihiseg.frameworks import tf

from loihiseg.training.objective import Objective


def cross_entropy(wanted: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Of each pixel with its target.

    Parameters
    ----------
    wanted : tensor, (batch, height, width, 2)
        Target and middle line, as in `loihiseg.training.wanted`.
    logits : tensor, (batch, height, width, 1)

    Returns
    -------
    tensor, (batch, height, width)
        Nats.
    """
    return tf.keras.losses.binary_crossentropy(wanted[..., :1], logits, from_logits=True)


class ObjectiveLoss(tf.keras.losses.Loss):
    """Cross-entropy, soft Dice and recall of middle lines, as an `Objective` weighs them.

    The latter two are of the whole batch, and count every pixel alike:
    ``1 - (2 sum(p y) + 1) / (sum(p) + sum(y) + 1)`` (Milletari et al. 2016, arXiv 1606.04797, with
    sums in place of those of squares), and ``1 - (sum(p s) + 1) / (sum(s) + 1)`` with s the middle
    lines (Kirchhoff et al. 2024, arXiv 2404.03010).
    """

    def __init__(self, objective: Objective) -> None:
        super().__init__(name="objective")
        self.objective = objective

    def call(self, wanted: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """Losses of pixels, (batch, height, width); what is of the batch is in each of them."""
        loss = cross_entropy(wanted, logits)
        target, line = wanted[..., 0], wanted[..., 1]
        probability = tf.sigmoid(logits[..., 0])
        if self.objective.dice_weight:
            both = tf.reduce_sum(probability * target)
            all_of = tf.reduce_sum(probability) + tf.reduce_sum(target)
            loss += self.objective.dice_weight * (1 - (2 * both + 1) / (all_of + 1))
        if self.objective.skeleton_weight:
            found = tf.reduce_sum(probability * line)
            missed = 1 - (found + 1) / (tf.reduce_sum(line) + 1)
            loss += self.objective.skeleton_weight * missed
        return loss
