"""The core: from a request to finished images, and the ports through which it reaches everything else."""
