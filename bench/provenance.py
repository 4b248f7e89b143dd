"""What every sample tells of the tree it was measured with."""
import os
import subprocess


def commit():
    """The commit of the tree; without git the value of THALWEG_COMMIT."""
    try:
        command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
        here = os.path.dirname(os.path.abspath(__file__))
        return subprocess.run(command, cwd=here, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return os.environ.get("THALWEG_COMMIT", "unknown")
