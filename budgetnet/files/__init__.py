"""What users write: study files, network files and plug-ins."""
