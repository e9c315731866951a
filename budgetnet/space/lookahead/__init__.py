"""Looking ahead without a table: the least that is still to come, and how likely what follows fits."""
