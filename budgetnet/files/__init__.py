"""Files that users write: study files, network files and plug-ins."""
