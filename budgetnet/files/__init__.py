"""Files that users write: study files, network files, plug-ins."""
