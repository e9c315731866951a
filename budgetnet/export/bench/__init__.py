"""Speed of networks on this machine: several ways of running them, against each other in one run."""
