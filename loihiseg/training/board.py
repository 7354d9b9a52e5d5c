"""A training for TensorBoard, through Keras' own callback."""

from pathlib import Path

from loihiseg.frameworks import tf

from loihiseg.training.state import Epoch

FOLDER = "tensorboard"
"""Within that of the training."""


def board(folder: Path) -> tf.keras.callbacks.TensorBoard:
    """Keras' callback, which writes losses of the training crops after every epoch.

    Parameters
    ----------
    folder : Path
        Of the training.
    """
    return tf.keras.callbacks.TensorBoard(str(folder / FOLDER), write_graph=False)


def write_validation(folder: Path, epoch: Epoch) -> None:
    """Write what an epoch came to on the validation sections, beside what the callback writes.

    Parameters
    ----------
    folder : Path
        Of the training.
    epoch : Epoch
    """
    writer = tf.summary.create_file_writer(str(folder / FOLDER / "validation"))
    with writer.as_default(step=epoch.epoch - 1):  # As Keras counts them.
        tf.summary.scalar("epoch_bce", epoch.validation_loss)
        tf.summary.scalar("epoch_accuracy", epoch.accuracy)
        tf.summary.scalar("epoch_membrane_iou", epoch.membrane_iou)
    writer.close()
