"""TensorBoard itself reads the event files, including those of a run that was killed and resumed."""
import unittest

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import cli
from test_observation import config, expected_scalars, kill_beyond_a_checkpoint


class TensorBoard(cli.CliTest):
    def test_shows_the_metrics_of_a_killed_and_resumed_run(self):
        out = self.folder / "run"
        path = self.write("config.json", config(epochs=120))
        kill_beyond_a_checkpoint(path, out)
        cli.run_ok("train", path, "--out", out, "--quiet")
        accumulator = EventAccumulator(str(out), size_guidance={"scalars": 0}).Reload()
        shown = {tag: [(event.step, event.value) for event in accumulator.Scalars(tag)]
                 for tag in accumulator.Tags()["scalars"]}
        expected = {tag: sorted(values.items()) for tag, values in expected_scalars(cli.read_metrics(out)).items()}
        self.assertEqual(shown, expected)


if __name__ == "__main__":
    unittest.main()
